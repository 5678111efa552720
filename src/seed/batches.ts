import { setImmediate } from 'node:timers/promises';
import { CopyText } from './copy-text.ts';
import { Place, type Tenant } from './place.ts';
import type { Pools } from './pools.ts';
import type { SeedTable } from './table.ts';

/** Rows in COPY's text format. */
export interface Batch {
  readonly columns: readonly string[];
  readonly text: Buffer;
  readonly rows: number;
}

/** Bytes of a batch: big enough to hide the round trip, small enough that two of them are no memory to speak of. */
const BATCH_SIZE = 700_000;

/** Bytes of the row that makes a batch full. */
const LAST_ROW = 50_000;

/** Rows between two pauses, in which what was made before goes out to the server. */
const BREATH = 200;

/** Makes the rows of one table, tenant after tenant; only the batch in hand is in memory. */
export async function* makeBatches(
  pools: Pools,
  tenants: readonly Tenant[],
  name: string,
  table: SeedTable,
): AsyncGenerator<Batch> {
  let columns: readonly string[] = [];
  let text = new CopyText(BATCH_SIZE + LAST_ROW);
  let rows = 0;
  for (const tenant of tenants) {
    for (let n = 0; n < tenant.rows[name]!; n++) {
      const row = table.row(new Place(pools, tenant, name, n));
      if (columns.length === 0) columns = Object.keys(row);
      text.add(row);
      rows++;
      if (rows % BREATH === 0) await setImmediate();
      if (text.length < BATCH_SIZE) continue;
      yield { columns, text: text.bytes, rows };
      text = new CopyText(BATCH_SIZE + LAST_ROW);
      rows = 0;
    }
  }
  if (rows > 0) yield { columns, text: text.bytes, rows };
}
