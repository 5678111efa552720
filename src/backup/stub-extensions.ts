import { AishaError, messageOf } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import type { CatalogEntry } from './compare.ts';
import type { Omissions } from './contents-list.ts';
import type { StubPlace } from './extension-stubs.ts';
import type { Manifest } from './manifest.ts';
import { indexesWithout, planStubs } from './plan-stubs.ts';

/**
 * Makes stubs for the extensions that are left out, in the empty database.
 * @param admin a superuser
 * @param note what the functions of a stub do first: nothing by default
 * @returns the omissions with all that a restore has to pass over now
 * @throws AishaError (backup) when a stub cannot be made
 */
export async function stubExtensions(
  admin: Session,
  manifest: Manifest,
  catalog: readonly CatalogEntry[],
  omissions: Omissions,
  note?: StubPlace['note'],
): Promise<Omissions> {
  if (omissions.extensions.length === 0) return omissions;
  const names = omissions.extensions.map(({ name }) => name);
  const isMissing = ({ name }: { readonly name: string }) => names.includes(name);
  const missing = manifest.extensions.filter(isMissing);
  const present = manifest.extensions.filter((extension) => !isMissing(extension));
  const plan = planStubs(missing, present, catalog, note);
  const { error } = await admin.script([plan.sql]);
  if (error !== undefined) {
    throw new AishaError('backup', `no stubs can be made for ${names.join(', ')}: ${messageOf(error)}`, {
      cause: error,
      hint: 'It says nothing about the backup: name a server that has those extensions as backup.serverBinDir.',
    });
  }
  const methods = await admin.query<{ name: string }>(
    `select amname::text as name from pg_catalog.pg_am where amtype = 'i'`,
  );
  const indexes = indexesWithout(
    methods.map(({ name }) => name),
    catalog,
  );
  return { ...omissions, ...plan.omissions, indexes };
}

/** A line for each thing that was not restored as it was. */
export function describeOmissions({ extensions, stubbed = [], foreignKeys, indexes = [] }: Omissions): string[] {
  return [
    ...extensions.map(({ name }) =>
      stubbed.includes(name)
        ? `extension ${name}, which the server does not have: a stub took its place`
        : `extension ${name}, which the server does not have`,
    ),
    ...indexes.map(
      ({ catalogName, accessMethod }) =>
        `index ${catalogName}, whose access method ${accessMethod} the server does not have`,
    ),
    ...foreignKeys.map(({ name }) => `foreign key ${name}, whose other table has no rows in the backup`),
  ];
}
