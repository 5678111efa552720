-- ============================================
-- Migration: 009_complete_schema.sql
-- Description: Add the remaining domain tables and audit logging
-- Date: 2025-02-20
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: 001_init.sql, 006_tenant_table.sql, 007_crud_enhancements.sql
-- Rollback: ROLLBACK_009_complete_schema.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - documents: File storage metadata
-- - workflows: Automation definitions
-- - workflow_execution: Runs of a workflow
-- - permissions: Role-based access control
-- - notes: Notes on any entity
-- - cash_flow: Money in and out
-- - daily_sales_metrics: Sales figures of a day
-- - cron_job: Scheduled jobs
-- - webhook: Subscriptions to events
-- - modulesettings: Modules a tenant has switched on
-- - audit_log: Changes to rows
--
-- Modified Tables:
-- - users, employees, tenant, accounts, contacts, leads, opportunities, activities: audit triggers
--
-- Indexes Added:
-- - permissions_rule_unique
-- - daily_sales_metrics_day_unique
-- - modulesettings_module_unique
-- - idx_documents_tenant_id
-- - idx_documents_related_id
-- - idx_workflows_tenant_id
-- - idx_workflow_execution_tenant_id
-- - idx_notes_tenant_id
-- - idx_notes_related_id
-- - idx_cash_flow_tenant_id
-- - idx_cron_job_tenant_id
-- - idx_webhook_tenant_id
-- - idx_audit_log_changed_at
-- - idx_audit_log_table_name

create table if not exists documents (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  name varchar(255) not null,
  storage_path text not null,
  mime_type varchar(255),
  size_bytes bigint,
  related_type varchar(255),
  related_id uuid,
  uploaded_by uuid,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists workflows (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  name varchar(255) not null,
  description text,
  trigger_type varchar(255) not null default 'manual',
  trigger_config jsonb default '{}',
  steps jsonb default '[]',
  is_active boolean default true,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists workflow_execution (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  workflow_id uuid not null references workflows (id) on delete cascade,
  status varchar(255) not null default 'pending',
  input jsonb default '{}',
  output jsonb default '{}',
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

-- A rule without a tenant holds for every tenant.
create table if not exists permissions (
  id uuid primary key default gen_random_uuid(),
  tenant_id text,
  role varchar(255) not null,
  resource varchar(255) not null,
  action varchar(255) not null,
  is_allowed boolean not null default true,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  constraint permissions_rule_unique unique nulls not distinct (tenant_id, role, resource, action)
);

create table if not exists notes (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  title varchar(255),
  content text not null,
  related_type varchar(255),
  related_id uuid,
  created_by uuid,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists cash_flow (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  account_id uuid references accounts (id),
  type varchar(255) not null,
  amount numeric(15, 2) not null,
  category varchar(255),
  description text,
  transaction_date date not null default current_date,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists daily_sales_metrics (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  metric_date date not null,
  total_revenue numeric(15, 2) default 0,
  deals_won integer default 0,
  deals_lost integer default 0,
  new_leads integer default 0,
  new_contacts integer default 0,
  activities_completed integer default 0,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  constraint daily_sales_metrics_day_unique unique (tenant_id, metric_date)
);

-- A job without a tenant belongs to the system.
create table if not exists cron_job (
  id uuid primary key default gen_random_uuid(),
  tenant_id text,
  name varchar(255) not null,
  schedule varchar(255) not null,
  handler varchar(255) not null,
  payload jsonb default '{}',
  is_active boolean default true,
  last_run_at timestamptz,
  next_run_at timestamptz,
  last_status varchar(255),
  last_error text,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists webhook (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  url text not null,
  event_types text[] not null default '{}',
  secret text,
  is_active boolean default true,
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table if not exists modulesettings (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  module_name varchar(255) not null,
  is_enabled boolean default true,
  settings jsonb default '{}',
  metadata jsonb default '{}',
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  constraint modulesettings_module_unique unique (tenant_id, module_name)
);

create table if not exists audit_log (
  id uuid primary key default gen_random_uuid(),
  action varchar(16) not null,
  table_name varchar(63) not null,
  record_id uuid,
  old_data jsonb,
  new_data jsonb,
  changed_by text,
  changed_at timestamptz not null default now()
);

create index if not exists idx_documents_tenant_id on documents (tenant_id);
create index if not exists idx_documents_related_id on documents (related_id);
create index if not exists idx_workflows_tenant_id on workflows (tenant_id);
create index if not exists idx_workflow_execution_tenant_id on workflow_execution (tenant_id);
create index if not exists idx_notes_tenant_id on notes (tenant_id);
create index if not exists idx_notes_related_id on notes (related_id);
create index if not exists idx_cash_flow_tenant_id on cash_flow (tenant_id);
create index if not exists idx_cron_job_tenant_id on cron_job (tenant_id);
create index if not exists idx_webhook_tenant_id on webhook (tenant_id);
create index if not exists idx_audit_log_changed_at on audit_log (changed_at);
create index if not exists idx_audit_log_table_name on audit_log (table_name);

-- Writes one row per changed row, once per statement, so that loading a table stays fast. Secrets never
-- reach the log; an update that changes nothing but updated_at is not a change.
create or replace function log_audit_changes()
returns trigger
language plpgsql
as $$
declare
  secrets constant text[] := array['password_hash', 'key_hash', 'secret', 'api_credentials'];
  author constant text := coalesce(
    nullif(current_setting('app.current_user_email', true), ''),
    nullif(current_setting('app.current_user_id', true), ''),
    session_user
  );
begin
  case tg_op
    when 'INSERT' then
      insert into audit_log (action, table_name, record_id, new_data, changed_by)
      select tg_op, tg_table_name, n.id, to_jsonb(n) - secrets, author
      from new_rows n;
    when 'DELETE' then
      insert into audit_log (action, table_name, record_id, old_data, changed_by)
      select tg_op, tg_table_name, o.id, to_jsonb(o) - secrets, author
      from old_rows o;
    when 'UPDATE' then
      insert into audit_log (action, table_name, record_id, old_data, new_data, changed_by)
      select tg_op, tg_table_name, coalesce(n.id, o.id), to_jsonb(o) - secrets, to_jsonb(n) - secrets, author
      from old_rows o
      full join new_rows n on n.id = o.id
      where to_jsonb(o) - 'updated_at' is distinct from to_jsonb(n) - 'updated_at';
  end case;
  return null;
end
$$;

do $$
declare
  target text;
begin
  foreach target in array array[
    'documents', 'workflows', 'workflow_execution', 'permissions', 'notes', 'cash_flow',
    'daily_sales_metrics', 'cron_job', 'webhook', 'modulesettings'
  ]
  loop
    execute format(
      'create or replace trigger %I before update on %I for each row execute function update_updated_at()',
      target || '_updated_at', target
    );
  end loop;

  foreach target in array array[
    'users', 'employees', 'tenant', 'accounts', 'contacts', 'leads', 'opportunities', 'activities', 'notes'
  ]
  loop
    execute format(
      'create or replace trigger %I after insert on %I'
      ' referencing new table as new_rows'
      ' for each statement execute function log_audit_changes()',
      target || '_audit_insert', target
    );
    execute format(
      'create or replace trigger %I after update on %I'
      ' referencing old table as old_rows new table as new_rows'
      ' for each statement execute function log_audit_changes()',
      target || '_audit_update', target
    );
    execute format(
      'create or replace trigger %I after delete on %I'
      ' referencing old table as old_rows'
      ' for each statement execute function log_audit_changes()',
      target || '_audit_delete', target
    );
  end loop;
end
$$;
