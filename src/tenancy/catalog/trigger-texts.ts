import type { Session } from '../../postgres/session.ts';

/** What a trigger runs: the body of its function, or of one that is called from there. */
export interface TriggerText {
  readonly trigger: string;
  readonly text: string;
  /** The function is the trigger's own. */
  readonly isOwn: boolean;
}

// What a body calls no catalog records: every name of a function in it counts, in either spelling. A body in standard SQL
// is no text, its definition is.
const TEXTS = `
  with recursive body (trigger, oid, text, is_own) as (
    select t.tgname, p.oid, case when p.prosrc = '' then pg_catalog.pg_get_functiondef(p.oid) else p.prosrc end, true
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_proc p on p.oid = t.tgfoid
    where (t.tgrelid = $1 or t.tgrelid in (select relid from pg_catalog.pg_partition_tree($1)))
      and not t.tgisinternal and t.tgenabled in ('O', 'A')
    union
    select body.trigger, p.oid, case when p.prosrc = '' then pg_catalog.pg_get_functiondef(p.oid) else p.prosrc end, false
    from body
    join pg_catalog.pg_proc p on p.oid >= 16384 and p.prokind in ('f', 'p') and p.oid <> body.oid
      and pg_catalog.strpos(pg_catalog.lower(body.text), pg_catalog.lower(p.proname)) > 0
      and (p.proname !~ '^[[:alpha:]_][[:alnum:]_]*$'
        or body.text ~* ('(^|[^[:alnum:]_$])' || p.proname || '($|[^[:alnum:]_$])'))
  )
  select trigger, text, pg_catalog.bool_or(is_own) as "isOwn"
  from body
  group by trigger, oid, text
  order by trigger, 3 desc, oid
`;

/** What runs when a row of the table, or of one of its partitions, is written, in a session that is no replication's. */
export function readTriggerTexts(session: Session, table: number): Promise<TriggerText[]> {
  return session.query<TriggerText>(TEXTS, [table]);
}
