import type pg from 'pg';

/** Everything in the schema public that a migration can change, one line for each thing, in a fixed order. */
export async function fingerprint(client: pg.Client): Promise<string[]> {
  // With an empty search_path every name is printed with its schema.
  await client.query("set search_path = ''");
  try {
    const { rows } = await client.query<{ line: string }>(FINGERPRINT);
    return rows.map(({ line }) => line);
  } finally {
    await client.query('reset search_path');
  }
}

/** Lines of only one of two fingerprints: `- before`, `+ after`. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  const [inBefore, inAfter] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !inAfter.has(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !inBefore.has(line)).map((line) => `+ ${line}`),
  ];
}

const aclOf = (acl: string) =>
  `coalesce((select string_agg(entry::text, ',' order by entry::text) from unnest(${acl}) entry), 'default')`;

const FINGERPRINT = `
with relations as (
  select c.*, c.oid::regclass::text as name
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
)
select line from (
  select format('schema %s %s %s', nspname, pg_get_userbyid(nspowner), ${aclOf('nspacl')}) as line
  from pg_namespace
  where nspname !~ '^pg_' and nspname not in ('information_schema', 'aisha_db')
  union all
  select format('relation %s %s rls %s forced %s %s %s %s %s', name, relkind, relrowsecurity, relforcerowsecurity,
    reloptions, pg_get_userbyid(relowner), ${aclOf('relacl')}, obj_description(oid, 'pg_class'))
  from relations
  union all
  select format('column %s %s %s %s %s %s %s %s %s %s', r.name,
    lpad((row_number() over (partition by a.attrelid order by a.attnum))::text, 3, '0'), a.attname,
    format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' else 'null' end,
    pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, ${aclOf('a.attacl')},
    col_description(a.attrelid, a.attnum))
  from relations r
  join pg_attribute a on a.attrelid = r.oid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attnum > 0 and not a.attisdropped and r.relkind <> 'S'
  union all
  select format('constraint %s %s %s validated %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
  from pg_constraint
  where connamespace = 'public'::regnamespace and conrelid <> 0
  union all
  select format('index %s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid)
  from pg_index i join relations r on r.oid = i.indrelid
  union all
  select format('policy %s %s %s %s to %s using %s check %s', polrelid::regclass, polname, polcmd,
    case when polpermissive then 'permissive' else 'restrictive' end,
    (select string_agg(coalesce(rolname, 'public'), ',' order by rolname) from unnest(polroles) r left join pg_roles on oid = r),
    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
  from pg_policy p join relations r on r.oid = p.polrelid
  union all
  select format('trigger %s %s', pg_get_triggerdef(t.oid), t.tgenabled)
  from pg_trigger t join relations r on r.oid = t.tgrelid
  where not t.tgisinternal
  union all
  select format('function %s %s %s %s', pg_get_functiondef(oid), pg_get_userbyid(proowner), ${aclOf('proacl')},
    obj_description(oid, 'pg_proc'))
  from pg_proc p
  where pronamespace = 'public'::regnamespace and prokind in ('f', 'p')
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  union all
  select format('view %s %s', name, pg_get_viewdef(oid)) from relations where relkind in ('v', 'm')
  union all
  select format('extension %s in %s', extname, extnamespace::regnamespace) from pg_extension
  union all
  select format('type %s %s', typname, typtype) from pg_type
  where typnamespace = 'public'::regnamespace and typtype not in ('c', 'b')
  union all
  select format('default grants of %s in %s on %s: %s', pg_get_userbyid(defaclrole), defaclnamespace, defaclobjtype,
    ${aclOf('defaclacl')})
  from pg_default_acl
) lines
order by line collate "C"`;
