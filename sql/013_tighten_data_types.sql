-- ============================================
-- Migration: 013_tighten_data_types.sql
-- Description: Enforce stricter data types and value ranges
-- Date: 2025-03-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 003_create_apikey.sql, 007_crud_enhancements.sql, 009_complete_schema.sql, 010_multiple_additions.sql
-- Rollback: ROLLBACK_013_tighten_data_types.sql
-- ============================================
--
-- Breaking Changes:
-- - Values that are too long or out of range are refused
--
-- New Tables:
-- - None
--
-- Modified Tables:
-- - users, employees: role, status
-- - contacts, leads: phone
-- - leads: status
-- - opportunities: stage, amount, probability
-- - activities: type, subject, related_type
-- - notifications: user_email, title, type
-- - system_logs: level, source
-- - documents: size_bytes
-- - api_key: rate_limit_per_minute
--
-- Indexes Added:
-- - None

-- What does not fit is named, all of it, before anything is changed. Nothing is cut off.
do $$
declare
  lengths constant jsonb := '{
    "users": {"role": 50, "status": 50},
    "employees": {"role": 50, "status": 50},
    "contacts": {"phone": 50},
    "leads": {"phone": 50, "status": 50},
    "opportunities": {"stage": 50},
    "activities": {"type": 50, "subject": 255, "related_type": 50},
    "notifications": {"user_email": 255, "title": 255, "type": 50},
    "system_logs": {"level": 20, "source": 255}
  }';
  checks constant jsonb := '{
    "leads_status_check": ["leads", "status::text in (''new'', ''contacted'', ''qualified'', ''lost'', ''converted'')"],
    "opportunities_amount_check": ["opportunities", "amount >= 0"],
    "opportunities_probability_check": ["opportunities", "probability between 0 and 100"],
    "documents_size_bytes_check": ["documents", "size_bytes >= 0"],
    "api_key_rate_limit_per_minute_check": ["api_key", "rate_limit_per_minute > 0"]
  }';
  r record;
  bad bigint;
  problems text[] := '{}';
begin
  for r in
    select t.key as target, c.key as field, c.value::int as length
    from jsonb_each(lengths) t, jsonb_each(t.value) c
  loop
    execute format('select count(*) from %I where length(%I) > %s', r.target, r.field, r.length) into bad;
    if bad > 0 then
      problems := problems || format('%s.%s: %s rows longer than %s characters', r.target, r.field, bad, r.length);
    end if;
  end loop;
  for r in
    select key as name, value ->> 0 as target, value ->> 1 as condition
    from jsonb_each(checks)
  loop
    execute format('select count(*) from %I where not (%s)', r.target, r.condition) into bad;
    if bad > 0 then
      problems := problems || format('%s: %s rows break %s', r.target, bad, r.condition);
    end if;
  end loop;
  if problems <> '{}' then
    raise exception E'values that do not fit the stricter types:\n%', array_to_string(problems, E'\n')
      using hint = 'Correct these rows, then apply the migration again.';
  end if;

  for r in
    select t.key as target, c.key as field, format('varchar(%s)', c.value) as type
    from jsonb_each(lengths) t, jsonb_each(t.value) c
  loop
    if (
      select format_type(atttypid, atttypmod)
      from pg_attribute
      where attrelid = r.target::regclass and attname = r.field
    ) <> replace(r.type, 'varchar', 'character varying') then
      execute format('alter table %I alter column %I type %s', r.target, r.field, r.type);
    end if;
  end loop;
  for r in
    select key as name, value ->> 0 as target, value ->> 1 as condition
    from jsonb_each(checks)
  loop
    if not exists (
      select from pg_constraint
      where conrelid = r.target::regclass and conname = r.name
    ) then
      execute format('alter table %I add constraint %I check (%s)', r.target, r.name, r.condition);
    end if;
  end loop;
end
$$;
