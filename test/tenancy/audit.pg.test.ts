/** @module-tag since-13 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeProject } from '../commands/project.ts';
import { expect, type TestDatabase } from '../support/database.ts';
import { test } from './database.ts';

const prelude = readFileSync(join(import.meta.dirname, 'fixtures/prelude.sql'), 'utf8');

const FOR_EACH = 'after insert or update or delete on';
const SCHEMA = `${prelude}
  create table "audit log" (id bigint generated always as identity, what text, row_data jsonb);
  create table activity (id bigint generated always as identity);
  create function audit_row() returns trigger language plpgsql as $$ begin
    insert into "audit log" (what, row_data) values (tg_op, to_jsonb(coalesce(new, old))); return coalesce(new, old); end $$;
  grant insert on "audit log" to service_role;
  create function audit_nothing() returns trigger language plpgsql as $$ begin return coalesce(new, old); end $$;
  create function note() returns trigger language plpgsql as $$ begin
    insert into activity default values; return coalesce(new, old); end $$;
  create function audit_raises() returns trigger language plpgsql as $$ begin raise exception '100%% broken'; end $$;
  create function audit_out() returns trigger language plpgsql as $$
    begin perform dblink_exec('other', 'insert into audit'); return new; end $$;
  create table outside (id int primary key, name text);
  create trigger audit after insert on outside for each row execute function audit_out();
  create function audit_in_log() returns trigger language plpgsql as $$ begin raise log 'audit: %', new; return new; end $$;
  create procedure "Far </b> %"() language plpgsql as $$ begin perform dblink_exec('other', 'x'); end $$;
  create function near() returns void language plpgsql as $$ begin call "Far </b> %"(); end $$;
  create function tells_others() returns trigger language plpgsql as $$ begin perform NEAR(); return new; end $$;
  create table through_others (id int primary key, name text);
  create trigger audit after insert on through_others for each row execute function audit_row();
  create trigger tells after insert on through_others for each row execute function tells_others();
  create table logged (id int primary key, name text);
  create trigger audit after insert on logged for each row execute function audit_in_log();
  create table "works </script> %" (id int generated always as identity primary key, tenant_id uuid not null references tenant, name text);
  select isolate('"works </script> %"');
  create trigger audit ${FOR_EACH} "works </script> %" for each row execute function audit_row();
  create table disabled (id int primary key, name text);
  create trigger "Audit it" ${FOR_EACH} disabled for each row execute function audit_row();
  alter table disabled disable trigger "Audit it";
  create table writes_nothing (id int primary key, name text);
  create trigger audit ${FOR_EACH} writes_nothing for each row execute function audit_nothing();
  create trigger note ${FOR_EACH} writes_nothing for each row execute function note();
  create table never (id int primary key, name text);
  create trigger audit after insert or update on never for each row when (false) execute function audit_row();
  create table replica_only (id int primary key, name text);
  create trigger audit ${FOR_EACH} replica_only for each row execute function audit_row();
  alter table replica_only enable replica trigger audit;
  create table on_change (id int primary key, name text);
  create trigger audit after update on on_change for each row when (old.* is distinct from new.*) execute function audit_row();
  create table raises (id int primary key, name text);
  create trigger audit after update on raises for each row execute function audit_raises();
  create table unmakeable (id int not null, check (id > 5 and id < 5));
  create trigger audit after insert on unmakeable for each row execute function audit_row();
  create table parted (id int not null, tenant_id uuid not null) partition by list (id);
  create table parted_1 partition of parted for values in (1);
  create trigger audit ${FOR_EACH} parted for each row execute function audit_row();`;

async function checkOf(db: TestDatabase, ...options: string[]) {
  const project = await makeProject({}, { env: { DATABASE_URL: db.url } });
  return project.report('security-check', ...options);
}

test('audit triggers are fired, and what they write decides, not what the catalog says', async ({ db }) => {
  await db.query(SCHEMA);
  const { data, checks, findings, exitCode } = await checkOf(db, '--prove');
  expect(exitCode).toBe(1);
  const verdicts = data.audit.map(({ object, event, verdict, writtenTo, reason }: Record<string, string>) => [
    object,
    event,
    verdict,
    ...[writtenTo ?? reason].flat(),
  ]);
  const firing = (object: string, ...events: string[]) =>
    events.map((event) => [object, event, 'firing', 'public."audit log"']);
  const silent = (object: string, reason: string, ...events: string[]) =>
    events.map((event) => [object, event, 'silent', reason]);
  const all = ['INSERT', 'UPDATE', 'DELETE'];
  expect(verdicts.sort()).toEqual(
    [
      ...firing('public."works </script> %"', ...all),
      ...firing('public.parted', ...all),
      ...firing('public.on_change', 'UPDATE'),
      ...silent('public.disabled', 'trigger "Audit it" is disabled', ...all),
      ...silent('public.replica_only', 'trigger audit fires in sessions of replication only', ...all),
      // Its rows go to a table that is none of the audit's.
      ...silent('public.writes_nothing', 'trigger audit is enabled, and its function wrote nothing', ...all),
      ...silent(
        'public.never',
        'trigger audit is enabled, and its condition (false) or its function wrote nothing',
        'INSERT',
        'UPDATE',
      ),
      // Fired, the one would write where no rollback undoes it; the other writes where nobody looks.
      [
        'public.outside',
        'INSERT',
        'not-provable',
        expect.stringMatching(/^trigger audit reaches out of its transaction \(dblink_exec\): it was not fired/),
      ],
      [
        'public.through_others',
        'INSERT',
        'not-provable',
        expect.stringMatching(/^trigger tells reaches out of its transaction \(dblink_exec\): it was not fired/),
      ],
      ['public.logged', 'INSERT', 'not-provable', 'trigger audit writes where no table shows it (raise log)'],
      ['public.raises', 'UPDATE', 'not-provable', 'the statement fails: 100% broken'],
      ['public.unmakeable', 'INSERT', 'not-provable', expect.stringMatching(/^no row of it could be made: .*check/)],
    ].sort(),
  );
  expect(checks.at(-1)).toMatchObject({ id: 'audit-proof', status: 'failed' });
  const own = findings.filter(({ check }: { check: string }) => check === 'audit-proof');
  expect(own.map(({ object, severity }: Record<string, string>) => [object, severity])).toEqual([
    ['public.disabled', 'warning'],
    ['public.never', 'warning'],
    ['public.replica_only', 'warning'],
    ['public.writes_nothing', 'warning'],
  ]);
  expect(own[0].remediation).toBe('alter table public.disabled enable trigger "Audit it";');

  // Nothing is left, and what mends is mended.
  expect(await db.superQuery('select from "audit log" union all select from activity')).toEqual([]);
  expect(await db.superQuery('select from "works </script> %" union all select from parted')).toEqual([]);
  await db.query(
    `${own[0].remediation} drop table writes_nothing, never, replica_only, raises, unmakeable, outside, logged, through_others`,
  );
  const mended = await checkOf(db, '--prove');
  expect(mended.checks.at(-1)).toMatchObject({ id: 'audit-proof', status: 'passed' });
});

test('what nobody may write is no green, and without --prove nothing is fired', async ({ db }) => {
  await db.query(
    `${SCHEMA} drop table raises, unmakeable, writes_nothing, never, replica_only, disabled, outside, logged, through_others`,
  );
  const project = await makeProject({}, { env: { DATABASE_URL: db.readerUrl } });
  const { data, checks } = await project.report('security-check', '--prove');
  expect(data.audit.map(({ verdict }: { verdict: string }) => verdict)).toEqual(Array(7).fill('not-provable'));
  expect(checks.at(-1)).toMatchObject({
    id: 'audit-proof',
    status: 'unknown',
    // Once for all tables that it keeps from being proved, with their events.
    reason: expect.stringMatching(
      /^public\..* \(INSERT, UPDATE and DELETE\).*: app_reader may not write it, nor become anybody who may$/,
    ),
  });
  const { stderr } = await project.run('security-check', '--prove');
  expect(stderr.match(/server: PostgreSQL/g)).toHaveLength(1);
  const without = await checkOf(db);
  expect(without.data.audit).toBeUndefined();
  expect(without.checks.map(({ id }: { id: string }) => id)).not.toContain('audit-proof');
  expect(await db.superQuery<{ used: boolean }>(`select bool_or(is_called) as used from "audit log_id_seq"`)).toEqual([
    { used: false },
  ]);
});
