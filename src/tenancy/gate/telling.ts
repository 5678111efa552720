import { quoteLiteral } from '../../postgres/quote.ts';
import type { Preparable, Session } from '../../postgres/session.ts';
import { LIMITS, type ToldTables, tablesSql } from '../catalog/some-tables.ts';
import { namesOf } from '../names.ts';
import type { TenancySettings } from '../settings.ts';
import { isOwn } from './own-rows.ts';
import { type Isolation, isolationSql } from './read-state.ts';
import { MOST_AT_ONCE } from './state.ts';

// A file that most likely has to be judged is asked at its end for what that takes, in the same message.

/** What a file's transaction tells of the tables whose policies it wrote. */
export interface Told {
  readonly tables: readonly number[];
  readonly isolation: Isolation;
  /** What it takes to ask their policies; `null` where that was not wanted. */
  readonly some: ToldTables | null;
}

const tellingSql = (some: string) => `
  with own as materialized (
    select coalesce(pg_catalog.array_agg(distinct p.polrelid), '{}') as tables
    from pg_catalog.pg_policy p
    where ${isOwn('p')}
  ),
  few as materialized (
    select case when pg_catalog.cardinality(tables) <= ${MOST_AT_ONCE} then tables else '{}' end as tables from own
  )
  select pg_catalog.json_build_object(
    'tables', few.tables::int8[],
    'isolation', ${isolationSql('(select tables from few)::oid[]', '(select tables from few)::oid[]')},
    'some', ${some}
  )
  from few`;

const TELLING: Preparable = { sql: tellingSql('null'), types: [] };

const TELLING_MORE: Preparable = {
  sql: tellingSql(`(${tablesSql({ tables: '(select tables from few)', columns: '$1', withTexts: 'true' })})`),
  types: ['name[]'],
};

/**
 * Statements that tell it as one value, the last one; they need not be in order for it to be known which failed.
 * @param wantsTables also what it takes to ask policies
 */
export function telling(session: Session, { columns }: TenancySettings, wantsTables: boolean): readonly string[] {
  return [
    'savepoint aisha_db_told',
    ...LIMITS.map((limit) => `set local ${limit}`),
    ...(wantsTables
      ? session.executing(TELLING_MORE, [quoteLiteral(namesOf(columns))])
      : session.executing(TELLING, [])),
    'rollback to savepoint aisha_db_told',
    'release savepoint aisha_db_told',
    // To the end of the transaction: whatever is asked in it, planning takes longer than the answer.
    'set local plan_cache_mode = force_generic_plan',
  ];
}
