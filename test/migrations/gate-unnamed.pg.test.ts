/** @module-tag since-13 */
import { describe } from 'vitest';
import { expect } from '../support/database.ts';
import { test } from '../tenancy/database.ts';
import { makeProject } from './project.ts';

const TABLE = '"Orgs ""%"';
const MINE = `"Org %" = (select org())`;
const CLAIMS = "nullif(current_setting('request.jwt.claims', true), '')::jsonb";

/** Tables of which nothing but their policies says whose the rows are. */
const tables = (using: string, more = '') => `
  grant usage on schema public to anon, authenticated;
  create function org() returns uuid language sql stable as $$ select (${CLAIMS} ->> 'org')::uuid $$;
  create table ${TABLE} (id int primary key, "Org %" uuid, parent uuid, nick text, is_public boolean);
  alter table ${TABLE} enable row level security, force row level security;
  grant select, insert, update, delete on ${TABLE} to authenticated;
  create policy own on ${TABLE} to authenticated using (${using});
  ${more}
`;
const alter = (using: string) => `alter policy own on ${TABLE} using (${using})`;
const USER = `id::text = (${CLAIMS} ->> 'sub')`;

const WORSE: [was: string, sql: string, message: RegExp][] = [
  [MINE, alter('true'), /policy own is true/],
  [MINE, alter(`${MINE} or id < 3`), /let authenticated SELECT a row that names nobody with id = "2"/],
  [MINE, alter(`nick <> ''`), /a row that names nobody with nick/],
  [MINE, alter(`(${CLAIMS} ->> 'role') = 'authenticated'`), /a row that names nobody in a session of one tenant/],
  [MINE, alter(`(${CLAIMS} ->> 'sub') is not null and id > 0`), /a row that names nobody/],
  [MINE, `create policy public on ${TABLE} for select to authenticated using (is_public)`, /is_public = true/],
  [MINE, `create policy adding on ${TABLE} for insert to authenticated with check (parent is null)`, /INSERT a row/],
  [USER, alter(`${USER} or nick is null`), /a row that names nobody/],
  [`exists (select from pg_class c where c.oid = id and ${MINE})`, alter('id is not null'), /policy own is true/],
];

const AS_GOOD: [was: string, sql: string][] = [
  [MINE, alter(`"Org %" = org()`)],
  [MINE, alter(`${MINE} and is_public`)],
  [MINE, alter(`(${CLAIMS} ->> 'org')::uuid = "Org %"`)],
  [`${MINE} or is_public`, alter(`(${MINE} and nick <> '') or is_public`)],
  ['true', alter('is_public')],
  [USER, alter(`(${CLAIMS} ->> 'sub') = id::text`)],
  [`(select org()) in ("Org %", parent)`, alter(MINE)],
];

describe('of a table whose tenant no configuration names', () => {
  test.for(WORSE)('a file is refused that puts behind %s: %s', async ([was, sql, message], { db }) => {
    const project = await makeProject(db, { '001_tables.sql': tables(was) });
    await project.succeed();
    await project.write({ '002_change.sql': sql });
    const result = await project.migrate();
    expect(result.code).toBe(9);
    const [finding] = result.json().findings;
    expect(finding).toMatchObject({
      check: 'gate',
      object: 'public."Orgs ""%"',
      message: expect.stringMatching(message),
    });
  });

  test.for(AS_GOOD)('a file passes that puts behind %s: %s', async ([was, sql], { db }) => {
    const project = await makeProject(db, { '001_tables.sql': tables(was) });
    await project.succeed();
    await project.write({ '002_change.sql': sql });
    await project.succeed();
  });
});
