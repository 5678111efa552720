import { describe, expect, test } from 'vitest';
import { confirmationNeeded } from '../../src/postgres/protect.ts';
import { resolveTarget } from '../../src/postgres/target.ts';
import { Secret } from '../../src/secret.ts';

function target(isProtected: boolean) {
  const url = new Secret('postgres://aisha@db.example.com/app?sslmode=disable');
  return resolveTarget({
    environment: 'production',
    environments: { production: { url, protected: isProtected } },
    env: {},
  });
}

describe('a protected environment', () => {
  test.each([[{}], [{ yes: true }]])('given %j asks for its name', (given) => {
    const confirmation = confirmationNeeded(target(true), given);
    expect(confirmation?.expects).toBe('production');
    expect(confirmation?.refusal).toMatchObject({
      kind: 'connection',
      hint: expect.stringContaining('--confirm production'),
    });
  });

  test('goes on with its name', () => {
    expect(confirmationNeeded(target(true), { confirm: 'production' })).toBeUndefined();
  });

  test('is refused with another name, also with --yes', () => {
    expect(() => confirmationNeeded(target(true), { confirm: 'staging', yes: true })).toThrow(
      expect.objectContaining({ kind: 'connection', message: expect.stringContaining('"staging"') }),
    );
  });
});

describe('any other target', () => {
  test('asks for yes and shows the database', () => {
    const confirmation = confirmationNeeded(target(false), {});
    expect(confirmation?.expects).toBe('yes');
    expect(confirmation?.question).toContain('db.example.com:5432/app as aisha');
  });

  test('goes on with --yes or with its name', () => {
    expect(confirmationNeeded(target(false), { yes: true })).toBeUndefined();
    expect(confirmationNeeded(target(false), { confirm: 'production' })).toBeUndefined();
  });

  test('is refused when --confirm names another database', () => {
    expect(() => confirmationNeeded(target(false), { confirm: 'staging', yes: true })).toThrow();
  });

  test('without an environment the name is that of the database', () => {
    const plain = resolveTarget({ databaseUrl: 'postgres://aisha@localhost/app', env: {} });
    expect(confirmationNeeded(plain, { confirm: 'app' })).toBeUndefined();
  });
});
