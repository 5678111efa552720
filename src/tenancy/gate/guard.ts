import { WATCHED, WATCHED_OIDS, type Watched } from './state.ts';

// Whether a transaction wrote to a catalog at all is asked of the server's own counters, which cost next to nothing;
// they never miss a write of the transaction, and also count what a subtransaction took back (PostgreSQL docs 28.2.25,
// pg_stat_get_xact_tuples_*). They go on counting until the session is idle outside of a transaction: hence the mark, set
// in front of the file's transaction in the same message. Where it wrote to one, the rows of its own tell whether anything
// was touched that was there before. Operators have no schema here but pg_catalog: the guard runs under the file's
// search_path.

const MARK = 'aisha_db.gate';

/** Begins what the guard cannot read as a number: its way to fail. */
const CALL = 'aisha-db gate looks closer ';

/** Ends it when the file left prepared statements. */
const FOREIGN = ';foreign';

const KINDS_OF_WRITE = ['inserted', 'updated', 'deleted'] as const;
type KindOfWrite = (typeof KINDS_OF_WRITE)[number];

const COUNTS = `pg_catalog.concat_ws(',', ${WATCHED_OIDS.flatMap((oid) =>
  KINDS_OF_WRITE.map((what) => `pg_catalog.pg_stat_get_xact_tuples_${what}(${oid})`),
).join(', ')})`;

/** What is said to the server about one run's files. */
export interface Guard {
  /** Makes the other two; to be said again when prepared statements were dropped. */
  readonly prepare: readonly string[];
  /** In front of a file's transaction: leaves in the session what the guard compares with. */
  readonly mark: string;
  /** At the end of it: fails when there is something to judge, or when the file left prepared statements behind. */
  readonly guard: string;
  isCall(error: Error): boolean;
}

/**
 * The guard is longer than most files: it is parsed and planned once in a run.
 * @param tag makes the names of the prepared statements ones that no file has
 * @param isStrict also what is new has to be judged
 */
export function makeGuard(tag: string, isStrict: boolean): Guard {
  const [mark, guard] = [`aisha_db_mark_${tag}`, `aisha_db_guard_${tag}`];
  return {
    prepare: [
      `prepare ${mark} as select pg_catalog.set_config('${MARK}', ${COUNTS}, false)`,
      `prepare ${guard} as ${guardSql([mark, guard], isStrict)}`,
    ],
    mark: `execute ${mark}`,
    guard: `execute ${guard}`,
    // A file may have dropped it together with what it prepared itself: the server's message names it then.
    isCall: ({ message }) => message.includes(CALL) || message.includes(guard),
  };
}

/**
 * A file that takes the mark away (RESET ALL) is looked at as well, and each one while track_counts is off, since
 * nothing is counted then.
 */
function guardSql(own: readonly string[], isStrict: boolean): string {
  const isForeign = own.map((name) => `not pg_catalog.texteq(name, '${name}')`).join(' and ');
  const harmless = isStrict ? 'false' : [...HARMLESS_COUNTS, ...HARMLESS_ROWS].join(' and ');
  return `select case
    when pg_catalog.texteq(pg_catalog.current_setting('track_counts'), 'on')
      and foreigner is null
      and (pg_catalog.texteq(mark, counts) or ${harmless})
    then 1
    else pg_catalog.concat('${CALL}', mark, ';', counts, ';', pg_catalog.current_setting('track_counts'), foreigner)::pg_catalog.int4 end
    from (
      select pg_catalog.current_setting('${MARK}', true) as mark, ${COUNTS} as counts, (
        select '${FOREIGN}' from pg_catalog.pg_prepared_statement() where ${isForeign} limit 1
      ) as foreigner
      offset 0
    ) now`;
}

// ── what makes nothing worse ────────────────────────────────────────────────────────────────────────────────────────

const same = (catalog: Watched, ...whats: readonly KindOfWrite[]) =>
  whats
    .map((what) => placeOf(catalog, what) + 1)
    .map(
      (at) => `pg_catalog.texteq(pg_catalog.split_part(mark, ',', ${at}), pg_catalog.split_part(counts, ',', ${at}))`,
    )
    .join(' and ');

/**
 * True of every row that this transaction wrote, in whatever subtransaction: their numbers are not below its own. What
 * others committed since it began is taken for its own as well, and found out to be none of it when it is judged.
 */
export const isOwn = (row: string) => `pg_catalog.age(${row}.xmin) operator(pg_catalog.<=) 0`;

/** True of a table that was there before this transaction: some row about a column of it was. */
const wasThere = (oid: string) => `(
  select 1 from pg_catalog.pg_attribute a
  where a.attrelid operator(pg_catalog.=) ${oid} and not ${isOwn('a')}
  limit 1
) is not null`;

const none = (rows: string) => `(select 1 from ${rows} limit 1) is null`;

/** Rights of roles and schemas count for everything; of a policy that is dropped, no row is left that would tell. */
const HARMLESS_COUNTS = [
  same('pg_namespace', 'updated'),
  same('pg_authid', ...KINDS_OF_WRITE),
  same('pg_auth_members', ...KINDS_OF_WRITE),
  same('pg_policy', 'deleted'),
];

/** The rows of one's own first, by nothing but their number: a catalog is soon gone through when no column is read. */
const ownRows = (catalog: Watched, columns: string, where = '') =>
  `(select ${columns} from pg_catalog.${catalog} c where ${where}${isOwn('c')} offset 0) own`;

/** The server's own functions are most of its catalog (OIDs below FirstNormalObjectId, access/transam.h). */
const OF_USERS = 'c.oid operator(pg_catalog.>=) 16384 and ';

const HARMLESS_ROWS = [
  // A table that is isolated, and forced, whatever it was before; or one that is new.
  `(${same('pg_class', 'inserted', 'updated')} or ${none(`${ownRows('pg_class', 'oid, relkind, relrowsecurity, relforcerowsecurity')}
    where relkind operator(pg_catalog.=) any ('{v,m}')
      or relkind operator(pg_catalog.=) any ('{r,p}') and not (relrowsecurity and relforcerowsecurity)
        and ${wasThere('own.oid')}`)})`,
  // A policy of a new table.
  `(${same('pg_policy', 'inserted', 'updated')} or ${none(`${ownRows('pg_policy', 'polrelid')} where ${wasThere('own.polrelid')}`)})`,
  `(${same('pg_rewrite', 'inserted', 'updated')} or ${none(ownRows('pg_rewrite', 'oid'))})`,
  // Columns are granted without a word in pg_class; only those of views lead around anything.
  `(${same('pg_attribute', 'updated')} or ${none(`pg_catalog.pg_rewrite r
    cross join lateral (
      select a.xmin from pg_catalog.pg_attribute a
      where a.attrelid operator(pg_catalog.=) r.ev_class and a.attacl is not null offset 0
    ) granted
    where r.oid operator(pg_catalog.>=) 16384 and ${isOwn('granted')}`)})`,
  // A function that runs as its caller, or for a trigger or event trigger (types 2279 and 3838), where policies call none.
  `(${same('pg_proc', 'inserted', 'updated')} or ${none(`${ownRows('pg_proc', 'prosecdef, prorettype', OF_USERS)}
    where prosecdef and prorettype operator(pg_catalog.<>) 2279 and prorettype operator(pg_catalog.<>) 3838 or (
      select 1 from pg_catalog.pg_depend d
      where d.refclassid operator(pg_catalog.=) 1255 and d.refobjid operator(pg_catalog.>=) 16384
        and d.classid operator(pg_catalog.=) 3256
      limit 1
    ) is not null`)})`,
];

// ── its call ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the guard's call tells of a file. */
export interface Call {
  /** Catalogs that it wrote to; all of them where that cannot be told. */
  readonly touched: ReadonlySet<Watched>;
  /** What roles may do, or who may use a schema. */
  readonly changesRights: boolean;
  /** The guard is still there, and beside it nothing that was prepared. */
  readonly isPrepared: boolean;
}

export function readCall({ message }: Error): Call {
  const [, mark = '', counts = '', counting, foreign] =
    /looks closer ([\d,]*);([\d,]*);(on|off)(;foreign)?/.exec(message) ?? [];
  const [before, after] = [mark.split(','), counts.split(',')];
  if (counting !== 'on' || before.length !== after.length) {
    return { touched: new Set(WATCHED), changesRights: true, isPrepared: false };
  }
  const differs = (catalog: Watched, what: KindOfWrite) =>
    before[placeOf(catalog, what)] !== after[placeOf(catalog, what)];
  return {
    touched: new Set(WATCHED.filter((catalog) => KINDS_OF_WRITE.some((what) => differs(catalog, what)))),
    changesRights:
      differs('pg_namespace', 'updated') ||
      KINDS_OF_WRITE.some((what) => differs('pg_authid', what) || differs('pg_auth_members', what)),
    isPrepared: foreign === undefined,
  };
}

function placeOf(catalog: Watched, what: KindOfWrite): number {
  return WATCHED.indexOf(catalog) * KINDS_OF_WRITE.length + KINDS_OF_WRITE.indexOf(what);
}
