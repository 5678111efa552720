import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import { catalogNameOf, IDENTIFIER, unquoted } from './catalog-name.ts';
import type { CatalogEntry } from './compare.ts';
import type { CatalogIndex, Omissions } from './contents-list.ts';
import { STUBS, type StubPlace, textTypeSql } from './extension-stubs.ts';
import type { ExtensionUsed } from './manifest.ts';

/** What makes a backup restorable where extensions are missing. */
export interface StubPlan {
  /** For a superuser in the empty database, in one transaction, before the restore. */
  readonly sql: string;
  /** What is there then, so that the restore leaves it out. */
  readonly omissions: Required<Pick<Omissions, 'extensions' | 'schemas' | 'grantsIn' | 'stubbed'>>;
}

/**
 * Plans stubs under the names of the extensions: so that the objects that use them come back, and are no differences.
 * Those without a known stub give their types at least, as text.
 * @param present those that the server has
 * @param catalog of the database that was backed up
 * @param note what the functions of a stub do first: nothing by default
 */
export function planStubs(
  missing: readonly ExtensionUsed[],
  present: readonly ExtensionUsed[],
  catalog: readonly CatalogEntry[],
  note: StubPlace['note'] = () => '',
): StubPlan {
  const types = unknownTypes(missing, catalog);
  // Their types have to be there first, or they would be taken for those of the others.
  const early = types.length === 0 ? [] : present;
  const places = [...missing, ...early].flatMap(schemasOf);
  const schemas = [...new Set(places)].filter((schema) => schema !== 'public' && schema !== 'pg_catalog');
  const owned = schemas.flatMap((name) => {
    const owner = ownerOf(name, catalog);
    return owner === undefined ? [] : [{ name, owner }];
  });
  const own = schemas.filter((schema) => !owned.some(({ name }) => name === schema));
  return {
    sql: [
      ...owned.map(({ name, owner }) => createSchema(name, owner)),
      ...own.map((name) => createSchema(name)),
      ...early.map(
        ({ name, schema }) =>
          `create extension if not exists ${quoteIdentifier(name)} with schema ${quoteIdentifier(schema)} cascade;`,
      ),
      ...missing.map((extension) => {
        const stub = STUBS[extension.name];
        const schema = quoteIdentifier(stub?.schema ?? extension.schema);
        // One that the extension was made in is none of its members (CREATE EXTENSION, schema_name).
        const members = own.filter((name) => name === stub?.schema && name !== extension.schema);
        return [pretend(extension), stub?.sql({ schema, note }) ?? '', ...adopt(extension, members)].join('\n');
      }),
      ...types.map((type, i) => typeIfNone(type, i, missing)),
    ].join('\n'),
    omissions: {
      extensions: missing,
      stubbed: missing.map(({ name }) => name),
      schemas: owned,
      grantsIn: [...new Set(missing.flatMap(schemasOf))].map((schema) => ({ schema, known: namesIn(schema, catalog) })),
    },
  };
}

function schemasOf({ name, schema }: ExtensionUsed): string[] {
  const own = STUBS[name]?.schema;
  return own === undefined || own === schema ? [schema] : [schema, own];
}

function ownerOf(schema: string, catalog: readonly CatalogEntry[]): string | undefined {
  const entry = catalog.find(({ kind, schema: own }) => kind === 'schema' && own === schema);
  return /^owner (.*?); grants /s.exec(entry?.definition ?? '')?.[1];
}

function createSchema(name: string, owner?: string): string {
  const authorization = owner === undefined ? '' : ` authorization ${quoteIdentifier(owner)}`;
  // Who made the schema of an extension has let everybody use it.
  const grant = owner === undefined ? `grant usage on schema ${quoteIdentifier(name)} to public;` : '';
  return `create schema ${quoteIdentifier(name)}${authorization};${grant}`;
}

/** Everything in the catalog that lies in the schema, as a dump's grants name it: without quotes and arguments. */
function namesIn(schema: string, catalog: readonly CatalogEntry[]): string[] {
  return catalog
    .filter((entry) => entry.schema === schema && entry.kind !== 'column')
    .map(({ name }) => withoutQuotes(name).replace(/\(.*$/s, ''))
    .map((name) => (name.startsWith(`${schema}.`) ? name.slice(schema.length + 1) : name));
}

function withoutQuotes(name: string): string {
  return name.replaceAll('"', '');
}

// ── indexes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const INDEX = new RegExp(
  `^CREATE (?:UNIQUE )?INDEX ${IDENTIFIER} ON (?:ONLY )?${IDENTIFIER}\\.${IDENTIFIER} USING (${IDENTIFIER}) `,
);

/** Indexes whose access method a server does not have: no stub can stand in for one. */
export function indexesWithout(
  accessMethods: readonly string[],
  catalog: readonly CatalogEntry[],
): readonly CatalogIndex[] {
  return catalog.flatMap(({ kind, name: catalogName, definition }) => {
    if (kind !== 'index') return [];
    const accessMethod = unquoted(INDEX.exec(definition)?.[1] ?? '');
    const found = catalogNameOf(catalogName);
    if (accessMethod === '' || found === undefined || accessMethods.includes(accessMethod)) return [];
    return [{ schema: found.schema, name: found.name, catalogName, accessMethod }];
  });
}

// ── members of the extension ────────────────────────────────────────────────────────────────────────────────────────

/** CREATE EXTENSION IF NOT EXISTS finds it, and everything that belongs to it is no part of a dump. */
function pretend({ name, version, schema }: ExtensionUsed): string {
  return `
insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  select pg_catalog.pg_nextoid('pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'), ${quoteLiteral(name)},
    (select oid from pg_catalog.pg_roles where rolname = session_user), ${quoteLiteral(quoteIdentifier(schema))}::pg_catalog.regnamespace,
    false, ${quoteLiteral(`stub of ${version}`)};`;
}

/** Rows of the catalog that this transaction has written and that are members of no extension. */
const NEW = (catalog: string) =>
  `x.xmin::text = (pg_catalog.txid_current() % 4294967296)::text and not exists (select from pg_catalog.pg_depend d
     where d.classid = 'pg_catalog.${catalog}'::regclass and d.objid = x.oid and d.deptype = 'e')`;

const MEMBERS = `
  select 'pg_catalog.pg_proc'::regclass as classid, x.oid as objid from pg_catalog.pg_proc x where ${NEW('pg_proc')}
  union all
  select 'pg_catalog.pg_class'::regclass, x.oid from pg_catalog.pg_class x where ${NEW('pg_class')} and x.relkind in ('r', 'v', 'S')
  union all
  select 'pg_catalog.pg_type'::regclass, x.oid from pg_catalog.pg_type x where ${NEW('pg_type')} and x.typrelid = 0 and x.typcategory <> 'A'
  union all
  select 'pg_catalog.pg_operator'::regclass, x.oid from pg_catalog.pg_operator x where ${NEW('pg_operator')}
  union all
  select 'pg_catalog.pg_cast'::regclass, x.oid from pg_catalog.pg_cast x where ${NEW('pg_cast')}`;

function adopt({ name }: ExtensionUsed, schemas: readonly string[]): string[] {
  const extension = quoteIdentifier(name);
  return [
    `
insert into pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
  select m.classid, m.objid, 0, 'pg_catalog.pg_extension'::regclass, e.oid, 0, 'e'
  from (${MEMBERS}) m, pg_catalog.pg_extension e where e.extname = ${quoteLiteral(name)};`,
    ...schemas.map((schema) => `alter extension ${extension} add schema ${quoteIdentifier(schema)};`),
  ];
}

// ── types of extensions that nothing is known of ────────────────────────────────────────────────────────────────────

interface UnknownType {
  /** Qualified and quoted. */
  readonly name: string;
  readonly schema: string;
  readonly typmod: '' | 'varchar' | 'numeric';
}

/** What format_type says of a type outside of pg_catalog, in the definition of a column. */
const COLUMN_TYPE = new RegExp(
  String.raw`^(${IDENTIFIER})\.(${IDENTIFIER})(?:\(([^)]*)\))?(?:\[\])* (?:not )?null[,;]`,
);

/** Types of columns that are in the schema of such an extension and are no part of the backup. */
function unknownTypes(missing: readonly ExtensionUsed[], catalog: readonly CatalogEntry[]): UnknownType[] {
  const schemas = missing.filter(({ name }) => STUBS[name] === undefined).map(({ schema }) => schema);
  if (schemas.length === 0) return [];
  const own = new Set(catalog.filter(({ kind }) => kind !== 'column').map(({ name }) => name));
  const found = new Map<string, UnknownType>();
  for (const { kind, definition } of catalog) {
    const [, schema, type, modifier] = (kind === 'column' && COLUMN_TYPE.exec(definition)) || [];
    const name = `${schema}.${type}`;
    if (schema === undefined || own.has(name) || !schemas.includes(unquoted(schema))) continue;
    const typmod = found.get(name)?.typmod || typmodOf(modifier);
    found.set(name, { name, schema, typmod });
  }
  return [...found.values()];
}

function typmodOf(modifier: string | undefined): UnknownType['typmod'] {
  if (modifier === undefined) return '';
  return /^\d+$/.test(modifier) ? 'varchar' : /^\d+, ?\d+$/.test(modifier) ? 'numeric' : '';
}

function typeIfNone({ name, schema, typmod }: UnknownType, i: number, missing: readonly ExtensionUsed[]): string {
  const owner = missing.find((extension) => extension.schema === unquoted(schema))!;
  const [body, tag] = [textTypeSql(name, `${schema}.aisha_stub_${i}`, typmod), '$type$'];
  return `do ${tag} begin if pg_catalog.to_regtype(${quoteLiteral(name)}) is null then ${body} end if; end ${tag};${adopt(owner, []).join('')}`;
}
