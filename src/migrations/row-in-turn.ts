import { quoteLiteral } from '../postgres/quote.ts';
import { columnValues, given, insertInto, type LedgerEntry, type LedgerName } from './ledger.ts';
import type { Running } from './runner.ts';

/** Place of a file in a run whose files are sent before those in front of them are committed. */
export interface Turn {
  readonly own: number;
  /** The turn without which this one fails; none for the first of a stretch. */
  readonly after: number | undefined;
}

/** Setting of the session that tells which turn was committed last: a transaction that fails takes its own away again. */
const TURN = 'aisha_db.turn';

/** Types of the parameters: what differs from one file of a run to the other. */
const PARAMETERS = 'text, text, text, text, text, text[], int4, text, text, text';

/** The prepared statement that writes rows; a name that the gate takes for nobody else's. */
export function rowName({ gate }: Pick<Running, 'gate'>): string {
  return gate?.named('row') ?? 'aisha_db_row';
}

/**
 * The statement that writes a file's row where there is none, for many files: the server reads and plans it once.
 * @param common what is the same for all of them; the rest of it is left aside
 */
export function prepareRowSql(prepared: string, name: LedgerName, common: LedgerEntry, fence: string): string {
  const inTurn = `($9 is null or pg_catalog.texteq(pg_catalog.current_setting('${TURN}', true), $9))`;
  const takesTurn = `pg_catalog.set_config('${TURN}', $10, false) is not null`;
  const values = {
    ...columnValues({ ...common, state: 'applied' }, `${fence} and ${inTurn} and ${takesTurn}`),
    file: '$1',
    number: '$2',
    phase: '$3',
    checksum: '$4',
    token_checksum: '$5',
    siblings: '$6',
    statements_done: '$7',
    statements_total: '$7',
    gate: '$8',
  };
  return `prepare ${prepared} (${PARAMETERS}) as ${insertInto(name, given(values))}`;
}

/** Writes the row of one of them; fails when the lock is no longer ours, or what is in front of it was not committed. */
export function executeRowSql(prepared: string, entry: LedgerEntry, turn: Turn): string {
  const text = (value: string | number | undefined) => (value === undefined ? 'null' : quoteLiteral(String(value)));
  const { file, number, phase, checksum, tokenChecksum, siblings, statementsTotal, gate } = entry;
  const values = [
    ...[file, number, phase, checksum, tokenChecksum].map(text),
    siblings.length === 0 ? "'{}'" : `array[${siblings.map(quoteLiteral).join(',')}]`,
    String(statementsTotal),
    ...[gate, turn.after, turn.own].map(text),
  ];
  return `execute ${prepared}(${values.join(',')})`;
}
