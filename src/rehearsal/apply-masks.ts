import { AishaError, messageOf } from '../errors.ts';
import { groupBy } from '../group-by.ts';
import { quoteIdentifier, quoteQualified } from '../postgres/quote.ts';
import { serverError } from '../postgres/server-error.ts';
import type { Session } from '../postgres/session.ts';
import { type MaskColumn, maskSql, type PlannedMask, pathOf, planMasks, type Tie } from './masks.ts';
import type { MaskRule } from './settings.ts';

/** What is masked, and the key that decides what values become: the same value the same under the same key. */
export interface MaskOrder {
  readonly rules: readonly MaskRule[];
  readonly key: string;
}

/** A column that was masked. */
export interface Masked {
  /** `schema.table.column`. */
  readonly column: string;
  readonly as: string;
  /** Rows of its table that were written. */
  readonly rows: number;
}

/** Two values may become one, seldom; where they must not, another key is tried, as often as this. */
const ATTEMPTS = 5;
const UNIQUE_VIOLATION = '23505';

/**
 * Masks columns of the copy, as its superuser and without triggers: what they write down would hold the old values.
 * @throws AishaError (usage) for rules that cannot be followed; then nothing else is done with the copy
 */
export async function applyMasks(admin: Session, order: MaskOrder, info: (line: string) => void): Promise<Masked[]> {
  if (order.rules.length === 0) return [];
  const masks = planMasks(order.rules, await admin.query<MaskColumn>(COLUMNS), await admin.query<Tie>(TIES));
  const tables = groupBy(masks, ({ column: { schema, table } }) => `${schema}\0${table}`);
  const masked: Masked[] = [];
  for (const own of tables.values()) {
    const { schema, table } = own[0]!.column;
    info(`masking ${schema}.${table}: ${own.map(({ column }) => column.column).join(', ')}`);
    const rows = await maskTable(admin, own, order.key);
    masked.push(...own.map(({ column, as }) => ({ column: pathOf(column), as, rows })));
  }
  // The values that were are still in the pages and in what was computed from them.
  for (const own of tables.values()) {
    const { schema, table } = own[0]!.column;
    await admin.query(`vacuum (full) ${quoteQualified(schema, table)}`);
  }
  for (const { schema, name } of await admin.query<{ schema: string; name: string }>(VIEWS))
    await admin.query(`refresh materialized view ${quoteQualified(schema, name)}`);
  return masked;
}

async function maskTable(admin: Session, masks: readonly PlannedMask[], key: string): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const salted = attempt === 0 ? key : `${key}#${attempt}`;
    await admin.query('begin');
    try {
      // A policy that hides rows from whoever masks is an error: they would stay as they are.
      await admin.query('set local row_security = off');
      const held = await holdTriggers(admin, masks[0]!.column);
      const { rowCount } = await admin.client.query(maskSql(masks), [Buffer.from(salted)]);
      for (const statement of held) await admin.query(statement);
      await admin.query('commit');
      return rowCount ?? 0;
    } catch (error) {
      await admin.query('rollback');
      if (serverError(error)?.code === UNIQUE_VIOLATION && attempt + 1 < ATTEMPTS) continue;
      const { schema, table } = masks[0]!.column;
      throw new AishaError('usage', `${schema}.${table} cannot be masked: ${messageOf(error)}`, {
        hint: 'A constraint of the table refuses the masked values: choose another kind in rehearsal.masks.',
        cause: error,
      });
    }
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Keeps triggers from running in this transaction. Who may not switch to the mode of a replica disables the table's own
 * ones, and foreign keys are checked then.
 * @returns SQL that puts them back
 */
async function holdTriggers(admin: Session, { schema, table }: MaskColumn): Promise<string[]> {
  await admin.query('savepoint triggers');
  try {
    await admin.query("set local session_replication_role = 'replica'");
    return [];
  } catch (error) {
    if (serverError(error)?.code !== INSUFFICIENT_PRIVILEGE) throw error;
  }
  await admin.query('rollback to savepoint triggers');
  const name = quoteQualified(schema, table);
  const triggers = await admin.query<{ name: string; how: string }>(
    `select tgname::text as name, case tgenabled when 'A' then 'enable always' else 'enable' end as how
     from pg_catalog.pg_trigger where tgrelid = $1::pg_catalog.regclass and not tgisinternal and tgenabled in ('O', 'A')`,
    [name],
  );
  for (const trigger of triggers)
    await admin.query(`alter table ${name} disable trigger ${quoteIdentifier(trigger.name)}`);
  // A table with checks that wait for the end cannot be altered.
  return [
    'set constraints all immediate',
    ...triggers.map((trigger) => `alter table ${name} ${trigger.how} trigger ${quoteIdentifier(trigger.name)}`),
  ];
}

const COLUMNS = `
  select n.nspname::text as schema, c.relname::text as table, a.attname::text as column,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    (case when b.oid is null then t.typcategory else b.typcategory end)::text as category,
    case when t.typname in ('varchar', 'bpchar') and a.atttypmod > 4 then a.atttypmod - 4 end as length,
    not a.attnotnull as nullable,
    exists (select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique
      and (a.attnum = any (i.indkey) or i.indexprs is not null)) as unique
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_type b on b.oid = nullif(t.typbasetype, 0)
  where a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and n.nspname !~ '^(pg_|aisha_rehearsal$)' and n.nspname <> 'information_schema'
  order by n.nspname collate "C", c.relname collate "C", a.attnum`;

const TIES = `
  select format('%s.%s.%s', n.nspname, c.relname, a.attname) as "from", format('%s.%s.%s', fn.nspname, fc.relname, fa.attname) as "to"
  from pg_catalog.pg_constraint k
  cross join lateral unnest(k.conkey, k.confkey) as pair(own, other)
  join pg_catalog.pg_class c on c.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.own
  join pg_catalog.pg_class fc on fc.oid = k.confrelid join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
  join pg_catalog.pg_attribute fa on fa.attrelid = k.confrelid and fa.attnum = pair.other
  where k.contype = 'f' and k.conparentid = 0`;

/** In the order of their making: one may read another. */
const VIEWS = `
  select n.nspname::text as schema, c.relname::text as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'm' and c.relispopulated order by c.oid`;
