import {
  LEAVES_CALLER,
  OWN_GRANTS,
  OWN_RELATIONS,
  type OwnRows,
  ofUsers,
  ownRows,
  ownRowsSql,
  wasThere,
} from './own-rows.ts';
import { isolationSql } from './read-state.ts';
import { KINDS_OF_WRITE, type KindOfWrite, WATCHED, WATCHED_OIDS, type Watched } from './state.ts';

// Whether a transaction wrote to a catalog at all is asked of the server's own counters, which cost next to nothing;
// they never miss a write of the transaction, and also count what a subtransaction took back (PostgreSQL docs 28.2.25,
// pg_stat_get_xact_tuples_*). They go on counting until the session is idle outside of a transaction: hence the mark, set
// in front of the file's transaction in the same message. Where it wrote to one, the rows of its own tell whether anything
// was touched that was there before.

const MARK = 'aisha_db.gate';

/** Begins what the guard cannot read as a number: its way to fail. */
const CALL = 'aisha-db gate looks closer ';

/** The same for a file that only adds. */
const DISTRUST = 'aisha-db gate takes nothing on trust ';

/** Ends it when the file left prepared statements. */
const FOREIGN = ';foreign';

/** As one text; of an array it is made sooner than of thirty numbers. */
const COUNTS = `array[${WATCHED_OIDS.flatMap((oid) =>
  KINDS_OF_WRITE.map((what) => `pg_catalog.pg_stat_get_xact_tuples_${what}(${oid})`),
)}]::pg_catalog.text`;

/** How many statements are prepared: what a file drops of the gate's is missing at its end. */
const PREPARED = '(select pg_catalog.count(*) from pg_catalog.pg_prepared_statement())';

/** Prepared by somebody else. */
const isForeign = (tag: string) =>
  `(not pg_catalog.starts_with(name, 'aisha_db_') or pg_catalog.strpos(name, '${tag}') operator(pg_catalog.=) 0)`;

/** What is said to the server about one run's files. */
export interface Guard {
  /** To be prepared before the others are said, and again when prepared statements were dropped. */
  readonly statements: readonly { readonly name: string; readonly sql: string; readonly types: readonly string[] }[];
  /** In front of a file's transaction: leaves in the session what the guard compares with. */
  readonly mark: string;
  /** At the end of it: fails when there is something to judge, or when the file left prepared statements behind. */
  readonly guard: string;
  isCall(error: Error): boolean;
  /** In place of both at the end of a file that only adds; fails where that does not say what was done. */
  trust(makesFunctions: boolean): string;
  isDistrust(error: Error): boolean;
  /** In place of the guard, in front of what resets the session's settings. */
  readonly counting: string;
  /** SQL of a JSON value, the `Wrote` of what comes behind that. */
  readonly wrote: string;
  /**
   * What the guard would have said; '' when it had nothing to say.
   * @param begun what the mark said, among values that may be others'
   */
  toldOf(begun: readonly (string | null)[], counting: string | null, wrote: Wrote): string;
  /** Tells, as one text, the `Isolation` of tables and their policies. */
  isolation(tables: readonly number[]): string;
}

/** What there is at the end of a file to compare with the mark. */
export interface Wrote {
  readonly counts: string;
  readonly prepared: number;
  /** Some of what is prepared is not the gate's. */
  readonly isForeign: boolean;
}

/** A prepared statement of the gate, as far as its name is its own. */
export const preparedName = (what: string, tag: string) => `aisha_db_${what}_${tag}`;

/**
 * The guard is longer than most files: it is parsed and planned once in a run.
 * @param tag makes the names of the gate's prepared statements ones that no file has
 * @param isStrict also what is new has to be judged
 */
export function makeGuard(tag: string, isStrict: boolean): Guard {
  const [mark, guard, trust, isolation] = (['mark', 'guard', 'trust', 'isolation'] as const).map((what) =>
    preparedName(what, tag),
  ) as [string, string, string, string];
  return {
    statements: [
      {
        name: mark,
        sql: `select pg_catalog.concat('${tag} ', pg_catalog.set_config('${MARK}', pg_catalog.concat(${COUNTS}, ';', ${PREPARED}), false))`,
        types: [],
      },
      { name: guard, sql: guardSql(tag, isStrict), types: [] },
      { name: trust, sql: TRUST, types: ['pg_catalog.bool'] },
      { name: isolation, sql: `select ${isolationSql('$1', '$1')}`, types: ['pg_catalog.oid[]'] },
    ],
    mark: `execute ${mark}`,
    guard: `execute ${guard}`,
    // A file may have dropped it together with what it prepared itself: the server's message names it then.
    isCall: ({ message }) => [CALL, guard].some((sign) => message.includes(sign)),
    counting: 'show track_counts',
    wrote: `(
      select pg_catalog.json_build_object('counts', ${COUNTS}, 'prepared', pg_catalog.count(*),
        'isForeign', coalesce(pg_catalog.bool_or(${isForeign(tag)}), false))
      from pg_catalog.pg_prepared_statement()
    )`,
    toldOf: (begun, counting, { counts, prepared, isForeign: hasForeign }) => {
      const marked = begun.find((value) => value?.startsWith(`${tag} `)) ?? '';
      const [mark = '', before] = marked.slice(tag.length + 1).split(';');
      const foreign = hasForeign || before !== String(prepared) ? FOREIGN : '';
      const isCalm = counting === 'on' && foreign === '' && mark === counts;
      return isCalm ? '' : `${CALL}${mark};${counts};${counting}${foreign};`;
    },
    trust: (makesFunctions) => `execute ${trust}(${makesFunctions})`,
    isDistrust: ({ message }) => message.includes(DISTRUST),
    isolation: (tables) => `execute ${isolation}('{${tables.join(',')}}')`,
  };
}

/** Longer rows are asked for: they would fill the server's log. */
const MOST_OF_A_CALL = 4000;

/**
 * A file that takes the mark away (RESET ALL) is looked at as well, and each one while track_counts is off, since
 * nothing is counted then.
 */
function guardSql(tag: string, isStrict: boolean): string {
  const counting = `pg_catalog.current_setting('track_counts')`;
  const isCounting = `pg_catalog.texteq(${counting}, 'on')`;
  const harmless = isStrict ? 'false' : [...HARMLESS_COUNTS, ...HARMLESS_ROWS].join(' and ');
  const isUntouched = (catalog: Watched, ...whats: readonly KindOfWrite[]) =>
    `${isCounting} and ${same(catalog, ...(whats.length > 0 ? whats : KINDS_OF_WRITE))}`;
  return `select case
    when ${isCounting} and foreigner is null and (pg_catalog.texteq(mark, counts) or ${harmless})
    then 1
    else pg_catalog.concat('${CALL}', mark, ';', counts, ';', ${counting}, foreigner, ';', (
      select case when pg_catalog.length(own) operator(pg_catalog.<) ${MOST_OF_A_CALL} then own end
      from (select ${ownRowsSql(isUntouched, { relations: 'relations' })}::pg_catalog.text as own offset 0) told
    ))::pg_catalog.int4 end
    from (
      select mark, counts, foreigner, case when ${isUntouched('pg_class')} then null else ${OWN_RELATIONS} end as relations
      from (
        select pg_catalog.split_part(marked, ';', 1) as mark, ${COUNTS} as counts, case
          when pg_catalog.texteq(pg_catalog.split_part(marked, ';', 2), ${PREPARED}::pg_catalog.text) and (
            select 1 from pg_catalog.pg_prepared_statement()
            where ${isForeign(tag)}
            limit 1
          ) is null
          then null
          else '${FOREIGN}'
        end as foreigner
        from (select pg_catalog.current_setting('${MARK}', true) as marked) remembered
        offset 0
      ) counted
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

const none = (rows: string) => `(select 1 from ${rows} limit 1) is null`;

/**
 * Rights of roles and schemas count for everything, and so may what sessions begin with; of a policy that is dropped, no
 * row is left that would tell.
 */
const HARMLESS_COUNTS = [
  same('pg_namespace', 'updated'),
  same('pg_authid', ...KINDS_OF_WRITE),
  same('pg_auth_members', ...KINDS_OF_WRITE),
  same('pg_policy', 'deleted'),
  same('pg_db_role_setting', 'inserted', 'updated'),
];

/** No policy calls a function of a user's. */
const POLICIES_CALL_NOTHING = none(`pg_catalog.pg_depend d
  where d.refclassid operator(pg_catalog.=) 1255 and d.refobjid operator(pg_catalog.>=) 16384
    and d.classid operator(pg_catalog.=) 3256`);

const HARMLESS_ROWS = [
  // No view, and no table but such as are new, or isolated and forced and nothing else that was there before.
  'relations is null',
  // A policy of a new table.
  `(${same('pg_policy', 'inserted', 'updated')} or ${none(`${ownRows('pg_policy', 'polrelid')} where ${wasThere('own.polrelid')}`)})`,
  `(${same('pg_rewrite', 'inserted', 'updated')} or ${none(ownRows('pg_rewrite', 'oid'))})`,
  // A partition or child that is new itself; the same of indexes.
  `(${same('pg_inherits', 'inserted', 'updated')} or ${none(`${ownRows('pg_inherits', 'inhrelid')} where ${wasThere('own.inhrelid')}`)})`,
  // Columns are granted without a word in pg_class; only some lead around anything.
  `(${same('pg_attribute', 'updated')} or ${none(OWN_GRANTS)})`,
  // A function that runs as its caller, or for a trigger or event trigger (types 2279 and 3838), where policies call none.
  `(${same('pg_proc', 'inserted', 'updated')} or ${none(`${ownRows('pg_proc', `${LEAVES_CALLER} as leaves_caller, prorettype`, ofUsers('c.oid'))}
    where leaves_caller and prorettype operator(pg_catalog.<>) 2279 and prorettype operator(pg_catalog.<>) 3838
      or not ${POLICIES_CALL_NOTHING}`)})`,
];

/**
 * What a file adds is known from its text alone unless event triggers run with it, or names may mean something else than
 * they do where pg_catalog comes first. A function may be put in another's place.
 */
const TRUST = `select case
    when ${none("pg_catalog.pg_event_trigger e where e.evtenabled operator(pg_catalog.<>) 'D'")}
      and (not $1 or ${POLICIES_CALL_NOTHING})
      and pg_catalog.strpos(pg_catalog.current_setting('search_path'), 'pg_') operator(pg_catalog.=) 0
    then 1
    else pg_catalog.concat('${DISTRUST}', pg_catalog.pg_backend_pid())::pg_catalog.int4 end`;

// ── its call ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the guard's call tells of a file. */
export interface Call {
  /** Catalogs that it wrote to; all of them where that cannot be told. */
  readonly touched: ReadonlySet<Watched>;
  /** How many policies it dropped, or took back that it dropped; more than any where that cannot be told. */
  readonly policiesDeleted: number;
  /** It dropped views, rules, or relations of other kinds, which leaves no row that would tell. */
  readonly dropsRelations: boolean;
  /** What roles may do, or who may use a schema. */
  readonly changesRights: boolean;
  /** The gate's prepared statements are still there, and beside them none. */
  readonly isPrepared: boolean;
  /** What it wrote; `undefined` where that has to be asked. */
  readonly own: OwnRows | undefined;
}

export function readCall(message: string): Call {
  const [, mark = '', counts = '', counting, foreign, own] =
    /looks closer ([\d,{}]*);([\d,{}]*);(on|off)(;foreign)?;(\{.*\})?/s.exec(message) ?? [];
  const [before, after] = [mark.split(','), counts.split(',')];
  const isPrepared = counting !== undefined && foreign === undefined;
  const rows = own === undefined ? undefined : (JSON.parse(own) as OwnRows);
  if (counting !== 'on' || before.length !== after.length) {
    const policiesDeleted = Number.POSITIVE_INFINITY;
    return {
      touched: new Set(WATCHED),
      policiesDeleted,
      dropsRelations: true,
      changesRights: true,
      isPrepared,
      own: rows,
    };
  }
  const differs = (catalog: Watched, what: KindOfWrite) =>
    before[placeOf(catalog, what)] !== after[placeOf(catalog, what)];
  const deleted = placeOf('pg_policy', 'deleted');
  return {
    policiesDeleted: Number(after[deleted]) - Number(before[deleted]),
    dropsRelations: differs('pg_rewrite', 'deleted') || differs('pg_class', 'deleted'),
    touched: new Set(WATCHED.filter((catalog) => KINDS_OF_WRITE.some((what) => differs(catalog, what)))),
    changesRights:
      differs('pg_namespace', 'updated') ||
      KINDS_OF_WRITE.some((what) => differs('pg_authid', what) || differs('pg_auth_members', what)),
    isPrepared,
    own: rows,
  };
}

function placeOf(catalog: Watched, what: KindOfWrite): number {
  return WATCHED.indexOf(catalog) * KINDS_OF_WRITE.length + KINDS_OF_WRITE.indexOf(what);
}
