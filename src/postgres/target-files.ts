import { join } from 'node:path';
import { AishaError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { LocalSystem } from './local-system.ts';
import { type CheckedParameters, checkParameters, type Parameters } from './parameters.ts';
import { type PassfileQuery, passfileWarning, passwordFromFile } from './passfile.ts';
import { serviceParameters } from './service-file.ts';

/** Where Debian's and Ubuntu's libpq looks when PGSYSCONFDIR is not set. */
const SYSTEM_CONFIG_DIR = '/etc/postgresql-common';

/**
 * The parameters of the service that is named, if any: the user's file first, then the system's (PostgreSQL docs 34.17).
 * @throws AishaError (usage) when neither file has it
 */
export function readService(
  parameters: Parameters,
  env: Readonly<Record<string, string | undefined>>,
  system: LocalSystem,
): CheckedParameters {
  const service = parameters.service;
  if (service === undefined) return { parameters: {}, notes: [] };
  const files = [
    parameters.servicefile?.value ?? system.serviceFile,
    join(env['PGSYSCONFDIR'] || SYSTEM_CONFIG_DIR, 'pg_service.conf'),
  ];
  for (const file of files) {
    const content = system.readFile(file);
    const section = content && serviceParameters(content.text, service.value, file);
    if (section !== undefined) return checkParameters(section, `service "${service.value}"`);
  }
  throw new AishaError('usage', `there is no service "${service.value}" (${service.from})`, {
    hint: `Add a section [${service.value}] to ${files.join(' or ')}.`,
  });
}

/** The password that was given, else the one of the password file (docs 34.16); none is no error yet. */
export function findPassword(
  parameters: Parameters,
  query: PassfileQuery,
  system: LocalSystem,
): { readonly password?: Secret; readonly notes: readonly string[] } {
  if (parameters.password !== undefined) return { password: new Secret(parameters.password.value), notes: [] };
  const path = parameters.passfile?.value ?? system.passfile;
  const file = system.readFile(path);
  if (file === undefined) return { notes: [] };
  const warning = passfileWarning(path, file.mode, system.platform);
  if (warning !== undefined) return { notes: [warning] };
  const password = passwordFromFile(file.text, query);
  return password === undefined ? { notes: [] } : { password: new Secret(password), notes: [] };
}
