import type { Session } from '../postgres/session.ts';
import type { CatalogEntry } from './compare.ts';

/**
 * Everything of the catalog that a restore must bring back: owners, grants, row-level security, policies, columns,
 * constraints, indexes, triggers, functions, types, default privileges. Members of extensions are not listed, nor is
 * what pg_dump never writes (invalid indexes). Names come out qualified because search_path is empty in our sessions.
 */
export async function readCatalog(session: Session, excludedSchemas: readonly string[]): Promise<CatalogEntry[]> {
  return session.query<CatalogEntry>(CATALOG, [excludedSchemas]);
}

/**
 * Who is granted what, in a fixed order. The owner's MAINTAIN came with PostgreSQL 17 and would make every table of an
 * older server look changed.
 */
const grants = (acl: string, objectType: string, owner: string) => `coalesce((
  select string_agg(entry, ', ' order by entry collate "C") from (
    select distinct format('%s to %s%s', g.privilege_type,
      case g.grantee when 0 then 'public' else pg_get_userbyid(g.grantee)::text end,
      case when g.is_grantable then ' with grant option' else '' end) as entry
    from aclexplode(coalesce(${acl}, acldefault('${objectType}', ${owner}))) g
    where not (g.privilege_type = 'MAINTAIN' and g.grantee = ${owner})
  ) entries), 'none')`;

const notOfExtension = (catalog: string, oid: string) =>
  `not exists (select from pg_depend x where x.classid = '${catalog}'::regclass and x.objid = ${oid} and x.deptype = 'e')`;

const CATALOG = `
with schemas as (
  select n.* from pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and n.nspname <> all ($1)
    and ${notOfExtension('pg_namespace', 'n.oid')}
), relations as (
  select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join schemas n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and ${notOfExtension('pg_class', 'c.oid')}
)
select kind, name, schema, definition from (
  select 'schema' as kind, quote_ident(nspname) as name, nspname::text as schema,
    format('owner %s; grants %s', pg_get_userbyid(nspowner), ${grants('nspacl', 'n', 'nspowner')}) as definition
  from schemas
  union all
  select case relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'm' then 'materialized view'
      when 'S' then 'sequence' else 'foreign table' end,
    name, nspname,
    format('owner %s; row-level security %s; persistence %s; options %s; partition %s; replica identity %s; grants %s',
      pg_get_userbyid(relowner),
      case when relforcerowsecurity and relrowsecurity then 'forced' when relrowsecurity then 'on' when relforcerowsecurity then 'off, forced' else 'off' end,
      relpersistence, coalesce(array_to_string(array(select unnest(reloptions) order by 1), ', '), 'none'),
      coalesce(pg_get_expr(relpartbound, oid), 'none'), relreplident,
      case when relkind = 'S' then ${grants('relacl', 's', 'relowner')} else ${grants('relacl', 'r', 'relowner')} end)
  from relations
  union all
  select 'column', r.name || '.' || quote_ident(a.attname), r.nspname,
    format('%s %s%s; default %s; identity %s; generated %s; collation %s; number %s; grants %s',
      format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' else 'null' end,
      case when a.attislocal then '' else ', inherited' end,
      coalesce(pg_get_expr(d.adbin, d.adrelid), 'none'), a.attidentity, a.attgenerated,
      coalesce(nullif(a.attcollation, 0)::regcollation::text, 'none'),
      row_number() over (partition by a.attrelid order by a.attnum),
      case when a.attacl is null then 'none' else ${grants('a.attacl', 'c', 'r.relowner')} end)
  from relations r
  join pg_attribute a on a.attrelid = r.oid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attnum > 0 and not a.attisdropped and r.relkind <> 'S'
  union all
  select 'constraint', r.name || ' ' || quote_ident(k.conname), r.nspname,
    format('%s%s', pg_get_constraintdef(k.oid), case when k.convalidated then '' else ', not validated' end)
  from pg_constraint k join relations r on r.oid = k.conrelid
  where k.contype in ('c', 'f', 'p', 'u', 'x') and k.conparentid = 0
  union all
  select 'index', format('%I.%I', r.nspname, i.relname), r.nspname, pg_get_indexdef(x.indexrelid)
  from pg_index x join relations r on r.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
  where x.indisvalid
  union all
  select 'policy', r.name || ' ' || quote_ident(p.polname), r.nspname,
    format('for %s, %s, to %s using %s with check %s', p.polcmd,
      case when p.polpermissive then 'permissive' else 'restrictive' end,
      (select string_agg(case role when 0 then 'public' else pg_get_userbyid(role)::text end, ', '
        order by pg_get_userbyid(role) collate "C") from unnest(p.polroles) role),
      coalesce(pg_get_expr(p.polqual, p.polrelid), 'none'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'none'))
  from pg_policy p join relations r on r.oid = p.polrelid
  union all
  select 'trigger', r.name || ' ' || quote_ident(t.tgname), r.nspname,
    format('%s; enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
  from pg_trigger t join relations r on r.oid = t.tgrelid
  where not t.tgisinternal and t.tgparentid = 0
  union all
  select case w.rulename when '_RETURN' then 'view definition' else 'rule' end,
    r.name || case w.rulename when '_RETURN' then '' else ' ' || quote_ident(w.rulename) end, r.nspname,
    pg_get_ruledef(w.oid)
  from pg_rewrite w join relations r on r.oid = w.ev_class
  union all
  select 'sequence settings', r.name, r.nspname,
    format('%s start %s increment %s from %s to %s cache %s cycle %s owned by %s', format_type(s.seqtypid, null),
      s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
      coalesce((select format('%s.%I', d.refobjid::regclass, a.attname) from pg_depend d
        join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        where d.classid = 'pg_class'::regclass and d.objid = s.seqrelid and d.deptype in ('a', 'i') and d.refobjsubid > 0), 'nothing'))
  from pg_sequence s join relations r on r.oid = s.seqrelid
  union all
  select case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), n.nspname,
    format('owner %s; grants %s; %s', pg_get_userbyid(p.proowner), ${grants('p.proacl', 'f', 'p.proowner')},
      case when p.prokind = 'a' then (select format('%s, %s', g.aggtransfn, g.aggfinalfn) from pg_aggregate g where g.aggfnoid = p.oid)
        else pg_get_functiondef(p.oid) end)
  from pg_proc p join schemas n on n.oid = p.pronamespace
  where ${notOfExtension('pg_proc', 'p.oid')}
  union all
  select 'type', format('%I.%I', n.nspname, t.typname), n.nspname,
    format('%s; owner %s; grants %s; %s', t.typtype, pg_get_userbyid(t.typowner), ${grants('t.typacl', 'T', 't.typowner')},
      case t.typtype
        when 'e' then (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid)
        when 'd' then format('%s %s default %s %s', format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
          (select string_agg(format('%s %s', k.conname, pg_get_constraintdef(k.oid)), ', ' order by k.conname collate "C")
            from pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
        when 'c' then (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
          from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
      end)
  from pg_type t join schemas n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
  where t.typtype in ('b', 'c', 'd', 'e', 'r') and t.typcategory <> 'A' and (t.typtype <> 'c' or c.relkind = 'c')
    and ${notOfExtension('pg_type', 't.oid')}
  union all
  select 'statistics', format('%I.%I', n.nspname, e.stxname), n.nspname, pg_get_statisticsobjdef(e.oid)
  from pg_statistic_ext e join schemas n on n.oid = e.stxnamespace
  union all
  select 'default privileges', format('%s for %s in %s', d.defaclobjtype, pg_get_userbyid(d.defaclrole), coalesce(n.nspname, 'any schema')),
    coalesce(n.nspname, ''), ${grants('d.defaclacl', 'r', 'd.defaclrole')}
  from pg_default_acl d left join schemas n on n.oid = d.defaclnamespace
  where d.defaclnamespace = 0 or n.oid is not null
  union all
  select 'extension', e.extname, '', format('in schema %I', n.nspname)
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace
  union all
  select 'publication', quote_ident(p.pubname), '',
    format('all tables %s; insert %s update %s delete %s truncate %s; tables %s', p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
      (select string_agg(format('%I.%I', t.schemaname, t.tablename), ', ' order by t.schemaname collate "C", t.tablename collate "C")
        from pg_publication_tables t where t.pubname = p.pubname))
  from pg_publication p
  union all
  select 'event trigger', quote_ident(e.evtname), '',
    format('%s %s %s enabled %s', e.evtevent, e.evtfoid::regprocedure, e.evttags, e.evtenabled)
  from pg_event_trigger e where ${notOfExtension('pg_event_trigger', 'e.oid')}
) entries
order by kind collate "C", name collate "C"`;
