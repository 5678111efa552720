// Deterministic folders of SQL files.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `count` files of ten statements each: a table with keys, an index, a function, a policy, five rows. */
export function writeFiles(dir, count) {
  mkdirSync(dir, { recursive: true });
  for (let i = 1; i <= count; i++) writeFileSync(join(dir, `${pad(i)}_m.sql`), statements(i));
}

/** One file of about `bytes`: a table and an INSERT for each row. */
export function writeBigFile(dir, bytes) {
  mkdirSync(dir, { recursive: true });
  const parts = [
    'create table big_rows (id bigint primary key, email text not null, note text not null, payload jsonb not null);\n',
  ];
  for (let i = 1, length = 0; length < bytes; i++) {
    const hash = createHash('md5').update(String(i)).digest('hex');
    const row = `insert into big_rows (id, email, note, payload) values (${i}, 'user${i}@example.com', 'note ${hash}; don''t split', '{"hash": "${hash}", "n": ${i}}');\n`;
    parts.push(row);
    length += row.length;
  }
  writeFileSync(join(dir, '001_big.sql'), parts.join(''));
}

function statements(i) {
  const t = `t_${pad(i)}`;
  const hub = `t_${pad(i - ((i - 1) % 50))}`;
  const rows = [1, 2, 3, 4, 5].map(
    (k) =>
      `insert into ${t} (id, tenant_id, label) values (${k}, ${1 + (k % 3)}, 'row ${k}; don''t split -- no comment');`,
  );
  return `create table ${t} (
  id bigint primary key,
  parent_id bigint references ${hub} (id) on delete cascade,
  tenant_id integer not null default 1 check (tenant_id > 0),
  label text not null,
  payload jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index ${t}_parent_idx on ${t} (parent_id);
create function ${t}_touch(p_id bigint) returns integer language plpgsql as $$
begin
  -- a comment; with a semicolon and a 'quote'
  update ${t} set created_at = now() where id = p_id;
  return 1;
end;
$$;
alter table ${t} enable row level security;
create policy ${t}_tenant on ${t} using (tenant_id = current_setting('app.tenant', true)::integer);
${rows.join('\n')}
`;
}

function pad(i) {
  return String(i).padStart(5, '0');
}
