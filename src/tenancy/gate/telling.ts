import { quoteLiteral } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { LIMITS, type ToldTables, tablesSql } from '../catalog/some-tables.ts';
import { namesOf } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import type { Wrote } from './guard.ts';
import { isOwn, type OwnRows, ownRowsSql } from './own-rows.ts';
import { type Isolation, isolationSql } from './read-state.ts';
import { MOST_AT_ONCE, type Watched } from './state.ts';

// A file that most likely has to be judged is asked at its end for what that takes, in the same message.

/** What a file's transaction tells at its end. */
export interface Told {
  readonly wrote: Wrote;
  /** Nothing of catalogs that were not asked for. */
  readonly own: OwnRows;
  /** Those with policies that it wrote, unless they are many. */
  readonly tables: readonly number[];
  readonly isolation: Isolation;
  /** What it takes to ask their policies; `null` where that was not wanted. */
  readonly some: ToldTables | null;
}

/** What a file is to be asked at its end. */
export interface ToTell {
  /** SQL of `Wrote`. */
  readonly wrote: string;
  /** Catalogs whose own rows are told; what is known of others is only whether the file wrote to them. */
  readonly rowsOf: ReadonlySet<Watched>;
  /** Also what it takes to ask policies. */
  readonly wantsTables: boolean;
}

/** True of every catalog that the file wrote to whose rows tell anything. */
export function tellsAll(rowsOf: ReadonlySet<Watched>, touched: ReadonlySet<Watched>): boolean {
  return [...touched].every((catalog) => rowsOf.has(catalog) || WITHOUT_ROWS.has(catalog));
}

const WITHOUT_ROWS: ReadonlySet<Watched> = new Set([
  'pg_namespace',
  'pg_authid',
  'pg_auth_members',
  'pg_db_role_setting',
]);

function tellingSql({ wrote, rowsOf, wantsTables }: ToTell): string {
  // A constant: of what is not asked for, nothing is planned.
  const isUntouched = (catalog: Watched) => String(!rowsOf.has(catalog));
  const own = ownRowsSql(isUntouched, {
    ...(rowsOf.has('pg_class') ? {} : { relations: 'null' }),
    tables: '(select tables from written)::oid[]',
  });
  const some = tablesSql({ tables: '(select tables from few)', columns: '$1', withTexts: 'true' });
  return `
    with written as materialized (
      select coalesce(pg_catalog.array_agg(distinct p.polrelid), '{}') as tables
      from pg_catalog.pg_policy p
      where ${isOwn('p')}
    ),
    few as materialized (
      select case when pg_catalog.cardinality(tables) <= ${MOST_AT_ONCE} then tables else '{}' end as tables from written
    )
    select pg_catalog.json_build_object(
      'wrote', ${wrote},
      'own', ${own},
      'tables', few.tables::int8[],
      'isolation', ${isolationSql('(select tables from few)::oid[]', '(select tables from few)::oid[]')},
      'some', ${wantsTables ? `(${some})` : 'null'}
    )
    from few`;
}

/**
 * Statements that tell it as one value; they need not be in order for it to be known which failed.
 * @returns those that prepare it, each for a message of its own, and those for the end of a file
 */
export function telling(
  session: Session,
  { columns }: TenancySettings,
  toTell: ToTell,
): { readonly ahead: readonly string[]; readonly statements: readonly string[] } {
  const types = toTell.wantsTables ? ['name[]'] : [];
  const values = toTell.wantsTables ? [quoteLiteral(namesOf(columns))] : [];
  const executing = session.executing({ sql: tellingSql(toTell), types }, values);
  return {
    ahead: executing.slice(0, -1),
    statements: [
      'savepoint aisha_db_told',
      ...LIMITS.map((limit) => `set local ${limit}`),
      ...executing.slice(-1),
      'rollback to savepoint aisha_db_told',
      'release savepoint aisha_db_told',
      // To the end of the transaction: whatever is asked in it, planning takes longer than the answer.
      'set local plan_cache_mode = force_generic_plan',
    ],
  };
}
