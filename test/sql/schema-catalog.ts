import type pg from 'pg';

/** A table of the schema public as the catalog describes it; expressions are written as the server prints them. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly references: readonly Reference[];
  /** Unique keys, and unique indexes over expressions. */
  readonly unique: readonly string[];
  readonly checks: readonly string[];
  /** Columns or expressions of each further index. */
  readonly indexes: readonly string[];
  readonly policies: readonly Policy[];
  readonly forced: boolean;
  /** Functions that triggers call, by name. */
  readonly triggers: readonly string[];
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default: string | null;
  readonly primary: boolean;
  readonly unique: boolean;
  readonly comment: string | null;
}

export interface Reference {
  readonly column: string;
  readonly parent: string;
  readonly onDelete: string;
  readonly required: boolean;
}

interface Policy {
  readonly name: string;
  readonly command: string;
  readonly roles: string;
  readonly using: string | null;
  readonly check: string | null;
}

export interface View {
  readonly name: string;
  readonly comment: string | null;
  readonly columns: string;
}

/** A function that is called, not one that a trigger calls. */
export interface Routine {
  readonly name: string;
  readonly parameters: string;
  readonly result: string;
  /** Runs with the rights of its owner. */
  readonly definer: boolean;
  /** Who may call it. */
  readonly audience: string;
}

export interface Schema {
  readonly tables: readonly Table[];
  readonly views: readonly View[];
  readonly functions: readonly Routine[];
}

/** All of public, by name. */
export async function readSchema(client: pg.Client): Promise<Schema> {
  const { rows: tables } = await client.query<{ table: Table }>(TABLES);
  const { rows: views } = await client.query<View>(VIEWS);
  const { rows: functions } = await client.query<Routine>(FUNCTIONS);
  return { tables: tables.map(({ table }) => table), views, functions };
}

const TABLES = `
select jsonb_build_object(
  'name', c.relname,
  'forced', c.relrowsecurity and c.relforcerowsecurity,
  'columns', (
    select jsonb_agg(jsonb_build_object(
      'name', attname,
      'type', format_type(atttypid, atttypmod),
      'required', attnotnull,
      'default', pg_get_expr(adbin, adrelid),
      'primary', exists (select from pg_constraint where conrelid = c.oid and contype = 'p' and attnum = any (conkey)),
      'unique', exists (select from pg_constraint where conrelid = c.oid and contype = 'u' and conkey = array[attnum]),
      'comment', col_description(c.oid, attnum)
    ) order by attnum)
    from pg_attribute
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = c.oid and attnum > 0 and not attisdropped
  ),
  'references', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'column', attname,
      'parent', confrelid::regclass::text,
      'onDelete', case confdeltype when 'c' then 'cascade' when 'n' then 'set null' when 'a' then 'no action' end,
      'required', attnotnull
    ) order by attname), '[]')
    from pg_constraint
    join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where conrelid = c.oid and contype = 'f'
  ),
  'unique', (
    select coalesce(jsonb_agg(regexp_replace(pg_get_indexdef(indexrelid), '^.* USING btree ', '') order by indexrelid::regclass::text), '[]')
    from pg_index where indrelid = c.oid and indisunique and not indisprimary
  ),
  'checks', (
    select coalesce(jsonb_agg(pg_get_expr(conbin, conrelid) order by conname), '[]')
    from pg_constraint where conrelid = c.oid and contype = 'c'
  ),
  'indexes', (
    select coalesce(jsonb_agg(regexp_replace(pg_get_indexdef(indexrelid), '^.* USING btree ', '') order by indexrelid::regclass::text), '[]')
    from pg_index where indrelid = c.oid and not indisunique
  ),
  'policies', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', policyname,
      'command', lower(cmd),
      'roles', array_to_string(roles, ', '),
      'using', qual,
      'check', with_check
    ) order by policyname), '[]')
    from pg_policies where schemaname = 'public' and tablename = c.relname
  ),
  'triggers', (
    select coalesce(jsonb_agg(distinct tgfoid::regproc::text), '[]')
    from pg_trigger where tgrelid = c.oid and not tgisinternal
  )
) as table
from pg_class c
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
order by relname`;

const VIEWS = `
select relname as name, obj_description(c.oid, 'pg_class') as comment,
  (select string_agg(attname, ', ' order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0) as columns
from pg_class c
where relnamespace = 'public'::regnamespace and relkind = 'v'
order by relname`;

const FUNCTIONS = `
select proname as name, pg_get_function_arguments(oid) as parameters, pg_get_function_result(oid) as result,
  prosecdef as definer,
  coalesce((
    select string_agg(case grantee when 0 then 'everyone' else pg_get_userbyid(grantee) end, ', ')
    from aclexplode(coalesce(proacl, acldefault('f', proowner)))
    where grantee <> proowner
  ), 'its owner') as audience
from pg_proc p
where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by proname`;
