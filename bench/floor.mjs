// The least a Node runner can do: read, hash, send each file with BEGIN, ledger row and COMMIT in one message.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

const dir = process.argv[2];
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query(
  'create table if not exists floor_ledger (name text primary key, checksum text not null, applied_at timestamptz not null default now())',
);
const { rows } = await client.query('select name, checksum from floor_ledger');
const applied = new Map(rows.map((row) => [row.name, row.checksum]));
for (const name of readdirSync(dir).sort()) {
  const text = readFileSync(join(dir, name), 'utf8');
  const sum = createHash('sha256').update(text).digest('hex');
  if (applied.get(name) === sum) continue;
  await client.query(`begin;${text}\n;insert into floor_ledger (name, checksum) values ('${name}', '${sum}');commit`);
}
await client.end();
