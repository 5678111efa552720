import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { makeProject, type Project } from '../commands/project.ts';
import { expect, type TestDatabase, test } from '../support/database.ts';

const ODD = `it's a.Table 100% </script>`;

/** A CRM in small: the manual's audit_log with a trigger that leaves secrets out, policies, foreign keys, odd names. */
const SCHEMA = `
  create table public.audit_log (id bigint generated always as identity primary key, action text not null, table_name text not null,
    record_id text, old_data jsonb, new_data jsonb, changed_by text, changed_at timestamptz not null default now());
  create table public.accounts (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, name text not null);
  create table public.contacts (
    id uuid primary key default gen_random_uuid(), tenant_id uuid not null, account_id uuid references public.accounts on delete set null,
    email text unique, amount numeric(10, 2), tags text[] default '{}', extra jsonb, born date, secret text,
    updated_at timestamptz default now(), shout text generated always as (upper(email)) stored
  );
  create index contacts_account on public.contacts (account_id);
  create table public."${ODD}" (id int primary key, contact uuid references public.contacts, note text);
  create function public.touch() returns trigger language plpgsql as $$ begin new.updated_at = clock_timestamp(); return new; end $$;
  create trigger touch before update on public.contacts for each row execute function public.touch();
  create function public.log_audit_changes() returns trigger language plpgsql as $$
  begin
    insert into public.audit_log (action, table_name, record_id, old_data, new_data, changed_by)
      values (tg_op, tg_table_name, coalesce(new.id, old.id)::text, to_jsonb(old) - 'secret', to_jsonb(new) - 'secret', session_user);
    return null;
  end $$;
  create trigger audit after insert or update or delete on public.contacts for each row execute function public.log_audit_changes();
  create trigger audit after insert or update or delete on public.accounts for each row execute function public.log_audit_changes();
  alter table public.contacts enable row level security;
  create policy "tenant's own" on public.contacts to authenticated using (tenant_id = nullif(current_setting('app.current_tenant_id', true), '')::uuid);
  grant select on public.contacts to authenticated;
  create view public.contact_emails with (security_invoker) as select email from public.contacts;
  insert into public.accounts (tenant_id, name) select gen_random_uuid(), 'account ' || i from generate_series(1, 10) i;
  insert into public.contacts (tenant_id, account_id, email, amount, tags, extra, born, secret)
    select a.tenant_id, a.id, 'c' || i || '@example.com', i + 0.50, array['it''s', '{"'], '{"n": 1.0}', date '1990-01-01' + i, 'hush'
    from generate_series(1, 200) i join (select *, row_number() over (order by name) as n from public.accounts) a on a.n = 1 + i % 10;
  insert into public."${ODD}" select row_number() over (order by email), id, 'note' from public.contacts;
`;

async function inUse(db: TestDatabase, files: Readonly<Record<string, string>> = {}): Promise<Project> {
  await db.query(SCHEMA);
  const project = await makeProject(files, { env: db.env });
  expect(await project.run('backup')).toMatchObject({ code: 0 });
  return project;
}

/** What comes back is compared without what triggers set and what the log leaves out. */
const CONTACTS = `select to_jsonb(c) - 'updated_at' - 'secret' as row from public.contacts c order by email`;

describe('recover', { timeout: 120_000 }, () => {
  test('brings a dropped table back with all that went with it, and keeps what was written since', async ({ db }) => {
    const project = await inUse(db);
    const before = await db.query(`${CONTACTS}`);
    await db.query(`insert into public.accounts (tenant_id, name) values (gen_random_uuid(), 'since')`);
    await db.query('drop table public.contacts cascade');
    const assessed = await project.report('recover', 'assess');
    expect(assessed).toMatchObject({
      exitCode: 1,
      findings: expect.arrayContaining([
        expect.objectContaining({ check: 'table-lost', object: 'public.contacts', metric: 200 }),
      ]),
    });
    expect(assessed.data.incident.assessment.missing).toEqual(
      expect.arrayContaining([
        'table public.contacts',
        `policy public.contacts "tenant's own"`,
        'index public.contacts_account',
        'view public.contact_emails',
        `constraint public."${ODD}" "${ODD}_contact_fkey"`,
      ]),
    );
    const chosen = await project.report('recover', 'choose');
    expect(chosen.data.incident.choice).toMatchObject({ recommended: 'missing-objects' });
    await project.run('recover', 'restore', '--plan');
    expect(await project.run('recover', 'restore')).toMatchObject({ code: 3 });
    expect(await db.query(`select to_regclass('public.contacts') as t`)).toEqual([{ t: null }]);
    const restored = await project.run('recover', 'restore', '--yes');
    expect(restored.code, restored.stdout + restored.stderr).toBe(0);
    expect(await db.query(CONTACTS)).toEqual(before);
    expect(await db.query(`select count(*)::int as n from public.accounts`)).toEqual([{ n: 11 }]);
    const verified = await project.report('recover', 'verify');
    expect(verified.findings).toEqual([]);
    const markdown = await readFile(verified.data.report, 'utf8');
    expect(markdown).toContain('| public.contacts | 200 | gone | 200 |');
    expect(markdown).toMatch(/\| recovered \| \d{4}-/);
    expect(markdown).toContain('**not brought back**: rows of public.contacts that were written after');
    expect(markdown).toContain('## Lessons learned');
  });

  test('undoes a DELETE without WHERE from audit_log, once, with the rows that it changed elsewhere', async ({
    db,
  }) => {
    const project = await inUse(db);
    const before = await db.query(CONTACTS);
    const [account] = await db.query<{ id: string }>('select id from public.accounts order by name limit 1');
    const since = new Date().toISOString();
    await db.query('delete from public.accounts');
    await db.query(`delete from public."${ODD}"; delete from public.contacts`);
    await db.query(
      `insert into public.accounts (id, tenant_id, name) values ($1, gen_random_uuid(), 'made by hand since')`,
      [account!.id],
    );
    const assessed = await project.report('recover', 'assess', '--since', since);
    expect(assessed.data.incident.assessment.bursts.slice(0, 2)).toMatchObject([
      { action: 'UPDATE', table: 'contacts', rows: 200, by: 'app_owner' },
      { action: 'DELETE', table: 'contacts', rows: 200, by: 'app_owner' },
    ]);
    const planned = await project.report('recover', 'undo', '--since', since, '--plan');
    expect(planned.data.undo).toMatchObject({
      done: false,
      undone: [
        { table: 'public.accounts', inserted: 9, skipped: 0 },
        { table: 'public.contacts', inserted: 200, skipped: 0 },
      ],
      left: expect.arrayContaining([
        expect.stringContaining('secret'),
        'accounts: a row that was deleted and made again since',
      ]),
    });
    expect(await db.query('select count(*)::int as n from public.contacts')).toEqual([{ n: 0 }]);
    const undone = await project.run('recover', 'undo', '--since', since, '--yes');
    expect(undone.code, undone.stdout + undone.stderr).toBe(0);
    expect(await db.query(CONTACTS)).toEqual(before);
    expect(await db.query('select name from public.accounts where id = $1', [account!.id])).toEqual([
      { name: 'made by hand since' },
    ]);
    const verified = await project.report('recover', 'verify');
    expect(verified.findings).toContainEqual(
      expect.objectContaining({ message: `public.${ODD} has 0 rows, and 200 in the backup` }),
    );
    const again = await project.report('recover', 'undo', '--since', since, '--until', since, '--plan');
    expect(again.data.undo.undone).toEqual([]);
  });

  test('sets back an UPDATE with wrong values, but no row that somebody has changed since', async ({ db }) => {
    const project = await inUse(db);
    const before = await db.query(CONTACTS);
    const since = new Date().toISOString();
    await db.query(`update public.contacts set amount = 0, tags = '{}', extra = null, born = '1900-01-01'`);
    const until = new Date().toISOString();
    await db.query(`update public.contacts set amount = 77 where email = 'c1@example.com'`);
    await db.query(`update public.contacts set email = 'new@example.com' where email = 'c2@example.com'`);
    const window = ['--since', since, '--until', until, '--table', 'contacts', '--by', 'app_owner'];
    const undone = await project.report('recover', 'undo', ...window, '--yes');
    expect(undone.data.undo.undone).toEqual([{ table: 'public.contacts', inserted: 0, updated: 199, skipped: 1 }]);
    const after = await db.query<{ row: { email: string; amount: number } }>(CONTACTS);
    const of = (rows: typeof after, email: string) => rows.find(({ row }) => row.email === email)!.row;
    expect(of(after, 'c1@example.com').amount).toBe(77);
    expect(of(after, 'new@example.com')).toMatchObject({
      amount: 2.5,
      tags: ["it's", '{"'],
      extra: { n: 1.0 },
      born: '1990-01-03',
    });
    expect(of(after, 'c3@example.com')).toEqual(of(before as typeof after, 'c3@example.com'));
    expect(await readFile(undone.data.report, 'utf8')).toContain(
      '1 rows of public.contacts are there again or were changed since',
    );
    expect((await project.report('recover', 'undo', ...window, '--plan')).data.undo.undone).toMatchObject([
      { updated: 0 },
    ]);
  });

  test('names what a corrupted migration broke, and restores what it took', async ({ db }) => {
    const project = await inUse(db, {
      'aisha-db.config.json': JSON.stringify({ gate: 'off' }),
      'sql/001_corrupt.sql': `drop policy "tenant's own" on public.contacts; drop function public.touch() cascade; alter table public.accounts alter column name type varchar(50);`,
    });
    expect(await project.run('migrate', '--no-backup')).toMatchObject({ code: 0 });
    await project.write({ 'sql/001_corrupt.sql': 'select 1;' });
    const assessed = await project.report('recover', 'assess');
    expect(assessed.data.incident.assessment).toMatchObject({
      missing: ['function public.touch()', `policy public.contacts "tenant's own"`, 'trigger public.contacts touch'],
      changed: ['column public.accounts.name'],
      ledger: [expect.stringContaining('001_corrupt.sql is changed')],
    });
    expect((await project.report('recover', 'choose')).data.incident.choice.byTheManual).toBe('backup-and-migrations');
    const restored = await project.run('recover', 'restore', '--yes');
    expect(restored.code, restored.stdout + restored.stderr).toBe(0);
    const again = await project.report('recover', 'assess');
    expect(again.data.incident.assessment).toMatchObject({ missing: [], changed: ['column public.accounts.name'] });
  });

  test('restores a lost database, and says what was written after the backup', async ({ db, maintenance }) => {
    const project = await inUse(db);
    const before = await db.query(CONTACTS);
    await maintenance.query(`drop database ${db.name} with (force)`);
    const assessed = await project.report('recover', 'assess');
    expect(assessed.data.incident.assessment).toMatchObject({ isLost: true });
    expect((await project.report('recover', 'choose')).data.incident.choice).toMatchObject({ recommended: 'backup' });
    const restored = await project.report('recover', 'restore', '--yes');
    expect(restored.error).toBeUndefined();
    expect(restored.data.incident.deeds).toMatchObject([
      { left: [expect.stringContaining('everything that was written after')] },
    ]);
    const client = await db.connect();
    expect((await client.query(CONTACTS)).rows).toEqual(before);
    await client.end();
    expect((await project.report('recover', 'verify')).findings).toEqual([]);
  });

  test('puts rows back from the backup where no log has them, and gives changed ones their old values', async ({
    db,
  }) => {
    const project = await inUse(db);
    await db.query(`delete from public."${ODD}" where id <= 50; delete from public.contacts where email = 'c77@example.com' and false;
      update public."${ODD}" set note = 'wrong' where id between 51 and 60; insert into public."${ODD}" values (900, null, 'since')`);
    await project.run('recover', 'assess');
    const chosen = await project.report('recover', 'choose');
    expect(chosen.data.incident.choice.recommended).toBe('table-rows');
    const way = chosen.data.incident.choice.ways.find(({ method }: { method: string }) => method === 'table-rows');
    expect(way.command).toBe(`aisha-db recover restore --table 'public.it'\\''s a.Table 100% </script>'`);
    const restore = ['recover', 'restore', '--table', `public.${ODD}`];
    expect(await project.run(...restore, '--plan')).toMatchObject({ code: 0 });
    expect(await project.run(...restore)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('50 rows put back'),
    });
    const missing = await project.report(...restore, '--yes');
    expect(missing.data.incident.deeds.at(-1)).toMatchObject({
      done: [`public.${ODD}: 50 rows put back, 0 given old values`],
      left: expect.arrayContaining([expect.stringContaining('10 rows')]),
    });
    const changed = await project.report(...restore, '--merge', 'changed', '--yes');
    expect(changed.data.incident.deeds.at(-1).done).toEqual([`public.${ODD}: 0 rows put back, 10 given old values`]);
    expect(await db.query(`select note, count(*)::int as n from public."${ODD}" group by 1 order by 1`)).toEqual([
      { note: 'note', n: 200 },
      { note: 'since', n: 1 },
    ]);
    expect(await project.run('recover', 'restore', '--table', 'public.nowhere')).toMatchObject({ code: 2 });
    expect((await project.report('recover', 'verify')).findings).toEqual([]);
  });

  test('goes back with the whole database and applies the migrations since again, but not the one that did it', async ({
    db,
    maintenance,
  }) => {
    const project = await inUse(db, {
      'aisha-db.config.json': JSON.stringify({ gate: 'off' }),
      'sql/001_good.sql': 'create table public.good (id int);',
      'sql/002_corrupt.sql': `drop policy "tenant's own" on public.contacts; alter table public.accounts alter column name type varchar(50);`,
      'sql/003_lost.sql': 'create table public.lost (id int);',
    });
    expect(await project.run('migrate', '--no-backup')).toMatchObject({ code: 0 });
    await db.query(`insert into public.accounts (tenant_id, name) values (gen_random_uuid(), 'since')`);
    await project.remove('sql/003_lost.sql');
    await project.run('recover', 'assess');
    expect((await project.report('recover', 'choose')).data.incident.choice.recommended).toBe('backup-and-migrations');
    const way = ['recover', 'restore', '--way', 'backup-and-migrations', '--yes', '--end-sessions'];
    expect(await project.run(...way)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('002_corrupt.sql, applied at'),
    });
    await project.write({
      'sql/002_corrupt.sql': 'select pg_sleep(2);',
      'sql/004_new.sql': 'create table public.fresh (id int);',
    });
    expect((await project.run(...way, '--include', '001_good.sql', '--plan')).stdout).toContain(
      '002_corrupt.sql is applied again (mended)',
    );

    // Killed while the mended file runs: the database is back already, the first file applied.
    const killed = project.start(...way, '--include', '001_good.sql');
    const isSleeping = () =>
      maintenance.query(`select from pg_stat_activity where query like '%pg_sleep(2)%' and datname = $1`, [db.name]);
    await expect.poll(async () => (await isSleeping()).rowCount, { timeout: 60_000 }).toBeGreaterThan(0);
    killed.kill('SIGKILL');
    await killed.done;
    const verified = await project.report('recover', 'verify');
    expect(verified.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('replay was begun and is not finished') }),
    );
    const replayed = await project.report('recover', 'replay', '--include', '001_good.sql', '--yes');
    expect(replayed.error).toBeUndefined();
    const { deeds } = replayed.data.incident;
    expect(deeds).toMatchObject([
      {
        method: expect.stringContaining('whole backup'),
        done: [expect.stringContaining('compared'), expect.stringContaining('is kept as')],
        left: expect.arrayContaining([expect.stringContaining('1 row of public.accounts')]),
      },
      {
        method: 'replay of migrations',
        done: [
          expect.stringMatching(/^001_good.sql .by a run/),
          expect.stringMatching(/^002_corrupt.sql/),
          '004_new.sql',
        ],
        left: [expect.stringContaining('003_lost.sql')],
      },
    ]);
    const client = await db.connect();
    const { rows } =
      await client.query(`select to_regclass('public.good') is not null as good, to_regclass('public.fresh') is not null as fresh,
      to_regclass('public.lost') is null as lost, (select count(*)::int from pg_policies where policyname = 'tenant''s own') as policies`);
    await client.end();
    expect(rows).toEqual([{ good: true, fresh: true, lost: true, policies: 1 }]);
    const kept = await maintenance.query<{ name: string }>(
      `select datname as name from pg_database where datname like $1`,
      [`${db.name}_before_%`],
    );
    expect(kept.rows).toHaveLength(1);
    await maintenance.query(`drop database "${kept.rows[0]!.name}" with (force)`);
  });

  test('that was killed goes on: objects, an undo, and a database that was lost', async ({ db, maintenance }) => {
    const project = await inUse(db);
    const before = await db.query(CONTACTS);
    const blocker = await db.connect();
    const waits = () =>
      maintenance.query(`select from pg_stat_activity where wait_event_type = 'Lock' and datname = $1`, [db.name]);
    const killed = async (...args: string[]): Promise<string> => {
      const run = project.start(...args);
      await expect.poll(async () => (await waits()).rowCount, { timeout: 60_000 }).toBeGreaterThan(0);
      const [file] = (await readdir(join(project.dir, '.aisha-db/incidents'))).filter((name) => name.endsWith('.json'));
      const state = await readFile(join(project.dir, '.aisha-db/incidents', file!), 'utf8');
      run.kill('SIGKILL');
      await run.done;
      return state;
    };

    const since = new Date().toISOString();
    await db.query(`delete from public."${ODD}"; delete from public.contacts`);
    await project.run('recover', 'assess', '--since', since);
    // The plan tries all 200 rows; the first row that is meant waits.
    await db.query(`create sequence public.calls; create function public.hold() returns trigger language plpgsql as $$
      begin if nextval('public.calls') > 200 then perform pg_advisory_xact_lock(77); end if; return new; end $$;
      create trigger hold before insert on public.contacts for each row execute function public.hold()`);
    await blocker.query('select pg_advisory_lock(77)');
    const undoing = await killed('recover', 'undo', '--since', since, '--yes');
    expect(JSON.parse(undoing).underway).toMatchObject({ method: 'audit-log' });
    await blocker.query('select pg_advisory_unlock(77)');
    const undone = await project.report('recover', 'undo', '--since', since, '--yes');
    expect(undone.data.undo.undone).toMatchObject([{ table: 'public.contacts', inserted: 200 }]);
    expect(await db.query(CONTACTS)).toEqual(before);
    await db.query('drop function public.hold() cascade');

    await db.query('drop table public.contacts cascade');
    await blocker.query(`begin; lock table public."${ODD}" in row exclusive mode`);
    const state = await killed('recover', 'restore', '--lock-timeout', '1min', '--yes');
    expect(JSON.parse(state).underway).toMatchObject({ method: 'missing-objects' });
    await blocker.query('rollback');
    expect(await db.query(`select to_regclass('public.contacts') as t`)).toEqual([{ t: null }]);
    const restored = await project.report('recover', 'restore', '--yes');
    expect(restored.error).toBeUndefined();
    expect(await db.query(CONTACTS)).toEqual(before);
    // As a kill between the commit and the incident leaves it.
    await writeFile(join(project.dir, '.aisha-db/incidents', `${restored.data.incident.id}.json`), state);
    const told = await project.report('recover', 'restore', '--yes');
    expect(told.data.incident.deeds.at(-1).done).toContainEqual(
      expect.stringMatching(/^table public.contacts .by a run that ended/),
    );

    await blocker.end();
    await maintenance.query(`drop database ${db.name} with (force)`);
    const run = project.start('recover', 'restore', '--yes');
    const unfinished = () =>
      maintenance.query(
        `select from pg_database where datname = $1 and shobj_description(oid, 'pg_database') like '%unfinished%'`,
        [db.name],
      );
    await expect.poll(async () => (await unfinished()).rowCount, { timeout: 60_000, interval: 10 }).toBe(1);
    run.kill('SIGKILL');
    await run.done;
    expect((await project.report('recover', 'assess')).data.incident.assessment.isLost).toBe(true);
    expect(await project.run('recover', 'restore', '--yes')).toMatchObject({ code: 0 });
    const client = await db.connect();
    expect((await client.query(CONTACTS)).rows).toEqual(before);
    await client.end();
  });
});
