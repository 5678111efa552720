-- Title: Replication slots do not hold back the log
-- Category: capacity
-- Thresholds:
-- - info: bytes >= 1 GB
-- - warning: bytes >= 5 GB
-- - critical: bytes >= 50 GB
-- Metric: bytes:bytes
-- Message: {object} ({type}), which {state}, holds back {bytes:bytes} of the write-ahead log
-- Remediation: {fix}
-- Table:
-- - object as Slot
-- - type as Type
-- - bytes:bytes as Held back
-- - state as Use
-- Why: The server keeps every segment of the log that a slot has not read; one that nobody reads any more fills the disk, and
--   then the server stops. max_slot_wal_keep_size limits it, at the price of a slot that is lost.
-- Manual: none

select
  'replication slot ' || s.slot_name as object,
  s.slot_type as type,
  pg_wal_lsn_diff(
    case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
    s.restart_lsn
  ) as bytes,
  case when s.active then 'is in use' else 'nobody reads' end as state,
  case
    when s.active then 'See why who reads it falls behind; max_slot_wal_keep_size limits what it may hold back.'
    else format('select pg_drop_replication_slot(%L);', s.slot_name)
  end as fix
from pg_replication_slots s
where s.restart_lsn is not null
order by bytes desc, object;
