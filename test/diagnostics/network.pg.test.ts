/** @module-tag since-13 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDefinitions } from '../../src/diagnostics/load.ts';
import { openClient, stageUrl } from '../../src/diagnostics/stage/database.ts';
import { type ScratchServer, startScratchServer } from '../../src/postgres/scratch-server.ts';
import { serverPrograms } from '../support/server-versions.ts';
import { diagnose, foundBy } from './run.ts';

/** Of documentation only (RFC 5737): the server is told to listen there and cannot, so nobody is let in. */
const ELSEWHERE = '127.0.0.1, 192.0.2.1';

let server: ScratchServer;

beforeAll(async () => {
  const version = process.env['AISHA_TEST_PG'];
  server = await startScratchServer({
    settings: { listen_addresses: ELSEWHERE },
    ...(version === undefined ? {} : { binaries: await serverPrograms(version) }),
  });
  const client = await openClient(server.url('postgres'));
  await client.query("create role of_few_rights login password 'x'");
  await client.end();
});

afterAll(async () => {
  await server?.stop();
});

const checksOf = (...ids: string[]) => loadDefinitions().filter(({ id }) => ids.includes(id));

test('a server that others reach and that offers no TLS is a finding', async () => {
  const result = await diagnose(server.url('postgres'), checksOf('tls-settings'));
  expect(foundBy(result)).toEqual(['warning ssl']);
  expect(result.findings?.[0]?.message).toContain('listen_addresses = 127.0.0.1, 192.0.2.1');
});

test('a role of few rights gets what it can see, and is told what it cannot', async () => {
  const url = stageUrl(server, 'of_few_rights', 'x', 'postgres');
  const result = await diagnose(
    url,
    checksOf('tls-settings', 'pg-hba-rule', 'password-hash', 'unencrypted-connection'),
  );
  expect(foundBy(result)).toEqual(['warning ssl']);
  const checks = result.checks?.map(({ id, status, remediation }) => [id, status, remediation]).sort();
  expect(checks).toEqual([
    ['password-hash', 'unknown', 'grant select on "pg_catalog"."pg_authid" to "of_few_rights";'],
    ['pg-hba-rule', 'unknown', 'grant execute on function "pg_catalog"."pg_hba_file_rules"() to "of_few_rights";'],
    ['tls-settings', 'unknown', 'grant pg_read_all_settings to of_few_rights;'],
    ['unencrypted-connection', 'unknown', 'grant pg_read_all_stats to "of_few_rights";'],
  ]);
});
