import type { StageDatabase } from '../stage/database.ts';
import type { LiveFixture } from '../stage/planter.ts';

/** Behind the rules that let the tests in, for addresses that nobody has (RFC 5737, RFC 3849): none of them ever fits. */
const LOOK_ALIKES = [
  '# host all all 0.0.0.0/0 trust',
  'host all "a ""role""" 192.0.2.0/24 reject',
  'hostnossl all all 0.0.0.0/0 reject',
  'host all all 192.0.2.0/24 scram-sha-256',
  'local all "%s" peer',
];
const BAD = [
  // IPv6 is not rejected by the rule for IPv4.
  'host all all 2001:db8::/32 scram-sha-256',
  `host "it's %" all 198.51.100.0/24 trust`,
  'local nobody all trust',
  'host all "an ""old"" one" 203.0.113.0/24 md5',
  'host nobody all 2001:db8::/64 password',
  'host nobody all ::/0 scram-sha-256',
  'host nobody all 192.0.2.1/32 ident',
];

export const fixture: LiveFixture = {
  async lookAlike(db) {
    // Of this database only: other tests see that it is missing.
    await db.superQuery('grant execute on function pg_catalog.pg_hba_file_rules() to app_owner');
    await add(db, LOOK_ALIKES);
  },
  async bad(db) {
    const first = await add(db, BAD);
    const severities = ['info', 'critical', 'warning', 'info', 'warning', 'info', 'warning'];
    const [row] = await db.superQuery<{ name: string | null }>(
      `select case when current_setting('server_version_num')::int >= 160000 then current_setting('hba_file') end as name`,
    );
    return severities.map((severity, index) => `${severity} ${row!.name ?? 'pg_hba.conf'} line ${first + index}`);
  },
  async cure(db) {
    await remove(db, BAD);
  },
  async after(db) {
    await remove(db, LOOK_ALIKES);
  },
};

/** Appends lines to the file and returns the number of the first; the server is not told to read it. */
async function add(db: StageDatabase, lines: readonly string[]): Promise<number> {
  const before = await read(db);
  await write(db, [...before, ...lines]);
  return before.length + 1;
}

async function remove(db: StageDatabase, lines: readonly string[]): Promise<void> {
  await write(
    db,
    (await read(db)).filter((line) => !lines.includes(line)),
  );
}

async function read(db: StageDatabase): Promise<string[]> {
  const [row] = await db.superQuery<{ text: string }>("select pg_read_file(current_setting('hba_file')) as text");
  // COPY quotes an empty line, which is not empty then.
  return row!.text.split('\n').filter((line) => line !== '');
}

async function write(db: StageDatabase, lines: readonly string[]): Promise<void> {
  const [row] = await db.superQuery<{ file: string }>(
    "select quote_literal(current_setting('hba_file')) as file, set_config('aisha_db.lines', $1, false)",
    [JSON.stringify(lines)],
  );
  // A delimiter and a quote that no line has: each is written as it is.
  await db.superQuery(
    `copy (select jsonb_array_elements_text(current_setting('aisha_db.lines')::jsonb))
     to ${row!.file} (format csv, delimiter e'\\x01', quote e'\\x02')`,
  );
}
