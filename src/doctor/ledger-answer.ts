import type { LedgerFacts, LedgerName } from '../migrations/ledger.ts';
import { quantity } from '../report/quantity.ts';
import type { Answer } from './answer.ts';

/** What the ledger's own rows say; whether the files agree with it is the question of `status`. */
export function judgeLedger(name: LedgerName, { exists, missingColumns, rows, elsewhere }: LedgerFacts): Answer {
  const label = `${name.schema}.${name.table}`;
  if (!exists && elsewhere.length > 0) {
    return bad(
      `there is none at ${label}, but one at ${elsewhere.join(', ')}`,
      'Name it under "ledger" in the configuration.',
      'critical',
    );
  }
  if (!exists) {
    return {
      id: 'ledger',
      status: 'ok',
      answer: 'there is none yet: aisha-db migrate makes it, baseline where the schema is there already',
    };
  }
  const broken = rows.filter(({ state }) => state !== 'applied' && state !== 'baseline');
  if (broken.length > 0) {
    const files = broken.map(({ file, state, error }) => `${file} (${state}${error === null ? '' : `: ${error}`})`);
    return bad(
      `${label} has files that are not done: ${files.join(', ')}`,
      'aisha-db status shows them, aisha-db migrate goes on with them.',
      'critical',
    );
  }
  if (missingColumns.length > 0) {
    return bad(
      `${label} lacks ${missingColumns.join(', ')}`,
      'The next aisha-db migrate adds what an older ledger lacks.',
      'warning',
    );
  }
  return { id: 'ledger', status: 'ok', answer: `${label}: ${quantity(rows.length)} files, all of them done` };
}

function bad(answer: string, advice: string, severity: 'critical' | 'warning'): Answer {
  return { id: 'ledger', status: 'bad', answer, advice, severity };
}
