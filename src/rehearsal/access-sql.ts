import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Origin } from './origin.ts';

/**
 * The role that migrates as it is in the database that was copied, with a password that nobody else knows: on a server
 * of our own.
 */
export function ownRoleSql(origin: Origin, database: string, password: string): string {
  const role = quoteIdentifier(origin.role);
  const flags = [
    ['superuser', origin.superuser],
    ['bypassrls', origin.bypassRls],
    ['createrole', origin.createRole],
    ['createdb', origin.createDatabase],
  ] as const;
  const attributes = flags.map(([name, isOn]) => (isOn ? name : `no${name}`)).join(' ');
  const groups = origin.memberOf.filter((name) => !name.startsWith('pg_'));
  const predefined = origin.memberOf.filter((name) => name.startsWith('pg_'));
  return [
    createRole(origin.role),
    createRole(origin.owner),
    ...groups.map(createRole),
    `alter role ${role} login ${attributes} password ${quoteLiteral(password)}`,
    // Predefined roles differ from version to version.
    ...predefined.map((name) =>
      ifThere(
        `select from pg_catalog.pg_roles where rolname = ${quoteLiteral(name)}`,
        `grant ${quoteIdentifier(name)} to ${role}`,
      ),
    ),
    ...groups.map((name) => `grant ${quoteIdentifier(name)} to ${role}`),
    ...databaseSql(origin, database),
    ...origin.roleSettings.map((setting) => `alter role ${role} ${setClause(setting)}`),
  ].join(';\n');
}

/**
 * A role of the rehearsal alone that acts as the one that migrates: on a server that others use as well, whose roles
 * keep their passwords and attributes.
 */
export function guestRoleSql(origin: Origin, database: string, guest: string, password: string): string {
  const [role, name] = [quoteIdentifier(guest), quoteIdentifier(database)];
  return [
    createRole(origin.role),
    createRole(origin.owner),
    `create role ${role} login password ${quoteLiteral(password)}`,
    `grant ${quoteIdentifier(origin.role)} to ${role}`,
    `grant connect on database ${name} to ${role}`,
    ...databaseSql(origin, database),
    ...origin.roleSettings.map((setting) => `alter role ${role} in database ${name} ${setClause(setting)}`),
    `alter role ${role} in database ${name} set role to ${quoteLiteral(origin.role)}`,
  ].join(';\n');
}

function databaseSql(origin: Origin, database: string): string[] {
  const name = quoteIdentifier(database);
  return [
    `alter database ${name} owner to ${quoteIdentifier(origin.owner)}`,
    ...(origin.mayCreate ? [`grant create on database ${name} to ${quoteIdentifier(origin.role)}`] : []),
    ...origin.databaseSettings.map((setting) => `alter database ${name} ${setClause(setting)}`),
  ];
}

function createRole(name: string): string {
  const absent = `select from pg_catalog.pg_roles where rolname = ${quoteLiteral(name)}`;
  return ifThere(`select where not exists (${absent})`, `create role ${quoteIdentifier(name)} nologin`);
}

function ifThere(question: string, statement: string): string {
  const body = `begin if exists (${question}) then execute ${quoteLiteral(statement)}; end if; end`;
  return `do ${quoteLiteral(body)}`;
}

/** Lists are stored as they are to be written; all else is one value (pg_dumpall's makeAlterConfigCommand). */
export function setClause(setting: string): string {
  const [name = '', ...rest] = setting.split('=');
  const value = rest.join('=');
  const isList = ['search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces'].includes(
    name,
  );
  return `set ${name.split('.').map(quoteIdentifier).join('.')} to ${isList && value !== '' ? value : quoteLiteral(value)}`;
}
