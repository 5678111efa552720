import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { ConvertFacts } from './convert-facts.ts';
import { TIME_TYPES } from './convert-plan.ts';
import type { Step } from './plan.ts';

type Catalog = Omit<ConvertFacts, 'nullRows' | 'steps'>;

/**
 * All that hangs on a table, as SQL that gives the same to another one; `undefined` when there is no such table. The
 * session's search path is left empty, so that every name comes with its schema.
 */
export async function readConvertFacts(
  session: Session,
  schema: string,
  name: string,
  { column, step }: { readonly column: string; readonly step: Step },
): Promise<ConvertFacts | undefined> {
  await session.query("select pg_catalog.set_config('search_path', '', false)");
  const [row] = await session.query<{ facts: Catalog }>(FACTS, [schema, name]);
  if (row === undefined) return undefined;
  const facts = { ...row.facts, primaryKey: row.facts.primaryKey ?? undefined };
  const isTime = TIME_TYPES.has(facts.columns.find((one) => one.name === column)?.type ?? '');
  // What a policy hides would be counted as if it were not there.
  if (!isTime || facts.table.isHidden) return { ...facts, nullRows: 0, steps: [] };
  const key = quoteIdentifier(column);
  const from = quoteQualified(schema, name);
  const steps = await session.query<{ from: number | null; rows: number }>(
    `select extract(epoch from pg_catalog.date_trunc('${step}', ${key}::timestamp))::float8 * 1000 as "from",
       count(*)::float8 as rows
     from ${from} group by 1 order by 1`,
  );
  return {
    ...facts,
    nullRows: steps.find((one) => one.from === null)?.rows ?? 0,
    steps: steps.flatMap(({ from: at, rows }) => (at === null ? [] : [{ from: at, rows }])),
  };
}

const NAMES_OF = (numbers: string, relation: string) =>
  `(select coalesce(json_agg(a.attname order by u.n), '[]') from unnest(${numbers}) with ordinality u(attnum, n)
    join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = u.attnum)`;

const ROLES = `(select string_agg(case when r.oid is null then 'public' else quote_ident(r.rolname) end, ', ')
  from unnest(p.polroles) o(oid) left join pg_catalog.pg_roles r on r.oid = o.oid)`;

const POLICY_EXPRESSIONS = `coalesce(' using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')', '')
  || coalesce(' with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')`;

/** A row trigger with transition tables: PostgreSQL has none on partitions. */
const IMPOSSIBLE = `g.tgtype & 1 = 1 and (g.tgoldtable is not null or g.tgnewtable is not null)`;

/** Comments of what is made anew by name; those of columns and checks come with LIKE. */
const COMMENTS = `
  select format('comment on table %s is %L', t.label, d.description) as statement
  from pg_catalog.pg_description d
  where d.classoid = 'pg_catalog.pg_class'::regclass and d.objoid = t.oid and d.objsubid = 0
  union all
  select format('comment on policy %I on %s is %L', p.polname, t.label, d.description)
  from pg_catalog.pg_policy p join pg_catalog.pg_description d on d.objoid = p.oid
  where p.polrelid = t.oid and d.classoid = 'pg_catalog.pg_policy'::regclass
  union all
  select format('comment on trigger %I on %s is %L', g.tgname, t.label, d.description)
  from pg_catalog.pg_trigger g join pg_catalog.pg_description d on d.objoid = g.oid
  where g.tgrelid = t.oid and not g.tgisinternal and not (${IMPOSSIBLE}) and d.classoid = 'pg_catalog.pg_trigger'::regclass
  union all
  select format('comment on index %I.%I is %L', t.schema, c.relname, d.description)
  from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid = x.indexrelid
  join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0
  where x.indrelid = t.oid and not x.indisexclusion and x.indisvalid and d.classoid = 'pg_catalog.pg_class'::regclass`;

/** What is bound to the table by its oid and follows it to its new name: all that is not the table's own. */
const DEPENDENTS = `
  select d.classid, d.objid, d.objsubid from pg_catalog.pg_depend d
  where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = t.oid and d.deptype in ('n', 'a')
  union
  select d.classid, d.objid, d.objsubid from pg_catalog.pg_depend d
  join pg_catalog.pg_type y on y.oid in (t.reltype, (select typarray from pg_catalog.pg_type where oid = t.reltype))
  where d.refclassid = 'pg_catalog.pg_type'::regclass and d.refobjid = y.oid and d.deptype = 'n' and t.reltype <> 0`;

/** Of dependents, what is given the new table by name. */
const VIEW = `d.classid = 'pg_catalog.pg_rewrite'::regclass and v.relkind = 'v'`;

const FACTS = `
with t as materialized (
  select c.*, n.nspname::text as schema, format('%I.%I', n.nspname, c.relname) as label
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
), dependents as materialized (
  select x.* from t cross join lateral (${DEPENDENTS}) x
), views as materialized (
  select distinct v.oid, format('%I.%I', n.nspname, v.relname) as name, v.relkind, v.reloptions, v.relname, v.relowner
  from dependents d join pg_catalog.pg_rewrite w on w.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
  join pg_catalog.pg_class v on v.oid = w.ev_class join pg_catalog.pg_namespace n on n.oid = v.relnamespace
  where v.oid <> (select oid from t)
), foreign_keys as materialized (
  select k.conname::text as name, replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID', '') as definition,
    k.convalidated as "isValid", k.conrelid = k.confrelid as "isSelf", k.conrelid, k.confrelid,
    format('%I.%I', n.nspname, c.relname) as "table", ${NAMES_OF('k.confkey', 'k.confrelid')} as targets
  from pg_catalog.pg_constraint k join t on t.oid in (k.conrelid, k.confrelid)
  join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where k.contype = 'f' and k.conparentid = 0
)
select json_build_object(
  'role', current_user,
  'table', json_build_object(
    'schema', t.schema, 'name', t.relname, 'kind', t.relkind, 'persistence', t.relpersistence,
    'isPartition', t.relispartition,
    'inherits', exists (select from pg_catalog.pg_inherits i where t.oid in (i.inhrelid, i.inhparent)),
    'owner', (select rolname from pg_catalog.pg_roles where oid = t.relowner),
    'mayAlter', pg_catalog.pg_has_role(t.relowner, 'USAGE'),
    'rlsEnabled', t.relrowsecurity, 'rlsForced', t.relforcerowsecurity,
    'isHidden', pg_catalog.row_security_active(t.oid), 'replicaIdentity', t.relreplident,
    'options', (select string_agg(o, ', ') from unnest(t.reloptions) o),
    'rows', greatest(t.reltuples, 0)::float8, 'bytes', pg_catalog.pg_total_relation_size(t.oid)::float8),
  'columns', (
    select json_agg(json_build_object(
      'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, null), 'isGenerated', a.attgenerated <> '',
      'isIdentity', a.attidentity <> '',
      'sequence', (
        select json_build_object('schema', n.nspname, 'name', s.relname)
        from pg_catalog.pg_depend d join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
        join pg_catalog.pg_namespace n on n.oid = s.relnamespace
        where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = d.classid and d.refobjid = t.oid
          and d.refobjsubid = a.attnum and d.deptype in ('a', 'i') limit 1),
      'statistics', nullif(a.attstattarget, -1)) order by a.attnum)
    from pg_catalog.pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped),
  'primaryKey', (
    select json_build_object('name', k.conname, 'columns', ${NAMES_OF('k.conkey', 't.oid')})
    from pg_catalog.pg_constraint k where k.conrelid = t.oid and k.contype = 'p'),
  'indexes', (
    select coalesce(json_agg(json_build_object(
      'name', c.relname, 'isUnique', x.indisunique, 'isExclusion', x.indisexclusion,
      'constraint', (select pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint k
        where k.conindid = x.indexrelid and k.conrelid = t.oid and k.contype in ('u', 'x')),
      'columns', ${NAMES_OF('(x.indkey::int2[])[0:x.indnkeyatts - 1]', 't.oid')},
      'hasExpressions', x.indexprs is not null,
      'tail', substr(pg_catalog.pg_get_indexdef(c.oid), length(format('CREATE %sINDEX %I ON %s ',
        case when x.indisunique then 'UNIQUE ' end, c.relname, t.label)) + 1)) order by c.relname), '[]')
    from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid = x.indexrelid
    where x.indrelid = t.oid and not x.indisprimary and x.indisvalid),
  'checks', (
    select coalesce(json_agg(json_build_object('name', k.conname,
      'definition', replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID', ''), 'isValid', k.convalidated)
      order by k.conname), '[]')
    from pg_catalog.pg_constraint k where k.conrelid = t.oid and k.contype = 'c'),
  'foreignKeys', (select coalesce(json_agg(f order by name), '[]') from foreign_keys f where conrelid = t.oid),
  'inbound', (select coalesce(json_agg(f order by "table", name), '[]') from foreign_keys f where confrelid = t.oid),
  'triggers', (
    select coalesce(json_agg(json_build_object('name', g.tgname, 'definition', pg_catalog.pg_get_triggerdef(g.oid),
      'enabled', g.tgenabled,
      'isImpossible', ${IMPOSSIBLE})
      order by g.tgname), '[]')
    from pg_catalog.pg_trigger g where g.tgrelid = t.oid and not g.tgisinternal),
  'policies', (
    select coalesce(json_agg(json_build_object('name', p.polname, 'clauses', format('as %s for %s to %s%s',
      case when p.polpermissive then 'permissive' else 'restrictive' end,
      case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
        else 'all' end, ${ROLES}, ${POLICY_EXPRESSIONS})) order by p.polname), '[]')
    from pg_catalog.pg_policy p where p.polrelid = t.oid),
  'grants', (
    select coalesce(json_agg(json_build_object('grantee', coalesce(quote_ident(r.rolname), 'public'),
      'privilege', lower(g.privilege_type), 'column', g."column", 'grantable', g.is_grantable)), '[]')
    from (
      select a.*, null as "column" from pg_catalog.aclexplode(t.relacl) a
      union all
      select x.*, quote_ident(a.attname) from pg_catalog.pg_attribute a cross join pg_catalog.aclexplode(a.attacl) x
      where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    ) g left join pg_catalog.pg_roles r on r.oid = g.grantee
    where g.grantee <> t.relowner and (g.grantee = 0 or r.oid is not null)),
  'views', (
    select coalesce(json_agg(json_build_object('name', v.name,
      'definition', rtrim(pg_catalog.pg_get_viewdef(v.oid), '; '),
      'options', (select string_agg(o, ', ') from unnest(v.reloptions) o),
      'mayReplace', pg_catalog.pg_has_role(v.relowner, 'USAGE')) order by v.name), '[]')
    from views v where v.relkind = 'v'),
  'bound', (
    select coalesce(json_agg(json_build_object('what', b.what, 'statement', b.statement) order by b.what), '[]')
    from (
      select distinct format('policy %I on %s', p.polname, p.polrelid::regclass) as what,
        format('alter policy %I on %I.%I%s', p.polname, n.nspname, c.relname, ${POLICY_EXPRESSIONS}) as statement
      from dependents d join pg_catalog.pg_policy p on p.oid = d.objid
      join pg_catalog.pg_class c on c.oid = p.polrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where d.classid = 'pg_catalog.pg_policy'::regclass and p.polrelid <> t.oid
      union
      select format('function %s', p.oid::regprocedure), pg_catalog.pg_get_functiondef(p.oid)
      from dependents d join pg_catalog.pg_proc p on p.oid = d.objid and p.prokind in ('f', 'p')
      where d.classid = 'pg_catalog.pg_proc'::regclass
        and not exists (
          select from pg_catalog.pg_depend y
          where y.classid = d.classid and y.objid = d.objid and y.refclassid = 'pg_catalog.pg_type'::regclass
            and y.refobjid in (t.reltype, (select typarray from pg_catalog.pg_type where oid = t.reltype)))
    ) b),
  'publications', (
    select coalesce(json_agg(json_build_object('name', p.pubname,
      'mayChange', pg_catalog.pg_has_role(p.pubowner, 'USAGE'), 'isViaRoot', p.pubviaroot,
      'hasPartitioned', exists (
        select from pg_catalog.pg_publication_rel o join pg_catalog.pg_class c on c.oid = o.prrelid
        where o.prpubid = p.oid and c.relkind = 'p')) order by p.pubname), '[]')
    from pg_catalog.pg_publication_rel r join pg_catalog.pg_publication p on p.oid = r.prpubid
    where r.prrelid = t.oid),
  'others', (
    select coalesce(json_agg(distinct pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)), '[]')
    from dependents d
    left join pg_catalog.pg_rewrite w on w.oid = d.objid and d.classid = 'pg_catalog.pg_rewrite'::regclass
    left join pg_catalog.pg_class v on v.oid = w.ev_class
    where case d.classid
      when 'pg_catalog.pg_rewrite'::regclass then not (${VIEW})
      when 'pg_catalog.pg_proc'::regclass then exists (
        select from pg_catalog.pg_depend y
        where y.classid = d.classid and y.objid = d.objid and y.refclassid = 'pg_catalog.pg_type'::regclass
          and y.refobjid in (t.reltype, (select typarray from pg_catalog.pg_type where oid = t.reltype)))
      when 'pg_catalog.pg_class'::regclass then not exists (
        select from pg_catalog.pg_class o where o.oid = d.objid and o.relkind in ('i', 'I', 'S'))
      when 'pg_catalog.pg_attrdef'::regclass then not exists (
        select from pg_catalog.pg_attrdef f where f.oid = d.objid and f.adrelid = t.oid)
      when 'pg_catalog.pg_constraint'::regclass then not exists (
        select from pg_catalog.pg_constraint k where k.oid = d.objid and t.oid in (k.conrelid, k.confrelid))
      when 'pg_catalog.pg_trigger'::regclass then not exists (
        select from pg_catalog.pg_trigger g where g.oid = d.objid and t.oid in (g.tgrelid, g.tgconstrrelid))
      when 'pg_catalog.pg_policy'::regclass then false
      when 'pg_catalog.pg_publication_rel'::regclass then false
      when 'pg_catalog.pg_statistic_ext'::regclass then false
      else true
    end),
  'comments', (select coalesce(json_agg(m.statement), '[]') from (${COMMENTS}) m),
  'taken', (
    select json_agg(name) from (
      select c.relname::text as name from pg_catalog.pg_class c where c.relnamespace = t.relnamespace
      union select p.proname from pg_catalog.pg_proc p where p.pronamespace = t.relnamespace) n)
) as facts
from t`;
