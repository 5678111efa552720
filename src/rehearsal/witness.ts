import { quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { LedgerPlace } from './catalog-print.ts';
import { OWN_SCHEMA } from './own-schema.ts';

/**
 * A trigger on the ledger of the copy: whatever a file did, its ledger row is the last thing its transaction writes, and
 * at that moment the transaction still holds its locks and knows what it counted. Run by the server's superuser.
 * Objects with an OID below 16384 are the server's own (FirstNormalObjectId in PostgreSQL's transam.h).
 */
export function witnessSql(ledger: LedgerPlace, serverMajor: number): string {
  // Counters of a session are flushed when it is idle, and only now and then: since 15 that can be asked for.
  const flush = serverMajor < 15 ? '' : 'perform pg_stat_force_next_flush();';
  return `
create table ${OWN_SCHEMA}.step (
  number bigint generated always as identity primary key, file text not null, locks jsonb not null, changes jsonb not null
);
create function ${OWN_SCHEMA}.witness() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp set row_security = off as $witness$
begin
  insert into ${OWN_SCHEMA}.step (file, locks, changes) values (new.file,
    (select coalesce(jsonb_agg(jsonb_build_object('oid', l.relation::bigint, 'mode', l.mode)), '[]')
      from pg_locks l
      where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.granted and l.relation >= 16384
        and l.database = (select oid from pg_database where datname = current_database())),
    (select coalesce(jsonb_agg(jsonb_build_object('oid', s.relid::bigint, 'inserted', s.n_tup_ins, 'updated', s.n_tup_upd,
        'deleted', s.n_tup_del, 'scans', s.seq_scan, 'scanned', s.seq_tup_read)), '[]')
      from pg_stat_xact_user_tables s
      where s.schemaname <> '${OWN_SCHEMA}' and not (s.schemaname = ${quoteLiteral(ledger.schema)} and s.relname = ${quoteLiteral(ledger.table)})
        and s.n_tup_ins + s.n_tup_upd + s.n_tup_del + s.seq_scan > 0));
  ${flush}
  return null;
end
$witness$;
create trigger aisha_rehearsal_witness after insert or update on ${quoteQualified(ledger.schema, ledger.table)}
  for each row execute function ${OWN_SCHEMA}.witness();`;
}

/** The steps that were seen since the one of that number ($1), from the first. */
export const STEPS = `select number::integer, locks, changes from ${OWN_SCHEMA}.step where number > $1 order by number`;

/** Every table, index and materialized view of the users, with its storage. */
export const RELATIONS = `
  select c.oid::bigint::float8 as oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind::text as kind,
    c.relfilenode::bigint::float8 as filenode, c.reltuples::float8 as rows,
    case when c.relkind in ('r', 'm') then pg_total_relation_size(c.oid) else pg_relation_size(c.oid) end::float8 as bytes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'm', 'i') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', '${OWN_SCHEMA}')
  order by n.nspname collate "C", c.relname collate "C"`;
