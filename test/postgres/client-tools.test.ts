import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findClientTools } from '../../src/postgres/client-tools.ts';
import { libpqEnvironment, passfileLine } from '../../src/postgres/libpq-environment.ts';
import { passwordFromFile } from '../../src/postgres/passfile.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { chooseTools, noFittingTools } from '../../src/postgres/tool-choice.ts';
import { makeFolder } from '../support/folder.ts';

const tools = (...majors: number[]) =>
  majors.map((major) => ({ binDir: `/pg/${major}`, version: `${major}.1`, major }));

describe('of several pg_dump', () => {
  test.each([
    [[14, 15, 16], 15, 15],
    [[14, 18, 17], 16, 17],
    [[13, 14], 15, undefined],
    [[], 15, undefined],
  ])('%j for a server %i: %s', (majors, server, expected) => {
    expect(chooseTools(tools(...majors), server)?.major).toBe(expected);
  });

  test('none that fits: says what was found and how to install one', () => {
    const error = noFittingTools(tools(13, 14), 17, 'linux');
    expect(error.exitCode).toBe(11);
    expect(error.details).toEqual(['/pg/13: pg_dump 13.1, which is too old', '/pg/14: pg_dump 14.1, which is too old']);
    expect(error.hint).toContain('apt-get install postgresql-client-17');
    expect(noFittingTools([], 17, 'darwin').hint).toContain('brew install postgresql@17');
  });
});

describe('a folder of tools', () => {
  const script = (version: string) => `#!/bin/sh\necho "pg_tool (PostgreSQL) ${version}"\n`;

  test('is used as it was named', async () => {
    const folder = await makeFolder({ pg_dump: script('16.4'), pg_restore: script('16.4') });
    await Promise.all(['pg_dump', 'pg_restore'].map((name) => chmod(join(folder, name), 0o755)));
    expect(findClientTools({ binDir: folder })).toEqual([{ binDir: folder, version: '16.4', major: 16 }]);
  });

  test('with two versions, or without one of the two, is refused', async () => {
    const folder = await makeFolder({ pg_dump: script('16.4'), pg_restore: script('15.2') });
    await Promise.all(['pg_dump', 'pg_restore'].map((name) => chmod(join(folder, name), 0o755)));
    for (const binDir of [folder, await makeFolder()]) {
      expect(() => findClientTools({ binDir })).toThrow(/holds no pg_dump and pg_restore of one version/);
    }
  });
});

describe('the environment of a program of PostgreSQL', () => {
  test('says where to connect, and no password', () => {
    const databaseUrl = `postgres://ro%20le:s3cret@db.example.com:5433/da%20ta?sslmode=require&options=-c%20x.y%3D1`;
    const target = resolveTarget({ databaseUrl, env: {} });
    const base = { PATH: '/bin', HOME: '/home/a', PGPASSWORD: 'other', PGHOST: 'elsewhere', PGSERVICE: 'x' };
    const env = libpqEnvironment(target, { applicationName: 'app', passfile: '/tmp/pass' }, base);
    expect(env).toMatchObject({
      PATH: '/bin',
      PGHOST: 'db.example.com',
      PGPORT: '5433',
      PGDATABASE: 'da ta',
      PGUSER: 'ro le',
      PGPASSFILE: '/tmp/pass',
      PGAPPNAME: 'app',
      PGSSLMODE: 'require',
      PGOPTIONS: '-c x.y=1',
      PGGSSENCMODE: 'disable',
    });
    expect(Object.keys(env)).not.toContain('PGPASSWORD');
    expect(Object.keys(env)).not.toContain('PGSERVICE');
    expect(JSON.stringify(env)).not.toContain('s3cret');
  });

  test.each(['plain', 'a:b\\c', String.raw`\:`, `quote ' " %`])(
    'a password file gives back the password %j',
    (password) => {
      const query = { host: 'h', port: 1, database: 'd', user: 'u' };
      expect(passwordFromFile(passfileLine(password), query)).toBe(password);
    },
  );

  test('a password that no file can hold is refused without showing it', () => {
    expect(() => passfileLine('a\nb')).toThrow('the password has a line break, which no password file can hold');
  });
});
