-- Title: Sequences and their columns have room
-- Category: schema
-- Thresholds:
-- - warning: percent >= 75
-- - critical: percent >= 90
-- Metric: percent:percent
-- Message: {object} has used {percent:percent} of the numbers that {limit_of} can hold; {remaining:count} are left
-- Remediation: {fix}
-- Why: When a sequence or the integer column it fills is exhausted, every insert fails. A column of type integer ends at
--   2,147,483,647 whatever the sequence says. Widening a column rewrites the table under an exclusive lock: plan it.
-- Manual: none

with fills as (
  -- A column owns its sequence, or its default asks another one: then nothing but that dependency says so.
  select distinct on (fill.sequence) fill.sequence, fill.relation, fill.attnum
  from (
    select d.objid as sequence, d.refobjid as relation, d.refobjsubid::int as attnum
    from pg_depend d
    where d.classid = 'pg_class'::regclass
      and d.refclassid = 'pg_class'::regclass
      and d.refobjsubid > 0
      and d.deptype in ('a', 'i')
    union
    select d.refobjid, f.adrelid, f.adnum
    from pg_depend d
    join pg_attrdef f on f.oid = d.objid
    where d.classid = 'pg_attrdef'::regclass
      and d.refclassid = 'pg_class'::regclass
      and d.refobjsubid = 0
  ) fill
  join pg_sequence s on s.seqrelid = fill.sequence
  join pg_attribute a on a.attrelid = fill.relation and a.attnum = fill.attnum
  -- Of several columns the narrowest ends first.
  order by
    fill.sequence,
    case a.atttypid when 'int2'::regtype then 1 when 'int4'::regtype then 2 else 3 end,
    fill.relation,
    fill.attnum
),
sequences as (
  select
    s.seqrelid,
    s.seqstart,
    s.seqincrement,
    n.nspname,
    c.relname,
    a.attname,
    t.relname as table_name,
    tn.nspname as table_schema,
    a.atttypid,
    case
      when has_schema_privilege(n.oid, 'usage') and has_sequence_privilege(c.oid, 'usage, select')
        then coalesce(pg_sequence_last_value(c.oid), s.seqstart - s.seqincrement)
    end::numeric as value,
    case when s.seqincrement > 0 then s.seqmax else s.seqmin end::numeric as sequence_limit,
    case a.atttypid
      when 'int2'::regtype then 32767
      when 'int4'::regtype then 2147483647
    end::numeric * sign(s.seqincrement) as column_limit
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join fills on fills.sequence = c.oid
  left join pg_class t on t.oid = fills.relation
  left join pg_namespace tn on tn.oid = t.relnamespace
  left join pg_attribute a on a.attrelid = fills.relation and a.attnum = fills.attnum
  where not s.seqcycle
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
),
bounded as (
  select
    sequences.*,
    coalesce(abs(column_limit) <= abs(sequence_limit), false) as column_ends_first,
    case when abs(column_limit) <= abs(sequence_limit) then column_limit else sequence_limit end as bound
  from sequences
)
select
  format('%I.%I', nspname, relname) as object,
  -- Used is what lies between the start and the value, of all that lies between the start and the end.
  coalesce(
    100.0 * abs(value - (seqstart - seqincrement)) / nullif(abs(bound - (seqstart - seqincrement)), 0),
    100
  ) as percent,
  floor(abs(bound - value) / abs(seqincrement)) as remaining,
  case
    when column_ends_first
      then format('its column %I.%I.%I (%s)', table_schema, table_name, attname, format_type(atttypid, null))
    else 'the sequence'
  end as limit_of,
  case
    when table_name is null then format('alter sequence %I.%I as bigint no maxvalue;', nspname, relname)
    else format(
      'alter table %I.%I alter column %I type bigint; alter sequence %I.%I as bigint no maxvalue;',
      table_schema,
      table_name,
      attname,
      nspname,
      relname
    )
  end as fix,
  case when value is null then format('the value of %I.%I may not be read by %I', nspname, relname, current_user) end as undecided,
  case
    when not has_schema_privilege(nspname, 'usage') then format('grant usage on schema %I to %I;', nspname, current_user)
    else format('grant select on sequence %I.%I to %I;', nspname, relname, current_user)
  end as decided_by
from bounded
order by percent desc, object;
