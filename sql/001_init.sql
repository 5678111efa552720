-- ============================================
-- Migration: 001_init.sql
-- Description: Create the core schema: users, employees and the CRM entities
-- Date: 2025-01-15
-- Author: Aisha CRM <dba@aishacrm.com>
-- Dependencies: None
-- Rollback: ROLLBACK_001_init.sql
-- ============================================
--
-- Breaking Changes:
-- - None
--
-- New Tables:
-- - users: Global accounts (superadmins)
-- - employees: Accounts that belong to one tenant
-- - accounts: Companies and organizations
-- - contacts: Individual people
-- - leads: Potential customers
-- - opportunities: Sales deals
-- - activities: Tasks, calls, e-mails and meetings
-- - notifications: Messages to a user
-- - system_logs: Application log
--
-- Modified Tables:
-- - None
--
-- Indexes Added:
-- - users_email_key
-- - idx_employees_tenant_id
-- - idx_accounts_tenant_id
-- - idx_accounts_name
-- - idx_contacts_tenant_id
-- - idx_contacts_email
-- - idx_leads_tenant_id
-- - idx_leads_status
-- - idx_opportunities_tenant_id
-- - idx_opportunities_stage
-- - idx_activities_tenant_id
-- - idx_notifications_tenant_id
-- - idx_system_logs_tenant_id
-- - idx_system_logs_level
-- - idx_system_logs_created_at

-- Password hashing only; gen_random_uuid() is part of the server. The comment marks an extension
-- that this file created, so that its rollback leaves one that was there before alone.
do $$
begin
  if not exists (select from pg_extension where extname = 'pgcrypto')
     and exists (select from pg_available_extensions where name = 'pgcrypto') then
    execute format(
      'create extension pgcrypto schema %I',
      case when to_regnamespace('extensions') is null then 'public' else 'extensions' end
    );
    comment on extension pgcrypto is 'cryptographic functions (created by 001_init.sql)';
  end if;
end
$$;

create table if not exists users (
  id uuid primary key default gen_random_uuid(),
  email varchar(255) unique not null,
  password_hash varchar(255),
  first_name varchar(255),
  last_name varchar(255),
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists employees (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  email varchar(255) not null,
  password_hash varchar(255),
  first_name varchar(255),
  last_name varchar(255),
  role varchar(255) default 'employee',
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists accounts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  name varchar(255) not null,
  industry varchar(255),
  website varchar(255),
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists contacts (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  account_id uuid references accounts (id),
  first_name varchar(255),
  last_name varchar(255),
  email varchar(255) not null,
  phone text,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists leads (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  first_name varchar(255),
  last_name varchar(255),
  email varchar(255),
  phone text,
  company varchar(255),
  status varchar(255) default 'new',
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists opportunities (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  account_id uuid references accounts (id),
  contact_id uuid references contacts (id),
  name varchar(255) not null,
  stage varchar(255) default 'qualification',
  amount numeric(15, 2) default 0,
  probability integer default 0,
  close_date date,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists activities (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  type varchar(255) not null,
  subject text,
  body text,
  related_type varchar(255),
  related_id uuid,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists notifications (
  id uuid primary key default gen_random_uuid(),
  tenant_id text not null,
  user_email text,
  title text not null,
  message text,
  type varchar(255) default 'info',
  is_read boolean default false,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create table if not exists system_logs (
  id uuid primary key default gen_random_uuid(),
  tenant_id text,
  level varchar(255) not null default 'info',
  message text not null,
  source text,
  metadata jsonb default '{}',
  created_at timestamptz default now()
);

create index if not exists idx_employees_tenant_id on employees (tenant_id);
create index if not exists idx_accounts_tenant_id on accounts (tenant_id);
create index if not exists idx_accounts_name on accounts (name);
create index if not exists idx_contacts_tenant_id on contacts (tenant_id);
create index if not exists idx_contacts_email on contacts (email);
create index if not exists idx_leads_tenant_id on leads (tenant_id);
create index if not exists idx_leads_status on leads (status);
create index if not exists idx_opportunities_tenant_id on opportunities (tenant_id);
create index if not exists idx_opportunities_stage on opportunities (stage);
create index if not exists idx_activities_tenant_id on activities (tenant_id);
create index if not exists idx_notifications_tenant_id on notifications (tenant_id);
create index if not exists idx_system_logs_tenant_id on system_logs (tenant_id);
create index if not exists idx_system_logs_level on system_logs (level);
create index if not exists idx_system_logs_created_at on system_logs (created_at);
