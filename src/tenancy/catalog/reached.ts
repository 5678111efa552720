/** SQL of the catalogs of what policies stand on. */
export const REACHED_CLASSES = `'{pg_catalog.pg_class,pg_catalog.pg_proc,pg_catalog.pg_operator}'::pg_catalog.regclass[]`;

/** SQL, true of a body that names something, with the quotes in the name doubled or as it is. */
const mentions = (name: string) => `(
  pg_catalog.strpos(f.source, pg_catalog.lower(${name}::pg_catalog.text)) > 0
  or pg_catalog.strpos(${name}::pg_catalog.text, '"') > 0
    and pg_catalog.strpos(f.source, pg_catalog.lower(pg_catalog.replace(${name}::pg_catalog.text, '"', '""'))) > 0
)`;

/**
 * SQL of a recursive query, `reached (class, oid)`: relations, functions and operators that policies stand on, through
 * any number of others. A body in SQL or PL/pgSQL names what it uses when it runs: whatever is mentioned in it counts.
 * @param start SQL, true of `d` in pg_depend where the policy is one to begin with
 */
export const reachedSql = (start: string) => `
  reached as (
    select d.refclassid as class, d.refobjid as oid
    from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and d.deptype = 'n' and d.refobjid >= 16384
      and d.refclassid = any (${REACHED_CLASSES})
      and (
        d.refclassid <> 'pg_catalog.pg_class'::pg_catalog.regclass
        or d.refobjid <> (select p.polrelid from pg_catalog.pg_policy p where p.oid = d.objid)
      )
      and ${start}
    union
    select more.class, more.oid
    from reached r
    cross join lateral (
      select d.refclassid as class, d.refobjid as oid
      from pg_catalog.pg_rewrite w
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
      where r.class = 'pg_catalog.pg_class'::pg_catalog.regclass and w.ev_class = r.oid
      union all
      -- What is looked up in a table is what its own policies show.
      select d.refclassid, d.refobjid
      from pg_catalog.pg_policy p
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and d.objid = p.oid
      where r.class = 'pg_catalog.pg_class'::pg_catalog.regclass and p.polrelid = r.oid
      union all
      select d.refclassid, d.refobjid
      from pg_catalog.pg_depend d
      where r.class <> 'pg_catalog.pg_class'::pg_catalog.regclass and d.classid = r.class and d.objid = r.oid
      union all
      select 'pg_catalog.pg_proc'::pg_catalog.regclass, q.oid
      from (select pg_catalog.lower(f.prosrc) as source from pg_catalog.pg_proc f where f.oid = r.oid offset 0) f
      join pg_catalog.pg_proc q on q.oid >= 16384 and ${mentions('q.proname')}
      where r.class = 'pg_catalog.pg_proc'::pg_catalog.regclass
      union all
      select 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid
      from (select pg_catalog.lower(f.prosrc) as source from pg_catalog.pg_proc f where f.oid = r.oid offset 0) f
      join pg_catalog.pg_class c on c.oid >= 16384 and c.relkind = any ('{r,p,v,m}') and ${mentions('c.relname')}
      where r.class = 'pg_catalog.pg_proc'::pg_catalog.regclass
    ) more
    where more.oid >= 16384 and more.class = any (${REACHED_CLASSES})
  )`;
