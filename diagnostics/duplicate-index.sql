-- Title: No two indexes are the same
-- Category: indexes
-- Severity: warning
-- Metric: bytes:bytes
-- Message: {object} is the same as {twin} in everything that matters; it takes {bytes:bytes}
-- Remediation: drop index {concurrently}{object};
-- Why: The second of two equal indexes is never needed and costs as much as the first. Equal are access method,
--   columns, order, collations, operator classes, expressions, condition and uniqueness. The one that a constraint, a
--   replica identity or clustering holds stays.
-- Manual: 10.1, 10.3

with indexes as (
  select
    i.indexrelid,
    i.indrelid,
    c.relname,
    c.relkind,
    c.relpages,
    n.nspname,
    -- Where a statement stood in its text is no part of what it says.
    concat_ws(
      ' | ',
      c.relam,
      i.indkey,
      i.indclass,
      i.indcollation,
      i.indoption,
      i.indnkeyatts,
      i.indisunique,
      i.nulls_equal,
      i.indisexclusion,
      c.reloptions::text,
      'x' || regexp_replace(i.indexprs::text, ' :(location|stmt_len) -?\d+', '', 'g'),
      'p' || regexp_replace(i.indpred::text, ' :(location|stmt_len) -?\d+', '', 'g')
    ) as signature,
    row_number() over (
      partition by i.indrelid
      order by con.oid is null, not i.indisreplident, not i.indisclustered, i.indexrelid
    ) as rank,
    con.oid is not null or i.indisreplident or i.indisclustered as held
  -- indnullsnotdistinct is there from PostgreSQL 15 on.
  from (select false as indnullsnotdistinct) before_15
  cross join lateral (
    select x.*, indnullsnotdistinct as nulls_equal
    from pg_index x
  ) i
  join pg_class c on c.oid = i.indexrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_constraint con on con.conindid = i.indexrelid and con.contype in ('p', 'u', 'x')
  where i.indisvalid
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
)
select
  format('%I.%I', one.nspname, one.relname) as object,
  format('%I.%I', kept.nspname, kept.relname) as twin,
  one.relpages::bigint * current_setting('block_size')::integer as bytes,
  case one.relkind when 'I' then '' else 'concurrently ' end as concurrently
from indexes one
join indexes kept on kept.indrelid = one.indrelid and kept.signature = one.signature and kept.rank < one.rank
where not one.held
  -- Of three equal ones, two are to go, each for the first.
  and not exists (
    select
    from indexes better
    where better.indrelid = one.indrelid and better.signature = one.signature and better.rank < kept.rank
  )
order by bytes desc, object;
