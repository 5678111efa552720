import type { Session } from '../../postgres/session.ts';

// What a body calls no catalog records: every name of a function in it counts. SET, set_config and an UPDATE of
// pg_settings make settings; a language of another kind may keep what it likes.
const KEEPERS = `
  with recursive called (root, oid, text, language) as (
    select p.proname, p.oid, case when p.prosrc = '' then pg_catalog.pg_get_functiondef(p.oid) else p.prosrc end, l.lanname
    from pg_catalog.pg_depend d
    join pg_catalog.pg_proc p on p.oid = d.refobjid
    join pg_catalog.pg_language l on l.oid = p.prolang
    where d.classid = 'pg_catalog.pg_policy'::regclass and d.refclassid = 'pg_catalog.pg_proc'::regclass and p.oid >= 16384
    union
    select called.root, p.oid, case when p.prosrc = '' then pg_catalog.pg_get_functiondef(p.oid) else p.prosrc end,
      l.lanname
    from called
    join pg_catalog.pg_proc p on p.oid >= 16384 and p.prokind = 'f' and p.oid <> called.oid
      and pg_catalog.strpos(pg_catalog.lower(called.text), pg_catalog.lower(p.proname)) > 0
    join pg_catalog.pg_language l on l.oid = p.prolang
  )
  select distinct root as name from called
  where text ~* '\\mset(_config)?\\M' or language not in ('sql', 'plpgsql', 'internal', 'c')
`;

/** Names of functions that policies call and that may leave something in their session, themselves or through others. */
export async function readKeepers(session: Session): Promise<string[]> {
  return (await session.query<{ name: string }>(KEEPERS)).map(({ name }) => name);
}
