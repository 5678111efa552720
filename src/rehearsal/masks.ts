import { AishaError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../postgres/quote.ts';
import type { MaskKind, MaskRule } from './settings.ts';

/** A column of an ordinary or partitioned table. */
export interface MaskColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  /** As format_type writes it. */
  readonly type: string;
  /** `pg_type.typcategory`: S for strings, N for numbers, A for arrays, ... */
  readonly category: string;
  /** Of varchar(n) and char(n), in characters. */
  readonly length: number | null;
  readonly nullable: boolean;
  /** Part of a unique index. */
  readonly unique: boolean;
}

/** Two columns that a foreign key ties together, as `schema.table.column`. */
export interface Tie {
  readonly from: string;
  readonly to: string;
}

export interface PlannedMask {
  readonly column: MaskColumn;
  readonly as: MaskKind;
}

/** `schema.table.column`, as rules name it. */
export function pathOf({ schema, table, column }: Pick<MaskColumn, 'schema' | 'table' | 'column'>): string {
  return `${schema}.${table}.${column}`;
}

/**
 * Which columns are masked, and how: the first rule that fits a column decides, and columns that foreign keys tie to it
 * follow, so that rows still find each other.
 * @throws AishaError (usage) for rules that fit no column, or a column that cannot be masked like that
 */
export function planMasks(
  rules: readonly MaskRule[],
  columns: readonly MaskColumn[],
  ties: readonly Tie[],
): readonly PlannedMask[] {
  const idle = rules.filter((rule) => !columns.some((column) => fits(rule, column)));
  if (idle.length > 0) {
    throw new AishaError('usage', 'rules of rehearsal.masks fit no column of the copy', {
      details: idle.map(({ column }) => column),
      hint: 'What is misspelt would stay readable in the copy: mend the rules, or take them out.',
    });
  }
  const kinds = new Map<string, MaskKind>();
  for (const column of columns) {
    const rule = rules.find((candidate) => fits(candidate, column));
    if (rule !== undefined) kinds.set(pathOf(column), rule.as);
  }
  followTies(kinds, ties);
  const masks = columns.flatMap((column) => {
    const as = kinds.get(pathOf(column));
    return as === undefined ? [] : [{ column, as }];
  });
  const unfit = masks.filter((mask) => expressionOf(mask) === undefined);
  if (unfit.length === 0) return masks;
  throw new AishaError('usage', 'columns cannot be masked as rehearsal.masks says', {
    details: unfit.map(
      ({ column, as }) =>
        `${pathOf(column)} is ${column.type}${column.nullable ? '' : ' not null'} and cannot become "${as}"`,
    ),
    hint: 'Strings become email, phone, name or text; what is no string becomes empty.',
  });
}

function fits({ column: pattern }: MaskRule, column: MaskColumn): boolean {
  const expression = new RegExp(`^${pattern.split('*').map(literally).join('.*')}$`, 's');
  return expression.test(pathOf(column)) || expression.test(column.column);
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function followTies(kinds: Map<string, MaskKind>, ties: readonly Tie[]): void {
  for (let before = -1; before !== kinds.size; ) {
    before = kinds.size;
    for (const { from, to } of ties) {
      const kind = kinds.get(from) ?? kinds.get(to);
      if (kind === undefined) continue;
      kinds.set(from, kind);
      kinds.set(to, kind);
    }
  }
}

/** One UPDATE for the masked columns of a table. $1: the key, as bytea. */
export function maskSql(masks: readonly PlannedMask[]): string {
  const [first] = masks;
  const assignments = masks.map((mask) => `${quoteIdentifier(mask.column.column)} = ${expressionOf(mask)}`);
  const touched = masks.map(({ column }) => `${quoteIdentifier(column.column)} is not null`);
  return `update ${quoteQualified(first!.column.schema, first!.column.table)} set ${assignments.join(', ')} where ${touched.join(' or ')}`;
}

/** Given and family names from many languages; which two a value becomes, its hash decides. */
const GIVEN =
  'Amara,Anouk,Bela,Chidi,Dalia,Edda,Farid,Greta,Hana,Imre,Jonas,Kaia,Leif,Mina,Nils,Odile,Pavel,Rhea,Sami,Tove,Uma,Vito,Wanda,Yara,Zeno';
const FAMILY =
  'Abel,Bauer,Costa,Dahl,Egger,Fontaine,Grieg,Horvat,Iversen,Jansen,Keller,Lindt,Moreau,Novak,Okoye,Petrov,Quist,Rossi,Sato,Torres,Ueda,Varga,Weiss,Yilmaz,Zola';

/** What a mask leaves of a value: NULL and the empty string stay. `undefined` when the type cannot hold it. */
function expressionOf({ column, as }: PlannedMask): string | undefined {
  const name = quoteIdentifier(column.column);
  if (as === 'empty') return emptyOf(column);
  const isString = column.category === 'S';
  if (!isString && !(as === 'phone' && column.category === 'N')) return undefined;
  const digest = `pg_catalog.encode(pg_catalog.sha256($1 || pg_catalog.sha256($1 || pg_catalog.convert_to(${name}::pg_catalog.text, 'UTF8'))), 'hex')`;
  const masked = textOf(column, as, digest);
  if (masked === undefined) return undefined;
  return `case when ${name} is null or ${name}::pg_catalog.text = '' then ${name} else (${masked})::${column.type} end`;
}

function textOf(
  { length, unique, category }: MaskColumn,
  as: Exclude<MaskKind, 'empty'>,
  digest: string,
): string | undefined {
  const room = length ?? 64;
  const part = (from: number, modulus: number) =>
    `(('x' || pg_catalog.substr(${digest}, ${from}, 8))::pg_catalog.bit(32)::pg_catalog.int8 % ${modulus})`;
  switch (as) {
    case 'email': {
      const digits = Math.min(32, room - '@example.invalid'.length - 1);
      return digits < 8 ? undefined : `'u' || pg_catalog.left(${digest}, ${digits}) || '@example.invalid'`;
    }
    case 'phone': {
      // +999 is a country code that nobody has (ITU-T E.164).
      const digits = `pg_catalog.lpad((('x' || pg_catalog.left(${digest}, 15))::pg_catalog.bit(60)::pg_catalog.int8 % 1000000000000)::pg_catalog.text, 12, '0')`;
      return category === 'N' ? `999 || ${digits}` : room < 16 ? undefined : `'+999' || ${digits}`;
    }
    case 'name': {
      const pick = (names: string, from: number) =>
        `(pg_catalog.string_to_array(${quoteLiteral(names)}, ','))[1 + ${part(from, names.split(',').length)}]`;
      const both = `${pick(GIVEN, 1)} || ' ' || ${pick(FAMILY, 9)}`;
      if (unique) return room < 32 ? undefined : `${both} || ' ' || pg_catalog.substr(${digest}, 17, 12)`;
      return `pg_catalog.left(${both}, ${room})`;
    }
    case 'text':
      return unique && room < 8 ? undefined : `pg_catalog.left(${digest}, ${Math.min(32, room)})`;
  }
}

function emptyOf({ nullable, type, category, unique }: MaskColumn): string | undefined {
  if (nullable) return 'null';
  if (unique) return undefined;
  if (category === 'S') return "''";
  if (category === 'A' || type === 'json' || type === 'jsonb') return `'{}'::${type}`;
  if (category === 'N') return `'0'::${type}`;
  return type === 'bytea' ? "''::bytea" : undefined;
}
