-- Title: No trigger is switched off
-- Category: schema
-- Severity: warning
-- Message: {object} is disabled{internal}
-- Remediation: alter table {table} enable trigger {name};
-- Why: Triggers are switched off for a bulk load and forgotten. Those of foreign keys are the keys themselves: without
--   them orphans come in unnoticed.
-- Manual: 11.5

select
  format('%I.%I.%I', n.nspname, c.relname, t.tgname) as object,
  format('%I.%I', n.nspname, c.relname) as "table",
  quote_ident(t.tgname) as name,
  case
    when con.oid is not null then format(': the foreign key %I is not checked', con.conname)
    else ''
  end as internal
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_constraint con on con.oid = t.tgconstraint and con.contype = 'f'
where t.tgenabled = 'D'
  and n.nspname <> all (current_setting('aisha_db.ignored_schemas')::text[])
order by object;
