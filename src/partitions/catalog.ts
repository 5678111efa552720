import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { type Coming, type Partition, type PartitionedTable, type Protection, timeLiteral } from './plan.ts';

interface TableRow extends Omit<PartitionedTable, 'partitions'> {
  readonly oid: number;
}

interface PartitionRow extends Omit<Partition, 'range'> {
  readonly parent: number;
  readonly from: number | null;
  readonly to: number | null;
}

/** Tables that are partitioned by ranges of one column of a time type, with their partitions. */
export async function readPartitionedTables(session: Session, versionNumber: number): Promise<PartitionedTable[]> {
  const tables = await session.query<TableRow>(`
    select c.oid::integer as oid, n.nspname::text as schema, c.relname::text as name, a.attname::text as "column",
      c.relrowsecurity as "rlsEnabled", c.relforcerowsecurity as "rlsForced"
    from pg_catalog.pg_partitioned_table p
    join pg_catalog.pg_class c on c.oid = p.partrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
    where p.partstrat = 'r' and p.partnatts = 1
      and a.atttypid in ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
    order by 2, 3
  `);
  const pending = versionNumber >= 140_000 ? 'i.inhdetachpending' : 'false';
  // Bounds are written in the zone of the session: so the clock of that zone reads whole days and months.
  const bound = (word: string) =>
    `extract(epoch from (pg_catalog.regexp_match(b.text, '${word} \\(''([^'']+)''\\)'))[1]::timestamp)::float8 * 1000`;
  const partitions = await session.query<PartitionRow>(
    `
    select i.inhparent::integer as parent, n.nspname::text as schema, c.relname::text as name,
      b.text = 'DEFAULT' as "isDefault", ${bound('FROM')} as "from", ${bound('TO')} as "to",
      c.relrowsecurity as "rlsEnabled", c.relforcerowsecurity as "rlsForced", ${pending} as "detachPending",
      (select count(*)::integer from pg_catalog.pg_policy o where o.polrelid = c.oid) as policies
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (select pg_catalog.pg_get_expr(c.relpartbound, c.oid) as text) b
    where i.inhparent = any ($1::oid[])
    order by "from" nulls last, name
  `,
    [tables.map(({ oid }) => oid)],
  );
  return tables.map(({ oid, ...table }) => ({
    ...table,
    partitions: partitions
      .filter(({ parent }) => parent === oid)
      .map(({ parent: _parent, from, to, ...one }) => ({
        ...one,
        range: from === null || to === null ? undefined : { from, to },
      })),
  }));
}

/** The clock of the session's zone. */
export async function readClock(session: Session): Promise<number> {
  const [row] = await session.query<{ now: number }>('select extract(epoch from localtimestamp)::float8 * 1000 as now');
  return row!.now;
}

/** How many rows of a partition lie in a range of its table; all of them without one. */
export async function countRows(
  session: Session,
  { column }: PartitionedTable,
  partition: Partition,
  range?: Pick<Coming, 'from' | 'to'>,
): Promise<number> {
  const key = quoteIdentifier(column);
  const where =
    range === undefined ? '' : `where ${key} >= ${timeLiteral(range.from)} and ${key} < ${timeLiteral(range.to)}`;
  const [row] = await session.query<{ count: number }>(
    `select count(*)::float8 as count from ${quoteQualified(partition.schema, partition.name)} ${where}`,
  );
  return row!.count;
}

/** What protects a table: RLS, policies, grants, and indexes that its parent has not. */
export async function readProtection(session: Session, schema: string, name: string): Promise<Protection> {
  const [row] = await session.query<Omit<Protection, 'source'>>(
    `select (
         select json_agg(case when a.attisdropped then '' else a.attname end order by a.attnum)
         from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0) as columns,
       c.relrowsecurity as "rlsEnabled", c.relforcerowsecurity as "rlsForced",
       (select coalesce(json_agg(json_build_object(
          'name', p.polname, 'permissive', p.polpermissive,
          'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
            when 'd' then 'delete' else 'all' end,
          'roles', (select coalesce(json_agg(r.rolname), '[]') from pg_catalog.pg_roles r where r.oid = any (p.polroles)),
          'isCorrelated', concat(p.polqual, p.polwithcheck) ~ ':varlevelsup [1-9]',
          'readsItself', concat(p.polqual, p.polwithcheck) ~ (':relid ' || c.oid || ' '),
          'using', pg_catalog.pg_get_expr(p.polqual, c.oid), 'check', pg_catalog.pg_get_expr(p.polwithcheck, c.oid))
          order by p.polname), '[]') from pg_catalog.pg_policy p where p.polrelid = c.oid) as policies,
       (select coalesce(json_agg(json_build_object(
          'grantee', coalesce(r.rolname, ''), 'privilege', lower(g.privilege_type), 'grantable', g.is_grantable)), '[]')
        from pg_catalog.aclexplode(c.relacl) g left join pg_catalog.pg_roles r on r.oid = g.grantee
        where g.grantee <> c.relowner and (g.grantee = 0 or r.oid is not null)) as grants,
       (select coalesce(json_agg(json_build_object('unique', x.indisunique, 'definition',
          pg_catalog.substring(pg_catalog.pg_get_indexdef(x.indexrelid), ' (USING .*)$'))), '[]')
        from pg_catalog.pg_index x where x.indrelid = c.oid and x.indisvalid and not x.indisprimary
          and not exists (select from pg_catalog.pg_inherits h where h.inhrelid = x.indexrelid)
          and not exists (select from pg_catalog.pg_constraint k where k.conindid = x.indexrelid)) as indexes
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`,
    [schema, name],
  );
  return { ...row!, source: quoteQualified(schema, name) };
}
