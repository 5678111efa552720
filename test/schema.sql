--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA public;

--
-- Name: SCHEMA public; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA public IS 'standard public schema';

--
-- Name: apply_rls_everywhere(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.apply_rls_everywhere() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
declare
  target regclass;
  unsecured text;
begin
  for target in
    select c.oid
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and pg_has_role(c.relowner, 'usage')
      and not exists (
        select from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
      )
    order by c.relname
  loop
    perform public.apply_tenant_rls(target);
  end loop;

  select string_agg(c.oid::regclass::text, ', ' order by c.relname)
  into unsecured
  from pg_class c
  where c.relnamespace = 'public'::regnamespace
    and c.relkind in ('r', 'p')
    and not exists (
      select from pg_depend d
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
    and not (
      c.relrowsecurity
      and c.relforcerowsecurity
      and exists (select from pg_policy p where p.polrelid = c.oid)
    );
  if unsecured is not null then
    raise exception 'tables without enabled and forced RLS and a policy: %', unsecured
      using hint = 'They belong to another role. Let their owner secure them, or move them out of public.';
  end if;
end
$$;

--
-- Name: apply_tenant_checks(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.apply_tenant_checks() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    SET client_min_messages TO 'warning'
    AS $$
declare
  t record;
begin
  for t in
    select
      c.oid::regclass as target,
      string_agg(format('%L, %L', a.attname, parent.relname), ', ' order by a.attname)
        filter (where k.oid is not null) as arguments
    from pg_class c
    left join pg_constraint k
      on k.conrelid = c.oid
      and k.contype = 'f'
      and array_length(k.conkey, 1) = 1
      and k.confrelid <> 'public.tenant'::regclass
      and exists (select from pg_attribute x where x.attrelid = c.oid and x.attname = 'tenant_id')
      and exists (select from pg_attribute x where x.attrelid = k.confrelid and x.attname = 'tenant_id')
    left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
    left join pg_class parent on parent.oid = k.confrelid
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'r'
      and not c.relispartition
      and pg_has_role(c.relowner, 'usage')
      and (
        k.oid is not null
        or exists (
          select from pg_trigger g
          where g.tgrelid = c.oid and g.tgfoid = 'public.validate_tenant_access()'::regprocedure
        )
      )
    group by c.oid, c.relname
    order by c.relname
  loop
    if t.arguments is null then
      execute format('drop trigger if exists tenant_references_insert on %s', t.target);
      execute format('drop trigger if exists tenant_references_update on %s', t.target);
      continue;
    end if;
    execute format(
      'create or replace trigger tenant_references_insert after insert on %s'
      ' referencing new table as new_rows'
      ' for each statement execute function public.validate_tenant_access(%s)',
      t.target, t.arguments
    );
    execute format(
      'create or replace trigger tenant_references_update after update on %s'
      ' referencing old table as old_rows new table as new_rows'
      ' for each statement execute function public.validate_tenant_access(%s)',
      t.target, t.arguments
    );
  end loop;
end
$$;

--
-- Name: apply_tenant_rls(regclass); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.apply_tenant_rls(target regclass) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    SET client_min_messages TO 'warning'
    AS $$
declare
  name constant text := (select relname from pg_class where oid = target);
  tenant_column record;
  own_rows text;
  grantee text;
  old_policy text;
begin
  select atttypid = 'uuid'::regtype as is_uuid, attnotnull as is_required
  into tenant_column
  from pg_attribute
  where attrelid = target and attname = 'tenant_id' and not attisdropped;

  own_rows := case
    when name = 'tenant' then
      'id = any ((select public.visible_tenant_ids())::uuid[])'
    when name = 'users' then
      -- No tenant makes, changes or sees a superadmin, not even one among its own users.
      format(
        'tenant_id = %s and role <> ''superadmin'' or (select public.is_superadmin())',
        case when tenant_column.is_uuid then '(select public.current_tenant_id())'
        else 'any ((select public.current_tenant_keys())::text[])' end
      )
    when tenant_column.is_uuid then
      'tenant_id = any ((select public.visible_tenant_ids())::uuid[])'
      || case
        when tenant_column.is_required then ''
        else ' or tenant_id is null and (select public.is_superadmin())'
      end
    when not tenant_column.is_uuid then
      'tenant_id = any ((select public.current_tenant_keys())::text[]) or (select public.is_superadmin())'
    else
      '(select public.is_superadmin())'
  end;

  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);

  for old_policy in
    select polname
    from pg_policy
    where polrelid = target
      and polname in (
        'tenant_isolation', 'tenant_update', 'superadmin_access', 'own_account', 'policy_lookup',
        'audit_insert', 'service_role_access'
      )
  loop
    execute format('drop policy %I on %s', old_policy, target);
  end loop;

  if name = 'tenant' then
    -- A tenant reads and edits its own row; making and removing tenants is for superadmins.
    execute format('create policy tenant_isolation on %s for select using (%s)', target, own_rows);
    execute format(
      'create policy tenant_update on %s for update using (%s) with check (%s)', target, own_rows, own_rows
    );
    execute format(
      'create policy superadmin_access on %s for all'
      ' using ((select public.is_superadmin())) with check ((select public.is_superadmin()))',
      target
    );
  elsif name = 'audit_log' then
    -- Written by the audit triggers, which run as the owner; never changed.
    execute format('create policy superadmin_access on %s for select using (%s)', target, own_rows);
    execute format(
      'create policy audit_insert on %s for insert with check ((select public.is_schema_owner()))', target
    );
  elsif name like '%\_archive' then
    -- Archives are written by the backend; a tenant reads its own.
    execute format('create policy tenant_isolation on %s for select using (%s)', target, own_rows);
    execute format(
      'create policy superadmin_access on %s for all'
      ' using ((select public.is_superadmin())) with check ((select public.is_superadmin()))',
      target
    );
  else
    execute format(
      'create policy %s on %s for all using (%s) with check (%s)',
      case when tenant_column.is_uuid is null then 'superadmin_access' else 'tenant_isolation' end,
      target, own_rows, own_rows
    );
  end if;

  if name = 'users' then
    execute format(
      'create policy own_account on %s for select using ('
      'id = (select public.claimed_user_id()) or lower(email) = (select public.claimed_user_email()))',
      target
    );
  end if;
  if name in ('users', 'employees', 'employee', 'tenant') then
    execute format(
      'create policy policy_lookup on %s for select using ((select public.in_policy_lookup()))', target
    );
  end if;

  -- Supabase's service_role has BYPASSRLS; the policy stands in where the attribute is missing. It is for
  -- sessions that act as service_role, not for every role that has inherited it.
  if to_regrole('service_role') is not null then
    execute format(
      'create policy service_role_access on %s for all to service_role'
      ' using ((select current_user) = ''service_role'') with check ((select current_user) = ''service_role'')', target
    );
  end if;

  -- TRUNCATE ignores policies; REFERENCES and TRIGGER are ways to look past them.
  for grantee in
    select distinct pg_get_userbyid(a.grantee)
    from pg_class c, aclexplode(c.relacl) a
    where c.oid = target
      and a.grantee in (to_regrole('anon'), to_regrole('authenticated'))
      and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')
  loop
    execute format('revoke truncate, references, trigger on %s from %I', target, grantee);
  end loop;
end
$$;

--
-- Name: archive_agent_session(text, text, text, jsonb, jsonb, timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.archive_agent_session(tenant text, user_id text, session_id text, payload jsonb DEFAULT '{}'::jsonb, events jsonb DEFAULT '[]'::jsonb, created_at timestamp with time zone DEFAULT now()) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
#variable_conflict use_column
declare
  tenant_uuid constant uuid := public.resolve_tenant_id(archive_agent_session.tenant);
  provenance jsonb;
  archived uuid;
begin
  if tenant_uuid is null then
    raise exception 'no tenant "%"', archive_agent_session.tenant
      using errcode = 'no_data_found';
  end if;
  provenance := jsonb_build_object('_tenant', jsonb_build_object(
    'input', archive_agent_session.tenant,
    'slug', public.tenant_slug(tenant_uuid),
    'uuid', tenant_uuid,
    'source', case when public.try_uuid(archive_agent_session.tenant) is null then 'db-slug' else 'db-id' end
  ));

  insert into public.agent_sessions_archive as a (tenant_id, user_id, session_id, payload, created_at)
  values (
    tenant_uuid, archive_agent_session.user_id, archive_agent_session.session_id,
    coalesce(archive_agent_session.payload, '{}') || provenance, archive_agent_session.created_at
  )
  on conflict on constraint agent_sessions_archive_unique do update
  set
    payload = excluded.payload,
    created_at = least(a.created_at, excluded.created_at),
    archived_at = now()
  returning a.id into archived;

  insert into public.agent_events_archive as e
    (tenant_id, user_id, session_id, event_id, event_type, payload, created_at)
  select distinct on (event ->> 'id')
    tenant_uuid, archive_agent_session.user_id, archive_agent_session.session_id,
    event ->> 'id', event ->> 'type',
    coalesce(event -> 'payload', '{}') || provenance,
    coalesce((event ->> 'created_at')::timestamptz, archive_agent_session.created_at)
  from jsonb_array_elements(coalesce(archive_agent_session.events, '[]')) event
  on conflict on constraint agent_events_archive_unique do update
  set
    event_type = excluded.event_type,
    payload = excluded.payload,
    archived_at = now();

  return archived;
end
$$;

--
-- Name: check_email_uniqueness(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.check_email_uniqueness() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET application_name TO 'policy lookup'
    AS $$
declare
  address constant text := lower(new.email);
  bucket constant integer := (hashtextextended(address, 0) & 1023)::integer;
  namespace constant integer := 1162690892;
begin
  if tg_op = 'UPDATE' and lower(old.email) = address then
    return new;
  end if;

  if tg_table_name = 'users' then
    perform pg_advisory_xact_lock(namespace, bucket);
    if exists (select from public.employee where lower(email) = address) then
      raise exception 'e-mail address % already belongs to an employee', new.email
        using errcode = 'unique_violation';
    end if;
  else
    perform pg_advisory_xact_lock_shared(namespace, bucket);
    if exists (select from public.users where lower(email) = address) then
      raise exception 'e-mail address % already belongs to a user', new.email
        using errcode = 'unique_violation';
    end if;
  end if;
  return new;
end
$$;

--
-- Name: claimed_user_email(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.claimed_user_email() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select lower(nullif(current_setting('app.current_user_email', true), ''))
$$;

--
-- Name: claimed_user_id(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.claimed_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select case
    when nullif(current_setting('app.current_user_id', true), '') is not null then
      public.try_uuid(current_setting('app.current_user_id', true))
    when current_setting('request.jwt.claims', true) ~ '^\s*\{.*\}\s*$' then
      public.try_uuid(current_setting('request.jwt.claims', true)::jsonb ->> 'sub')
  end
$_$;

--
-- Name: convert_contact_to_opportunity(uuid, text, numeric); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.convert_contact_to_opportunity(contact_id uuid, name text, amount numeric DEFAULT 0) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  source public.contacts;
  transition_id uuid;
begin
  select * into source
  from public.contacts c
  where c.id = convert_contact_to_opportunity.contact_id
  for update;
  if not found then
    raise exception 'no contact %', convert_contact_to_opportunity.contact_id
      using errcode = 'no_data_found';
  end if;

  insert into public.opportunities (id, tenant_id, account_id, contact_id, owner_id, name, amount)
  values (
    source.id, source.tenant_id, source.account_id, source.id, source.owner_id,
    convert_contact_to_opportunity.name, convert_contact_to_opportunity.amount
  );

  insert into public.entity_transitions (tenant_id, entity_id, from_type, to_type, transition_data, created_at)
  values (
    public.resolve_tenant_id(source.tenant_id::text), source.id, 'contact', 'opportunity',
    to_jsonb(source), clock_timestamp()
  )
  returning id into transition_id;
  return transition_id;
end
$$;

--
-- Name: convert_lead_to_contact(uuid, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.convert_lead_to_contact(lead_id uuid, account_id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  source public.leads;
  transition_id uuid;
begin
  select * into source
  from public.leads l
  where l.id = convert_lead_to_contact.lead_id
  for update;
  if not found then
    raise exception 'no lead %', convert_lead_to_contact.lead_id
      using errcode = 'no_data_found';
  end if;

  insert into public.contacts (id, tenant_id, account_id, owner_id, first_name, last_name, email, phone, metadata)
  values (
    source.id, source.tenant_id, convert_lead_to_contact.account_id, source.owner_id,
    source.first_name, source.last_name, source.email, source.phone, source.metadata
  );
  update public.leads l
  set status = 'converted'
  where l.id = source.id;

  insert into public.entity_transitions (tenant_id, entity_id, from_type, to_type, transition_data, created_at)
  values (
    public.resolve_tenant_id(source.tenant_id::text), source.id, 'lead', 'contact',
    to_jsonb(source), clock_timestamp()
  )
  returning id into transition_id;
  return transition_id;
end
$$;

--
-- Name: current_tenant_id(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.current_tenant_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select public.try_uuid(current_setting('app.current_tenant_id', true))
$$;

--
-- Name: current_tenant_keys(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.current_tenant_keys() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select array_remove(array[public.current_tenant_id()::text], null)
$$;

--
-- Name: in_policy_lookup(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.in_policy_lookup() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select current_setting('application_name') = 'policy lookup' and public.is_schema_owner()
$$;

--
-- Name: is_schema_owner(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_schema_owner() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
  select c.relowner = current_user::regrole
  from pg_catalog.pg_class c
  where c.oid = 'public.users'::regclass
$$;

--
-- Name: is_superadmin(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_superadmin() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO ''
    AS $$
declare
  user_id constant uuid := public.claimed_user_id();
  user_email constant text := public.claimed_user_email();
begin
  if current_setting('application_name') = 'policy lookup' then
    return false;
  end if;
  if user_id is null and nullif(current_setting('app.current_user_id', true), '') is not null then
    return false;
  end if;
  if user_id is null and user_email is null then
    return false;
  end if;
  return public.lookup_superadmin(user_id, user_email);
end
$$;

--
-- Name: lift_forced_rls(text[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.lift_forced_rls(VARIADIC tables text[] DEFAULT '{}'::text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
declare
  target regclass;
  lifted text := coalesce(current_setting('aisha.lifted_rls', true), '');
begin
  for target in
    select c.oid
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and c.relforcerowsecurity
      and pg_has_role(c.relowner, 'usage')
      and (tables = '{}' or c.relname = any (tables))
    order by c.relname
  loop
    execute format('alter table %s no force row level security', target);
    lifted := lifted || ' ' || target::oid;
  end loop;
  perform set_config('aisha.lifted_rls', lifted, false);
end
$$;

--
-- Name: log_audit_changes(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.log_audit_changes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
  secrets constant text[] := array['password_hash', 'key_hash', 'secret', 'api_credentials'];
  author constant text := coalesce(
    public.claimed_user_email(), public.claimed_user_id()::text, session_user
  );
begin
  case tg_op
    when 'INSERT' then
      insert into public.audit_log (action, table_name, record_id, new_data, changed_by)
      select tg_op, tg_table_name, n.id, to_jsonb(n) - secrets, author
      from new_rows n;
    when 'DELETE' then
      insert into public.audit_log (action, table_name, record_id, old_data, changed_by)
      select tg_op, tg_table_name, o.id, to_jsonb(o) - secrets, author
      from old_rows o;
    when 'UPDATE' then
      insert into public.audit_log (action, table_name, record_id, old_data, new_data, changed_by)
      select tg_op, tg_table_name, coalesce(n.id, o.id), to_jsonb(o) - secrets, to_jsonb(n) - secrets, author
      from old_rows o
      full join new_rows n on n.id = o.id
      where to_jsonb(o) - 'updated_at' is distinct from to_jsonb(n) - 'updated_at';
  end case;
  return null;
end
$$;

--
-- Name: lookup_all_tenants(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.lookup_all_tenants() RETURNS uuid[]
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO ''
    SET application_name TO 'policy lookup'
    AS $$
  select coalesce(array_agg(t.id), '{}')
  from public.tenant t
$$;

--
-- Name: lookup_superadmin(uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.lookup_superadmin(user_id uuid, user_email text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO ''
    SET application_name TO 'policy lookup'
    AS $$
  select exists (
    select
    from public.users u
    where u.role = 'superadmin'
      and u.status = 'active'
      and (user_id is null or u.id = user_id)
      and (user_email is null or lower(u.email) = user_email)
      and (user_id is not null or user_email is not null)
  )
$$;

--
-- Name: make_owner_only(regprocedure); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.make_owner_only(target regprocedure) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  grantee text;
begin
  execute format('revoke all on function %s from public', target);
  foreach grantee in array array['anon', 'authenticated', 'service_role']
  loop
    if to_regrole(grantee) is not null then
      execute format('revoke all on function %s from %I', target, grantee);
    end if;
  end loop;
end
$$;

--
-- Name: resolve_tenant_id(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.resolve_tenant_id(identifier text) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
  found uuid[];
begin
  select array_agg(t.id)
  into found
  from public.tenant t
  where t.slug = identifier
     or t.id = public.try_uuid(identifier);
  if cardinality(found) > 1 then
    raise exception 'the tenant identifier "%" is ambiguous: %', identifier, found
      using errcode = 'cardinality_violation';
  end if;
  return found[1];
end
$$;

--
-- Name: restore_forced_rls(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.restore_forced_rls() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public'
    AS $$
declare
  target oid;
begin
  for target in
    select entry::oid
    from regexp_split_to_table(current_setting('aisha.lifted_rls', true), ' ') entry
    where entry <> ''
  loop
    if exists (select from pg_class where oid = target) then
      execute format('alter table %s force row level security', target::regclass);
    end if;
  end loop;
  perform set_config('aisha.lifted_rls', '', false);
end
$$;

--
-- Name: revert_entity_transition(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.revert_entity_transition(transition_id uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
  source public.entity_transitions;
  latest uuid;
  reversal_id uuid;
begin
  select * into source
  from public.entity_transitions t
  where t.id = revert_entity_transition.transition_id;
  if not found then
    raise exception 'no transition %', revert_entity_transition.transition_id
      using errcode = 'no_data_found';
  end if;
  select t.id into latest
  from public.entity_transitions t
  where t.entity_id = source.entity_id
    and not t.transition_data ? 'reverts'
    and not exists (
      select
      from public.entity_transitions reversal
      where reversal.entity_id = t.entity_id
        and reversal.transition_data ->> 'reverts' = t.id::text
    )
  order by t.created_at desc
  limit 1;
  if latest is null then
    raise exception 'transition % has been reverted already', source.id;
  elsif latest <> source.id then
    raise exception 'transition % is not the latest of its entity: revert % first', source.id, latest;
  end if;

  case source.from_type || ' to ' || source.to_type
    when 'lead to contact' then
      delete from public.contacts c where c.id = source.entity_id;
      update public.leads l
      set status = source.transition_data ->> 'status'
      where l.id = source.entity_id;
    when 'contact to opportunity' then
      delete from public.opportunities o where o.id = source.entity_id;
    else
      raise exception 'a transition from % to % cannot be reverted', source.from_type, source.to_type;
  end case;

  insert into public.entity_transitions (tenant_id, entity_id, from_type, to_type, transition_data, created_at)
  values (
    source.tenant_id, source.entity_id, source.to_type, source.from_type,
    jsonb_build_object('reverts', source.id), clock_timestamp()
  )
  returning id into reversal_id;
  return reversal_id;
end
$$;

--
-- Name: tenant_slug(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tenant_slug(tenant_uuid uuid) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
  select t.slug
  from public.tenant t
  where t.id = tenant_uuid
$$;

--
-- Name: try_timestamptz(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.try_timestamptz(input text) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
begin
  return input::timestamptz;
exception
  when data_exception then
    return null;
end
$$;

--
-- Name: try_uuid(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.try_uuid(input text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $_$
  select case
    when input ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then input::uuid
  end
$_$;

--
-- Name: update_updated_at(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.update_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
  new.updated_at = now();
  return new;
end
$$;

--
-- Name: validate_tenant_access(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.validate_tenant_access() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
  foreign_id uuid;
begin
  for i in 0 .. tg_nargs - 1 by 2
  loop
    execute format(
      'select n.%1$I from new_rows n'
      ' where n.%1$I is not null%3$s'
      ' and not exists (select from public.%2$I p where p.id = n.%1$I and p.tenant_id = n.tenant_id)'
      ' limit 1',
      tg_argv[i],
      tg_argv[i + 1],
      case tg_op
        when 'UPDATE' then format(
          ' and not exists (select from old_rows o'
          ' where o.id = n.id and o.%1$I = n.%1$I and o.tenant_id is not distinct from n.tenant_id)',
          tg_argv[i]
        )
        else ''
      end
    ) into foreign_id;

    if foreign_id is not null then
      raise exception '%.% refers to %, which is no row of % of the same tenant',
        tg_table_name, tg_argv[i], foreign_id, tg_argv[i + 1]
        using errcode = 'foreign_key_violation';
    end if;
  end loop;
  return null;
end
$_$;

--
-- Name: visible_tenant_ids(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.visible_tenant_ids() RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO ''
    AS $$
begin
  if public.is_superadmin() then
    return public.lookup_all_tenants();
  end if;
  return array_remove(array[public.current_tenant_id()], null);
end
$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    name character varying(255) NOT NULL,
    industry character varying(255),
    website character varying(255),
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    owner_id uuid,
    deleted_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now(),
    revenue numeric(15,2),
    type character varying(50),
    phone character varying(50),
    email character varying(255),
    employee_count integer,
    address jsonb DEFAULT '{}'::jsonb
);

ALTER TABLE ONLY public.accounts FORCE ROW LEVEL SECURITY;

--
-- Name: activities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.activities (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    type character varying(50) NOT NULL,
    subject character varying(255),
    description text,
    related_type character varying(50),
    related_id uuid,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    owner_id uuid,
    deleted_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now(),
    priority character varying(50) DEFAULT 'normal'::character varying,
    status character varying(50) DEFAULT 'pending'::character varying,
    due_date timestamp with time zone,
    assigned_to uuid,
    completed_at timestamp with time zone,
    duration_minutes integer,
    location character varying(255)
);

ALTER TABLE ONLY public.activities FORCE ROW LEVEL SECURITY;

--
-- Name: agent_events_archive; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_events_archive (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    user_id text NOT NULL,
    session_id text NOT NULL,
    event_id text NOT NULL,
    event_type character varying(255),
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    archived_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.agent_events_archive FORCE ROW LEVEL SECURITY;

--
-- Name: agent_sessions_archive; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_sessions_archive (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    user_id text NOT NULL,
    session_id text NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    archived_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.agent_sessions_archive FORCE ROW LEVEL SECURITY;

--
-- Name: ai_campaigns; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ai_campaigns (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    status text DEFAULT 'draft'::text NOT NULL,
    description text,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    target_contacts jsonb DEFAULT '[]'::jsonb NOT NULL,
    performance_metrics jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT ai_campaigns_metadata_check CHECK (((jsonb_typeof(metadata) = 'object'::text) AND ((NOT (metadata ? 'campaign_type'::text)) OR ((metadata ->> 'campaign_type'::text) = ANY (ARRAY['call'::text, 'email'::text, 'sequence'::text]))))),
    CONSTRAINT ai_campaigns_performance_metrics_check CHECK ((jsonb_typeof(performance_metrics) = 'object'::text)),
    CONSTRAINT ai_campaigns_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'scheduled'::text, 'running'::text, 'paused'::text, 'completed'::text, 'cancelled'::text]))),
    CONSTRAINT ai_campaigns_target_contacts_check CHECK ((jsonb_typeof(target_contacts) = 'array'::text))
);

ALTER TABLE ONLY public.ai_campaigns FORCE ROW LEVEL SECURITY;

--
-- Name: api_key; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_key (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    name character varying(255) NOT NULL,
    key_hash character varying(255) NOT NULL,
    key_prefix character varying(16),
    is_active boolean DEFAULT true,
    rate_limit_per_minute integer DEFAULT 60,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT api_key_rate_limit_per_minute_check CHECK ((rate_limit_per_minute > 0))
);

ALTER TABLE ONLY public.api_key FORCE ROW LEVEL SECURITY;

--
-- Name: COLUMN api_key.key_hash; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.api_key.key_hash IS 'bcrypt hash; the key itself is shown once and never stored';

--
-- Name: audit_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_log (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    action character varying(16) NOT NULL,
    table_name character varying(63) NOT NULL,
    record_id uuid,
    old_data jsonb,
    new_data jsonb,
    changed_by text,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.audit_log FORCE ROW LEVEL SECURITY;

--
-- Name: bizdev_source; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bizdev_source (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    name character varying(255) NOT NULL,
    source_type character varying(255),
    description text,
    cost numeric(15,2) DEFAULT 0,
    is_active boolean DEFAULT true,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.bizdev_source FORCE ROW LEVEL SECURITY;

--
-- Name: bizdev_sources; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.bizdev_sources WITH (security_invoker='true') AS
 SELECT bizdev_source.id,
    bizdev_source.tenant_id,
    bizdev_source.name,
    bizdev_source.source_type,
    bizdev_source.description,
    bizdev_source.cost,
    bizdev_source.is_active,
    bizdev_source.metadata,
    bizdev_source.created_at,
    bizdev_source.updated_at
   FROM public.bizdev_source;

--
-- Name: VIEW bizdev_sources; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON VIEW public.bizdev_sources IS 'the former name of the table bizdev_source';

--
-- Name: cash_flow; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.cash_flow (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    account_id uuid,
    transaction_type character varying(255) NOT NULL,
    amount numeric(15,2) NOT NULL,
    category character varying(255),
    description text,
    transaction_date date DEFAULT CURRENT_DATE NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.cash_flow FORCE ROW LEVEL SECURITY;

--
-- Name: contacts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.contacts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    account_id uuid,
    first_name character varying(255),
    last_name character varying(255),
    email character varying(255),
    phone character varying(50),
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    owner_id uuid,
    deleted_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now(),
    job_title character varying(255),
    department character varying(255),
    mobile character varying(50),
    address jsonb DEFAULT '{}'::jsonb,
    lead_source character varying(255)
);

ALTER TABLE ONLY public.contacts FORCE ROW LEVEL SECURITY;

--
-- Name: conversation_messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.conversation_messages (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    role character varying(50) NOT NULL,
    content text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    CONSTRAINT conversation_messages_role_check CHECK (((role)::text = ANY (ARRAY['user'::text, 'assistant'::text, 'system'::text, 'tool'::text])))
);

ALTER TABLE ONLY public.conversation_messages FORCE ROW LEVEL SECURITY;

--
-- Name: conversations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.conversations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    user_email character varying(255),
    status character varying(50) DEFAULT 'active'::character varying,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    title character varying(255),
    topic character varying(255)
);

ALTER TABLE ONLY public.conversations FORCE ROW LEVEL SECURITY;

--
-- Name: cron_job; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.cron_job (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid,
    name character varying(255) NOT NULL,
    schedule character varying(255) NOT NULL,
    handler character varying(255) NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb,
    is_active boolean DEFAULT true,
    last_run_at timestamp with time zone,
    next_run_at timestamp with time zone,
    last_status character varying(255),
    last_error text,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.cron_job FORCE ROW LEVEL SECURITY;

--
-- Name: daily_sales_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.daily_sales_metrics (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    metric_date date NOT NULL,
    total_revenue numeric(15,2) DEFAULT 0,
    deals_won integer DEFAULT 0,
    deals_lost integer DEFAULT 0,
    new_leads integer DEFAULT 0,
    new_contacts integer DEFAULT 0,
    activities_completed integer DEFAULT 0,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.daily_sales_metrics FORCE ROW LEVEL SECURITY;

--
-- Name: documents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.documents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    name character varying(255) NOT NULL,
    storage_path text NOT NULL,
    mime_type character varying(255),
    size_bytes bigint,
    related_type character varying(255),
    related_id uuid,
    uploaded_by uuid,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT documents_size_bytes_check CHECK ((size_bytes >= 0))
);

ALTER TABLE ONLY public.documents FORCE ROW LEVEL SECURITY;

--
-- Name: employee; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.employee (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    email character varying(255) NOT NULL,
    password_hash character varying(255),
    first_name character varying(255),
    last_name character varying(255),
    role character varying(50) DEFAULT 'employee'::character varying,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    status character varying(50) DEFAULT 'active'::character varying,
    updated_at timestamp with time zone DEFAULT now(),
    phone character varying(50),
    department character varying(255)
);

ALTER TABLE ONLY public.employee FORCE ROW LEVEL SECURITY;

--
-- Name: employees; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.employees WITH (security_invoker='true') AS
 SELECT employee.id,
    employee.tenant_id,
    employee.email,
    employee.password_hash,
    employee.first_name,
    employee.last_name,
    employee.role,
    employee.metadata,
    employee.created_at,
    employee.status,
    employee.updated_at,
    employee.phone,
    employee.department
   FROM public.employee;

--
-- Name: VIEW employees; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON VIEW public.employees IS 'the former name of the table employee';

--
-- Name: entity_transitions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.entity_transitions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    entity_id uuid NOT NULL,
    from_type character varying(50) NOT NULL,
    to_type character varying(50) NOT NULL,
    transition_data jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.entity_transitions FORCE ROW LEVEL SECURITY;

--
-- Name: leads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.leads (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    first_name character varying(255),
    last_name character varying(255),
    email character varying(255),
    phone character varying(50),
    company character varying(255),
    status character varying(50) DEFAULT 'new'::character varying,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    owner_id uuid,
    deleted_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now(),
    created_date timestamp with time zone DEFAULT now(),
    job_title character varying(255),
    source character varying(255),
    score integer DEFAULT 0,
    CONSTRAINT leads_status_check CHECK (((status)::text = ANY (ARRAY['new'::text, 'contacted'::text, 'qualified'::text, 'lost'::text, 'converted'::text])))
);

ALTER TABLE ONLY public.leads FORCE ROW LEVEL SECURITY;

--
-- Name: modulesettings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.modulesettings (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    module_name character varying(255) NOT NULL,
    is_enabled boolean DEFAULT true,
    settings jsonb DEFAULT '{}'::jsonb,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.modulesettings FORCE ROW LEVEL SECURITY;

--
-- Name: notes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notes (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    title character varying(255),
    content text NOT NULL,
    related_type character varying(255),
    related_id uuid,
    created_by uuid,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.notes FORCE ROW LEVEL SECURITY;

--
-- Name: notifications; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notifications (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    user_email character varying(255),
    title character varying(255) NOT NULL,
    message text,
    type character varying(50) DEFAULT 'info'::character varying,
    is_read boolean DEFAULT false,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.notifications FORCE ROW LEVEL SECURITY;

--
-- Name: opportunities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.opportunities (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    account_id uuid,
    contact_id uuid,
    name character varying(255) NOT NULL,
    stage character varying(50) DEFAULT 'qualification'::character varying,
    amount numeric(15,2) DEFAULT 0,
    probability integer DEFAULT 10,
    close_date date,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    owner_id uuid,
    deleted_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now(),
    type character varying(50),
    description text,
    next_step character varying(255),
    lead_source character varying(255),
    CONSTRAINT opportunities_amount_check CHECK ((amount >= (0)::numeric)),
    CONSTRAINT opportunities_probability_check CHECK (((probability >= 0) AND (probability <= 100)))
);

ALTER TABLE ONLY public.opportunities FORCE ROW LEVEL SECURITY;

--
-- Name: performance_logs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.performance_logs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid,
    endpoint character varying(255) NOT NULL,
    method character varying(10),
    duration numeric(12,3) NOT NULL,
    status_code integer,
    error text,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.performance_logs FORCE ROW LEVEL SECURITY;

--
-- Name: COLUMN performance_logs.duration; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.performance_logs.duration IS 'milliseconds';

--
-- Name: permissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.permissions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid,
    role character varying(255) NOT NULL,
    resource character varying(255) NOT NULL,
    action character varying(255) NOT NULL,
    is_allowed boolean DEFAULT true NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.permissions FORCE ROW LEVEL SECURITY;

--
-- Name: sync_health; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sync_health (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    integration_id uuid,
    status character varying(50) DEFAULT 'unknown'::character varying NOT NULL,
    last_sync_at timestamp with time zone,
    last_success_at timestamp with time zone,
    error_count integer DEFAULT 0 NOT NULL,
    last_error text,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT sync_health_status_check CHECK (((status)::text = ANY (ARRAY['unknown'::text, 'healthy'::text, 'degraded'::text, 'failing'::text])))
);

ALTER TABLE ONLY public.sync_health FORCE ROW LEVEL SECURITY;

--
-- Name: system_logs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.system_logs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid,
    level character varying(20) DEFAULT 'info'::character varying NOT NULL,
    message text NOT NULL,
    source character varying(255),
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.system_logs FORCE ROW LEVEL SECURITY;

--
-- Name: systembranding; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.systembranding (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid,
    company_name character varying(255),
    logo_url text,
    primary_color character varying(32),
    secondary_color character varying(32),
    custom_domain character varying(255),
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.systembranding FORCE ROW LEVEL SECURITY;

--
-- Name: tenant; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tenant (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug text NOT NULL,
    name character varying(255) NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    plan character varying(50) DEFAULT 'free'::character varying NOT NULL,
    status character varying(50) DEFAULT 'active'::character varying NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY public.tenant FORCE ROW LEVEL SECURITY;

--
-- Name: tenant_integrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tenant_integrations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    integration_type character varying(255) NOT NULL,
    integration_name character varying(255),
    api_credentials jsonb DEFAULT '{}'::jsonb,
    webhook_url text,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    is_active boolean DEFAULT true NOT NULL,
    config jsonb DEFAULT '{}'::jsonb NOT NULL
);

ALTER TABLE ONLY public.tenant_integrations FORCE ROW LEVEL SECURITY;

--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email character varying(255) NOT NULL,
    password_hash character varying(255),
    first_name character varying(255),
    last_name character varying(255),
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    status character varying(50) DEFAULT 'active'::character varying,
    updated_at timestamp with time zone DEFAULT now(),
    role character varying(50) DEFAULT 'user'::character varying NOT NULL,
    tenant_id uuid
);

ALTER TABLE ONLY public.users FORCE ROW LEVEL SECURITY;

--
-- Name: v_activity_calendar; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_activity_calendar WITH (security_invoker='true') AS
 SELECT a.id,
    a.tenant_id,
    a.type,
    a.subject,
    a.description,
    a.status,
    a.priority,
    event.starts_at,
    COALESCE((event.starts_at + make_interval(mins => a.duration_minutes)), event.ends_at, event.starts_at) AS ends_at,
    COALESCE(a.location, ((a.metadata ->> 'location'::text))::character varying(255)) AS location,
    a.related_type,
    a.related_id,
    a.assigned_to,
    NULLIF(concat_ws(' '::text, e.first_name, e.last_name), ''::text) AS assigned_name
   FROM ((public.activities a
     LEFT JOIN public.employee e ON ((a.assigned_to = e.id)))
     CROSS JOIN LATERAL ( SELECT COALESCE(a.due_date, public.try_timestamptz((a.metadata ->> 'due_date'::text)), public.try_timestamptz((a.metadata ->> 'start_date'::text)), public.try_timestamptz((a.metadata ->> 'start'::text))) AS starts_at,
            COALESCE(public.try_timestamptz((a.metadata ->> 'end_date'::text)), public.try_timestamptz((a.metadata ->> 'end'::text))) AS ends_at) event)
  WHERE ((a.deleted_at IS NULL) AND (event.starts_at IS NOT NULL));

--
-- Name: v_contact_full; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_contact_full WITH (security_invoker='true') AS
 SELECT c.id,
    c.tenant_id,
    c.account_id,
    c.first_name,
    c.last_name,
    c.email,
    c.phone,
    c.metadata,
    c.created_at,
    c.owner_id,
    c.deleted_at,
    c.updated_at,
    c.job_title,
    c.department,
    c.mobile,
    c.address,
    c.lead_source,
    a.name AS account_name,
    a.industry AS account_industry,
    NULLIF(concat_ws(' '::text, e.first_name, e.last_name), ''::text) AS owner_name
   FROM ((public.contacts c
     LEFT JOIN public.accounts a ON ((c.account_id = a.id)))
     LEFT JOIN public.employee e ON ((c.owner_id = e.id)));

--
-- Name: v_opportunity_pipeline; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.v_opportunity_pipeline WITH (security_invoker='true') AS
 SELECT opportunities.tenant_id,
    opportunities.stage,
    count(*) AS opportunity_count,
    sum(opportunities.amount) AS total_value,
    avg(opportunities.amount) AS avg_value,
    avg(opportunities.probability) AS avg_probability,
    sum(((opportunities.amount * (opportunities.probability)::numeric) / 100.0)) AS weighted_value
   FROM public.opportunities
  WHERE (opportunities.deleted_at IS NULL)
  GROUP BY opportunities.tenant_id, opportunities.stage;

--
-- Name: webhook; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.webhook (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    url text NOT NULL,
    event_types text[] DEFAULT '{}'::text[] NOT NULL,
    secret text,
    is_active boolean DEFAULT true,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.webhook FORCE ROW LEVEL SECURITY;

--
-- Name: workflow; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workflow (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    name character varying(255) NOT NULL,
    description text,
    trigger_type character varying(255) DEFAULT 'manual'::character varying NOT NULL,
    trigger_config jsonb DEFAULT '{}'::jsonb,
    steps jsonb DEFAULT '[]'::jsonb,
    is_active boolean DEFAULT true,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.workflow FORCE ROW LEVEL SECURITY;

--
-- Name: workflow_execution; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workflow_execution (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    workflow_id uuid NOT NULL,
    status character varying(255) DEFAULT 'pending'::character varying NOT NULL,
    input jsonb DEFAULT '{}'::jsonb,
    output jsonb DEFAULT '{}'::jsonb,
    error text,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);

ALTER TABLE ONLY public.workflow_execution FORCE ROW LEVEL SECURITY;

--
-- Name: workflows; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.workflows WITH (security_invoker='true') AS
 SELECT workflow.id,
    workflow.tenant_id,
    workflow.name,
    workflow.description,
    workflow.trigger_type,
    workflow.trigger_config,
    workflow.steps,
    workflow.is_active,
    workflow.metadata,
    workflow.created_at,
    workflow.updated_at
   FROM public.workflow;

--
-- Name: VIEW workflows; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON VIEW public.workflows IS 'the former name of the table workflow';

--
-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);

--
-- Name: activities activities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_pkey PRIMARY KEY (id);

--
-- Name: agent_events_archive agent_events_archive_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_events_archive
    ADD CONSTRAINT agent_events_archive_pkey PRIMARY KEY (id);

--
-- Name: agent_events_archive agent_events_archive_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_events_archive
    ADD CONSTRAINT agent_events_archive_unique UNIQUE (tenant_id, user_id, session_id, event_id);

--
-- Name: agent_sessions_archive agent_sessions_archive_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_sessions_archive
    ADD CONSTRAINT agent_sessions_archive_pkey PRIMARY KEY (id);

--
-- Name: agent_sessions_archive agent_sessions_archive_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_sessions_archive
    ADD CONSTRAINT agent_sessions_archive_unique UNIQUE (tenant_id, user_id, session_id);

--
-- Name: ai_campaigns ai_campaigns_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ai_campaigns
    ADD CONSTRAINT ai_campaigns_pkey PRIMARY KEY (id);

--
-- Name: api_key api_key_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (id);

--
-- Name: audit_log audit_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

--
-- Name: bizdev_source bizdev_source_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bizdev_source
    ADD CONSTRAINT bizdev_source_pkey PRIMARY KEY (id);

--
-- Name: cash_flow cash_flow_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cash_flow
    ADD CONSTRAINT cash_flow_pkey PRIMARY KEY (id);

--
-- Name: contacts contacts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);

--
-- Name: conversation_messages conversation_messages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversation_messages
    ADD CONSTRAINT conversation_messages_pkey PRIMARY KEY (id);

--
-- Name: conversations conversations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT conversations_pkey PRIMARY KEY (id);

--
-- Name: cron_job cron_job_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cron_job
    ADD CONSTRAINT cron_job_pkey PRIMARY KEY (id);

--
-- Name: daily_sales_metrics daily_sales_metrics_day_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.daily_sales_metrics
    ADD CONSTRAINT daily_sales_metrics_day_unique UNIQUE (tenant_id, metric_date);

--
-- Name: daily_sales_metrics daily_sales_metrics_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.daily_sales_metrics
    ADD CONSTRAINT daily_sales_metrics_pkey PRIMARY KEY (id);

--
-- Name: documents documents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id);

--
-- Name: employee employee_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.employee
    ADD CONSTRAINT employee_pkey PRIMARY KEY (id);

--
-- Name: entity_transitions entity_transitions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entity_transitions
    ADD CONSTRAINT entity_transitions_pkey PRIMARY KEY (id);

--
-- Name: leads leads_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.leads
    ADD CONSTRAINT leads_pkey PRIMARY KEY (id);

--
-- Name: modulesettings modulesettings_module_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.modulesettings
    ADD CONSTRAINT modulesettings_module_unique UNIQUE (tenant_id, module_name);

--
-- Name: modulesettings modulesettings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.modulesettings
    ADD CONSTRAINT modulesettings_pkey PRIMARY KEY (id);

--
-- Name: notes notes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);

--
-- Name: notifications notifications_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);

--
-- Name: opportunities opportunities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opportunities
    ADD CONSTRAINT opportunities_pkey PRIMARY KEY (id);

--
-- Name: performance_logs performance_logs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.performance_logs
    ADD CONSTRAINT performance_logs_pkey PRIMARY KEY (id);

--
-- Name: permissions permissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT permissions_pkey PRIMARY KEY (id);

--
-- Name: permissions permissions_rule_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT permissions_rule_unique UNIQUE NULLS NOT DISTINCT (tenant_id, role, resource, action);

--
-- Name: sync_health sync_health_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_health
    ADD CONSTRAINT sync_health_pkey PRIMARY KEY (id);

--
-- Name: system_logs system_logs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.system_logs
    ADD CONSTRAINT system_logs_pkey PRIMARY KEY (id);

--
-- Name: systembranding systembranding_custom_domain_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.systembranding
    ADD CONSTRAINT systembranding_custom_domain_unique UNIQUE (custom_domain);

--
-- Name: systembranding systembranding_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.systembranding
    ADD CONSTRAINT systembranding_pkey PRIMARY KEY (id);

--
-- Name: systembranding systembranding_tenant_id_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.systembranding
    ADD CONSTRAINT systembranding_tenant_id_unique UNIQUE NULLS NOT DISTINCT (tenant_id);

--
-- Name: tenant_integrations tenant_integrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenant_integrations
    ADD CONSTRAINT tenant_integrations_pkey PRIMARY KEY (id);

--
-- Name: tenant tenant_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (id);

--
-- Name: tenant tenant_slug_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenant
    ADD CONSTRAINT tenant_slug_unique UNIQUE (slug);

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

--
-- Name: webhook webhook_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (id);

--
-- Name: workflow_execution workflow_execution_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow_execution
    ADD CONSTRAINT workflow_execution_pkey PRIMARY KEY (id);

--
-- Name: workflow workflow_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow
    ADD CONSTRAINT workflow_pkey PRIMARY KEY (id);

--
-- Name: accounts_name_tenant_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX accounts_name_tenant_unique ON public.accounts USING btree (lower((name)::text), tenant_id);

--
-- Name: employee_email_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX employee_email_unique ON public.employee USING btree (lower((email)::text), tenant_id);

--
-- Name: idx_accounts_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_accounts_name ON public.accounts USING btree (name);

--
-- Name: idx_accounts_owner_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_accounts_owner_id ON public.accounts USING btree (owner_id);

--
-- Name: idx_accounts_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_accounts_tenant_id ON public.accounts USING btree (tenant_id);

--
-- Name: idx_activities_assigned_to; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_activities_assigned_to ON public.activities USING btree (assigned_to);

--
-- Name: idx_activities_due_date; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_activities_due_date ON public.activities USING btree (due_date);

--
-- Name: idx_activities_owner_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_activities_owner_id ON public.activities USING btree (owner_id);

--
-- Name: idx_activities_related_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_activities_related_id ON public.activities USING btree (related_id);

--
-- Name: idx_activities_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_activities_status ON public.activities USING btree (status);

--
-- Name: idx_activities_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_activities_tenant_id ON public.activities USING btree (tenant_id);

--
-- Name: idx_agent_events_archive_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_agent_events_archive_created_at ON public.agent_events_archive USING btree (created_at);

--
-- Name: idx_agent_events_archive_session_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_agent_events_archive_session_id ON public.agent_events_archive USING btree (session_id);

--
-- Name: idx_agent_events_archive_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_agent_events_archive_user_id ON public.agent_events_archive USING btree (user_id);

--
-- Name: idx_agent_sessions_archive_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_agent_sessions_archive_created_at ON public.agent_sessions_archive USING btree (created_at);

--
-- Name: idx_agent_sessions_archive_session_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_agent_sessions_archive_session_id ON public.agent_sessions_archive USING btree (session_id);

--
-- Name: idx_agent_sessions_archive_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_agent_sessions_archive_user_id ON public.agent_sessions_archive USING btree (user_id);

--
-- Name: idx_ai_campaigns_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_ai_campaigns_status ON public.ai_campaigns USING btree (status);

--
-- Name: idx_ai_campaigns_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_ai_campaigns_tenant_id ON public.ai_campaigns USING btree (tenant_id);

--
-- Name: idx_api_key_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_api_key_tenant_id ON public.api_key USING btree (tenant_id);

--
-- Name: idx_audit_log_changed_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_audit_log_changed_at ON public.audit_log USING btree (changed_at);

--
-- Name: idx_audit_log_record_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_audit_log_record_id ON public.audit_log USING btree (record_id);

--
-- Name: idx_audit_log_table_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_audit_log_table_name ON public.audit_log USING btree (table_name);

--
-- Name: idx_bizdev_source_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_bizdev_source_tenant_id ON public.bizdev_source USING btree (tenant_id);

--
-- Name: idx_cash_flow_account_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_cash_flow_account_id ON public.cash_flow USING btree (account_id);

--
-- Name: idx_cash_flow_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_cash_flow_tenant_id ON public.cash_flow USING btree (tenant_id);

--
-- Name: idx_contacts_account_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_contacts_account_id ON public.contacts USING btree (account_id);

--
-- Name: idx_contacts_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_contacts_email ON public.contacts USING btree (email);

--
-- Name: idx_contacts_owner_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_contacts_owner_id ON public.contacts USING btree (owner_id);

--
-- Name: idx_contacts_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_contacts_tenant_id ON public.contacts USING btree (tenant_id);

--
-- Name: idx_conversation_messages_conversation_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_conversation_messages_conversation_id ON public.conversation_messages USING btree (conversation_id);

--
-- Name: idx_conversation_messages_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_conversation_messages_tenant_id ON public.conversation_messages USING btree (tenant_id);

--
-- Name: idx_conversations_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_conversations_tenant_id ON public.conversations USING btree (tenant_id);

--
-- Name: idx_conversations_topic; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_conversations_topic ON public.conversations USING btree (topic);

--
-- Name: idx_cron_job_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_cron_job_tenant_id ON public.cron_job USING btree (tenant_id);

--
-- Name: idx_documents_related_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_documents_related_id ON public.documents USING btree (related_id);

--
-- Name: idx_documents_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_documents_tenant_id ON public.documents USING btree (tenant_id);

--
-- Name: idx_documents_uploaded_by; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_documents_uploaded_by ON public.documents USING btree (uploaded_by);

--
-- Name: idx_employee_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_employee_tenant_id ON public.employee USING btree (tenant_id);

--
-- Name: idx_entity_transitions_entity_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_entity_transitions_entity_id ON public.entity_transitions USING btree (entity_id);

--
-- Name: idx_entity_transitions_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_entity_transitions_tenant_id ON public.entity_transitions USING btree (tenant_id);

--
-- Name: idx_leads_owner_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_leads_owner_id ON public.leads USING btree (owner_id);

--
-- Name: idx_leads_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_leads_status ON public.leads USING btree (status);

--
-- Name: idx_leads_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_leads_tenant_id ON public.leads USING btree (tenant_id);

--
-- Name: idx_notes_created_by; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_notes_created_by ON public.notes USING btree (created_by);

--
-- Name: idx_notes_related_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_notes_related_id ON public.notes USING btree (related_id);

--
-- Name: idx_notes_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_notes_tenant_id ON public.notes USING btree (tenant_id);

--
-- Name: idx_notifications_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_notifications_tenant_id ON public.notifications USING btree (tenant_id);

--
-- Name: idx_notifications_user_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_notifications_user_email ON public.notifications USING btree (user_email);

--
-- Name: idx_opportunities_account_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_opportunities_account_id ON public.opportunities USING btree (account_id);

--
-- Name: idx_opportunities_contact_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_opportunities_contact_id ON public.opportunities USING btree (contact_id);

--
-- Name: idx_opportunities_owner_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_opportunities_owner_id ON public.opportunities USING btree (owner_id);

--
-- Name: idx_opportunities_stage; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_opportunities_stage ON public.opportunities USING btree (stage);

--
-- Name: idx_opportunities_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_opportunities_tenant_id ON public.opportunities USING btree (tenant_id);

--
-- Name: idx_performance_logs_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_performance_logs_created_at ON public.performance_logs USING btree (created_at);

--
-- Name: idx_performance_logs_endpoint; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_performance_logs_endpoint ON public.performance_logs USING btree (endpoint);

--
-- Name: idx_performance_logs_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_performance_logs_tenant_id ON public.performance_logs USING btree (tenant_id);

--
-- Name: idx_sync_health_integration_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_sync_health_integration_id ON public.sync_health USING btree (integration_id);

--
-- Name: idx_sync_health_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_sync_health_tenant_id ON public.sync_health USING btree (tenant_id);

--
-- Name: idx_system_logs_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_system_logs_created_at ON public.system_logs USING btree (created_at);

--
-- Name: idx_system_logs_level; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_system_logs_level ON public.system_logs USING btree (level);

--
-- Name: idx_system_logs_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_system_logs_tenant_id ON public.system_logs USING btree (tenant_id);

--
-- Name: idx_tenant_integrations_integration_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_tenant_integrations_integration_type ON public.tenant_integrations USING btree (integration_type);

--
-- Name: idx_tenant_integrations_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_tenant_integrations_tenant_id ON public.tenant_integrations USING btree (tenant_id);

--
-- Name: idx_tenant_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_tenant_status ON public.tenant USING btree (status);

--
-- Name: idx_users_role; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_role ON public.users USING btree (role);

--
-- Name: idx_users_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_users_tenant_id ON public.users USING btree (tenant_id);

--
-- Name: idx_webhook_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_webhook_tenant_id ON public.webhook USING btree (tenant_id);

--
-- Name: idx_workflow_execution_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_workflow_execution_tenant_id ON public.workflow_execution USING btree (tenant_id);

--
-- Name: idx_workflow_execution_workflow_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_workflow_execution_workflow_id ON public.workflow_execution USING btree (workflow_id);

--
-- Name: idx_workflow_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_workflow_tenant_id ON public.workflow USING btree (tenant_id);

--
-- Name: users_email_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_email_unique ON public.users USING btree (lower((email)::text));

--
-- Name: accounts accounts_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER accounts_audit_delete AFTER DELETE ON public.accounts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: accounts accounts_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER accounts_audit_insert AFTER INSERT ON public.accounts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: accounts accounts_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER accounts_audit_update AFTER UPDATE ON public.accounts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: accounts accounts_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER accounts_updated_at BEFORE UPDATE ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: activities activities_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activities_audit_delete AFTER DELETE ON public.activities REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: activities activities_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activities_audit_insert AFTER INSERT ON public.activities REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: activities activities_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activities_audit_update AFTER UPDATE ON public.activities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: activities activities_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activities_updated_at BEFORE UPDATE ON public.activities FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: ai_campaigns ai_campaigns_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER ai_campaigns_updated_at BEFORE UPDATE ON public.ai_campaigns FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: api_key api_key_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER api_key_updated_at BEFORE UPDATE ON public.api_key FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: bizdev_source bizdev_source_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER bizdev_source_updated_at BEFORE UPDATE ON public.bizdev_source FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: cash_flow cash_flow_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER cash_flow_updated_at BEFORE UPDATE ON public.cash_flow FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: contacts contacts_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER contacts_audit_delete AFTER DELETE ON public.contacts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: contacts contacts_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER contacts_audit_insert AFTER INSERT ON public.contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: contacts contacts_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER contacts_audit_update AFTER UPDATE ON public.contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: contacts contacts_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER contacts_updated_at BEFORE UPDATE ON public.contacts FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: conversations conversations_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER conversations_updated_at BEFORE UPDATE ON public.conversations FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: cron_job cron_job_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER cron_job_updated_at BEFORE UPDATE ON public.cron_job FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: daily_sales_metrics daily_sales_metrics_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER daily_sales_metrics_updated_at BEFORE UPDATE ON public.daily_sales_metrics FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: documents documents_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER documents_updated_at BEFORE UPDATE ON public.documents FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: employee employee_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER employee_audit_delete AFTER DELETE ON public.employee REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: employee employee_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER employee_audit_insert AFTER INSERT ON public.employee REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: employee employee_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER employee_audit_update AFTER UPDATE ON public.employee REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: employee employee_email_uniqueness; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER employee_email_uniqueness BEFORE INSERT OR UPDATE OF email ON public.employee FOR EACH ROW EXECUTE FUNCTION public.check_email_uniqueness();

--
-- Name: employee employee_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER employee_updated_at BEFORE UPDATE ON public.employee FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: leads leads_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER leads_audit_delete AFTER DELETE ON public.leads REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: leads leads_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER leads_audit_insert AFTER INSERT ON public.leads REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: leads leads_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER leads_audit_update AFTER UPDATE ON public.leads REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: leads leads_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER leads_updated_at BEFORE UPDATE ON public.leads FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: modulesettings modulesettings_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER modulesettings_updated_at BEFORE UPDATE ON public.modulesettings FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: notes notes_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER notes_audit_delete AFTER DELETE ON public.notes REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: notes notes_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER notes_audit_insert AFTER INSERT ON public.notes REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: notes notes_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER notes_audit_update AFTER UPDATE ON public.notes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: notes notes_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER notes_updated_at BEFORE UPDATE ON public.notes FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: notifications notifications_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER notifications_updated_at BEFORE UPDATE ON public.notifications FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: opportunities opportunities_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER opportunities_audit_delete AFTER DELETE ON public.opportunities REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: opportunities opportunities_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER opportunities_audit_insert AFTER INSERT ON public.opportunities REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: opportunities opportunities_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER opportunities_audit_update AFTER UPDATE ON public.opportunities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: opportunities opportunities_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER opportunities_updated_at BEFORE UPDATE ON public.opportunities FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: permissions permissions_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER permissions_updated_at BEFORE UPDATE ON public.permissions FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: sync_health sync_health_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER sync_health_updated_at BEFORE UPDATE ON public.sync_health FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: systembranding systembranding_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER systembranding_updated_at BEFORE UPDATE ON public.systembranding FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: tenant tenant_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_audit_delete AFTER DELETE ON public.tenant REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: tenant tenant_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_audit_insert AFTER INSERT ON public.tenant REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: tenant tenant_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_audit_update AFTER UPDATE ON public.tenant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: tenant_integrations tenant_integrations_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_integrations_updated_at BEFORE UPDATE ON public.tenant_integrations FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: accounts tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.accounts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('owner_id', 'employee');

--
-- Name: activities tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.activities REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('assigned_to', 'employee', 'owner_id', 'employee');

--
-- Name: cash_flow tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.cash_flow REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('account_id', 'accounts');

--
-- Name: contacts tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('account_id', 'accounts', 'owner_id', 'employee');

--
-- Name: conversation_messages tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.conversation_messages REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('conversation_id', 'conversations');

--
-- Name: documents tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.documents REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('uploaded_by', 'employee');

--
-- Name: leads tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.leads REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('owner_id', 'employee');

--
-- Name: notes tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.notes REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('created_by', 'employee');

--
-- Name: opportunities tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.opportunities REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('account_id', 'accounts', 'contact_id', 'contacts', 'owner_id', 'employee');

--
-- Name: sync_health tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.sync_health REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('integration_id', 'tenant_integrations');

--
-- Name: workflow_execution tenant_references_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_insert AFTER INSERT ON public.workflow_execution REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('workflow_id', 'workflow');

--
-- Name: accounts tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.accounts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('owner_id', 'employee');

--
-- Name: activities tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.activities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('assigned_to', 'employee', 'owner_id', 'employee');

--
-- Name: cash_flow tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.cash_flow REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('account_id', 'accounts');

--
-- Name: contacts tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('account_id', 'accounts', 'owner_id', 'employee');

--
-- Name: conversation_messages tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.conversation_messages REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('conversation_id', 'conversations');

--
-- Name: documents tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.documents REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('uploaded_by', 'employee');

--
-- Name: leads tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.leads REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('owner_id', 'employee');

--
-- Name: notes tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.notes REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('created_by', 'employee');

--
-- Name: opportunities tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.opportunities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('account_id', 'accounts', 'contact_id', 'contacts', 'owner_id', 'employee');

--
-- Name: sync_health tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.sync_health REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('integration_id', 'tenant_integrations');

--
-- Name: workflow_execution tenant_references_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_references_update AFTER UPDATE ON public.workflow_execution REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.validate_tenant_access('workflow_id', 'workflow');

--
-- Name: tenant tenant_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER tenant_updated_at BEFORE UPDATE ON public.tenant FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: users users_audit_delete; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_audit_delete AFTER DELETE ON public.users REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: users users_audit_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_audit_insert AFTER INSERT ON public.users REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: users users_audit_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_audit_update AFTER UPDATE ON public.users REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.log_audit_changes();

--
-- Name: users users_email_uniqueness; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_email_uniqueness BEFORE INSERT OR UPDATE OF email ON public.users FOR EACH ROW EXECUTE FUNCTION public.check_email_uniqueness();

--
-- Name: users users_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER users_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: webhook webhook_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER webhook_updated_at BEFORE UPDATE ON public.webhook FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: workflow_execution workflow_execution_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workflow_execution_updated_at BEFORE UPDATE ON public.workflow_execution FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: workflow workflow_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workflow_updated_at BEFORE UPDATE ON public.workflow FOR EACH ROW EXECUTE FUNCTION public.update_updated_at();

--
-- Name: accounts accounts_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: activities activities_assigned_to_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_assigned_to_fkey FOREIGN KEY (assigned_to) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: activities activities_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: cash_flow cash_flow_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cash_flow
    ADD CONSTRAINT cash_flow_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE SET NULL;

--
-- Name: contacts contacts_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE SET NULL;

--
-- Name: contacts contacts_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: conversation_messages conversation_messages_conversation_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversation_messages
    ADD CONSTRAINT conversation_messages_conversation_id_fkey FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE;

--
-- Name: documents documents_uploaded_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_uploaded_by_fkey FOREIGN KEY (uploaded_by) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: accounts fk_accounts_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT fk_accounts_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: activities fk_activities_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT fk_activities_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: agent_events_archive fk_agent_events_archive_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_events_archive
    ADD CONSTRAINT fk_agent_events_archive_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: agent_sessions_archive fk_agent_sessions_archive_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_sessions_archive
    ADD CONSTRAINT fk_agent_sessions_archive_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: ai_campaigns fk_ai_campaigns_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ai_campaigns
    ADD CONSTRAINT fk_ai_campaigns_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: api_key fk_api_key_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT fk_api_key_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: bizdev_source fk_bizdev_source_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bizdev_source
    ADD CONSTRAINT fk_bizdev_source_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: cash_flow fk_cash_flow_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cash_flow
    ADD CONSTRAINT fk_cash_flow_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: contacts fk_contacts_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT fk_contacts_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: conversation_messages fk_conversation_messages_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversation_messages
    ADD CONSTRAINT fk_conversation_messages_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: conversations fk_conversations_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT fk_conversations_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: cron_job fk_cron_job_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cron_job
    ADD CONSTRAINT fk_cron_job_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: daily_sales_metrics fk_daily_sales_metrics_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.daily_sales_metrics
    ADD CONSTRAINT fk_daily_sales_metrics_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: documents fk_documents_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT fk_documents_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: employee fk_employee_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.employee
    ADD CONSTRAINT fk_employee_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: entity_transitions fk_entity_transitions_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.entity_transitions
    ADD CONSTRAINT fk_entity_transitions_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: leads fk_leads_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.leads
    ADD CONSTRAINT fk_leads_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: modulesettings fk_modulesettings_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.modulesettings
    ADD CONSTRAINT fk_modulesettings_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: notes fk_notes_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT fk_notes_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: notifications fk_notifications_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT fk_notifications_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: opportunities fk_opportunities_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opportunities
    ADD CONSTRAINT fk_opportunities_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: performance_logs fk_performance_logs_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.performance_logs
    ADD CONSTRAINT fk_performance_logs_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: permissions fk_permissions_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT fk_permissions_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: sync_health fk_sync_health_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_health
    ADD CONSTRAINT fk_sync_health_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: system_logs fk_system_logs_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.system_logs
    ADD CONSTRAINT fk_system_logs_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: systembranding fk_systembranding_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.systembranding
    ADD CONSTRAINT fk_systembranding_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: tenant_integrations fk_tenant_integrations_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tenant_integrations
    ADD CONSTRAINT fk_tenant_integrations_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: users fk_users_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT fk_users_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: webhook fk_webhook_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT fk_webhook_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: workflow_execution fk_workflow_execution_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow_execution
    ADD CONSTRAINT fk_workflow_execution_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: workflow fk_workflow_tenant; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow
    ADD CONSTRAINT fk_workflow_tenant FOREIGN KEY (tenant_id) REFERENCES public.tenant(id) ON DELETE CASCADE;

--
-- Name: leads leads_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.leads
    ADD CONSTRAINT leads_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: notes notes_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: opportunities opportunities_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opportunities
    ADD CONSTRAINT opportunities_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE SET NULL;

--
-- Name: opportunities opportunities_contact_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opportunities
    ADD CONSTRAINT opportunities_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE SET NULL;

--
-- Name: opportunities opportunities_owner_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opportunities
    ADD CONSTRAINT opportunities_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.employee(id) ON DELETE SET NULL;

--
-- Name: sync_health sync_health_integration_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sync_health
    ADD CONSTRAINT sync_health_integration_id_fkey FOREIGN KEY (integration_id) REFERENCES public.tenant_integrations(id) ON DELETE CASCADE;

--
-- Name: workflow_execution workflow_execution_workflow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow_execution
    ADD CONSTRAINT workflow_execution_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES public.workflow(id) ON DELETE CASCADE;

--
-- Name: accounts; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY;

--
-- Name: activities; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.activities ENABLE ROW LEVEL SECURITY;

--
-- Name: agent_events_archive; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.agent_events_archive ENABLE ROW LEVEL SECURITY;

--
-- Name: agent_sessions_archive; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.agent_sessions_archive ENABLE ROW LEVEL SECURITY;

--
-- Name: ai_campaigns; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.ai_campaigns ENABLE ROW LEVEL SECURITY;

--
-- Name: api_key; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.api_key ENABLE ROW LEVEL SECURITY;

--
-- Name: audit_log audit_insert; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY audit_insert ON public.audit_log FOR INSERT WITH CHECK (( SELECT public.is_schema_owner() AS is_schema_owner));

--
-- Name: audit_log; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

--
-- Name: bizdev_source; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.bizdev_source ENABLE ROW LEVEL SECURITY;

--
-- Name: cash_flow; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.cash_flow ENABLE ROW LEVEL SECURITY;

--
-- Name: contacts; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.contacts ENABLE ROW LEVEL SECURITY;

--
-- Name: conversation_messages; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.conversation_messages ENABLE ROW LEVEL SECURITY;

--
-- Name: conversations; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.conversations ENABLE ROW LEVEL SECURITY;

--
-- Name: cron_job; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.cron_job ENABLE ROW LEVEL SECURITY;

--
-- Name: daily_sales_metrics; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.daily_sales_metrics ENABLE ROW LEVEL SECURITY;

--
-- Name: documents; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.documents ENABLE ROW LEVEL SECURITY;

--
-- Name: employee; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.employee ENABLE ROW LEVEL SECURITY;

--
-- Name: entity_transitions; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.entity_transitions ENABLE ROW LEVEL SECURITY;

--
-- Name: leads; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.leads ENABLE ROW LEVEL SECURITY;

--
-- Name: modulesettings; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.modulesettings ENABLE ROW LEVEL SECURITY;

--
-- Name: notes; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;

--
-- Name: notifications; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.notifications ENABLE ROW LEVEL SECURITY;

--
-- Name: opportunities; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.opportunities ENABLE ROW LEVEL SECURITY;

--
-- Name: users own_account; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY own_account ON public.users FOR SELECT USING (((id = ( SELECT public.claimed_user_id() AS claimed_user_id)) OR (lower((email)::text) = ( SELECT public.claimed_user_email() AS claimed_user_email))));

--
-- Name: performance_logs; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.performance_logs ENABLE ROW LEVEL SECURITY;

--
-- Name: permissions; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.permissions ENABLE ROW LEVEL SECURITY;

--
-- Name: employee policy_lookup; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY policy_lookup ON public.employee FOR SELECT USING (( SELECT public.in_policy_lookup() AS in_policy_lookup));

--
-- Name: tenant policy_lookup; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY policy_lookup ON public.tenant FOR SELECT USING (( SELECT public.in_policy_lookup() AS in_policy_lookup));

--
-- Name: users policy_lookup; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY policy_lookup ON public.users FOR SELECT USING (( SELECT public.in_policy_lookup() AS in_policy_lookup));

--
-- Name: accounts service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.accounts TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: activities service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.activities TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: agent_events_archive service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.agent_events_archive TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: agent_sessions_archive service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.agent_sessions_archive TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: ai_campaigns service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.ai_campaigns TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: api_key service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.api_key TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: audit_log service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.audit_log TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: bizdev_source service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.bizdev_source TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: cash_flow service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.cash_flow TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: contacts service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.contacts TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: conversation_messages service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.conversation_messages TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: conversations service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.conversations TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: cron_job service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.cron_job TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: daily_sales_metrics service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.daily_sales_metrics TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: documents service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.documents TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: employee service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.employee TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: entity_transitions service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.entity_transitions TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: leads service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.leads TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: modulesettings service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.modulesettings TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: notes service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.notes TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: notifications service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.notifications TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: opportunities service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.opportunities TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: performance_logs service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.performance_logs TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: permissions service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.permissions TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: sync_health service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.sync_health TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: system_logs service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.system_logs TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: systembranding service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.systembranding TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: tenant service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.tenant TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: tenant_integrations service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.tenant_integrations TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: users service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.users TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: webhook service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.webhook TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: workflow service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.workflow TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: workflow_execution service_role_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY service_role_access ON public.workflow_execution TO service_role USING ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name)) WITH CHECK ((( SELECT CURRENT_USER AS "current_user") = 'service_role'::name));

--
-- Name: agent_events_archive superadmin_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY superadmin_access ON public.agent_events_archive USING (( SELECT public.is_superadmin() AS is_superadmin)) WITH CHECK (( SELECT public.is_superadmin() AS is_superadmin));

--
-- Name: agent_sessions_archive superadmin_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY superadmin_access ON public.agent_sessions_archive USING (( SELECT public.is_superadmin() AS is_superadmin)) WITH CHECK (( SELECT public.is_superadmin() AS is_superadmin));

--
-- Name: audit_log superadmin_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY superadmin_access ON public.audit_log FOR SELECT USING (( SELECT public.is_superadmin() AS is_superadmin));

--
-- Name: tenant superadmin_access; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY superadmin_access ON public.tenant USING (( SELECT public.is_superadmin() AS is_superadmin)) WITH CHECK (( SELECT public.is_superadmin() AS is_superadmin));

--
-- Name: sync_health; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.sync_health ENABLE ROW LEVEL SECURITY;

--
-- Name: system_logs; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.system_logs ENABLE ROW LEVEL SECURITY;

--
-- Name: systembranding; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.systembranding ENABLE ROW LEVEL SECURITY;

--
-- Name: tenant; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.tenant ENABLE ROW LEVEL SECURITY;

--
-- Name: tenant_integrations; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.tenant_integrations ENABLE ROW LEVEL SECURITY;

--
-- Name: accounts tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.accounts USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: activities tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.activities USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: agent_events_archive tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.agent_events_archive FOR SELECT USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: agent_sessions_archive tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.agent_sessions_archive FOR SELECT USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: ai_campaigns tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.ai_campaigns USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: api_key tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.api_key USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: bizdev_source tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.bizdev_source USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: cash_flow tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.cash_flow USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: contacts tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.contacts USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: conversation_messages tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.conversation_messages USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: conversations tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.conversations USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: cron_job tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.cron_job USING (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin)))) WITH CHECK (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin))));

--
-- Name: daily_sales_metrics tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.daily_sales_metrics USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: documents tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.documents USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: employee tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.employee USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: entity_transitions tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.entity_transitions USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: leads tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.leads USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: modulesettings tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.modulesettings USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: notes tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.notes USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: notifications tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.notifications USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: opportunities tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.opportunities USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: performance_logs tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.performance_logs USING (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin)))) WITH CHECK (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin))));

--
-- Name: permissions tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.permissions USING (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin)))) WITH CHECK (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin))));

--
-- Name: sync_health tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.sync_health USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: system_logs tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.system_logs USING (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin)))) WITH CHECK (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin))));

--
-- Name: systembranding tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.systembranding USING (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin)))) WITH CHECK (((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])) OR ((tenant_id IS NULL) AND ( SELECT public.is_superadmin() AS is_superadmin))));

--
-- Name: tenant tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.tenant FOR SELECT USING ((id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: tenant_integrations tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.tenant_integrations USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: users tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.users USING ((((tenant_id = ( SELECT public.current_tenant_id() AS current_tenant_id)) AND ((role)::text <> 'superadmin'::text)) OR ( SELECT public.is_superadmin() AS is_superadmin))) WITH CHECK ((((tenant_id = ( SELECT public.current_tenant_id() AS current_tenant_id)) AND ((role)::text <> 'superadmin'::text)) OR ( SELECT public.is_superadmin() AS is_superadmin)));

--
-- Name: webhook tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.webhook USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: workflow tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.workflow USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: workflow_execution tenant_isolation; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_isolation ON public.workflow_execution USING ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((tenant_id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: tenant tenant_update; Type: POLICY; Schema: public; Owner: -
--

CREATE POLICY tenant_update ON public.tenant FOR UPDATE USING ((id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[]))) WITH CHECK ((id = ANY (( SELECT public.visible_tenant_ids() AS visible_tenant_ids)::uuid[])));

--
-- Name: users; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

--
-- Name: webhook; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.webhook ENABLE ROW LEVEL SECURITY;

--
-- Name: workflow; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.workflow ENABLE ROW LEVEL SECURITY;

--
-- Name: workflow_execution; Type: ROW SECURITY; Schema: public; Owner: -
--

ALTER TABLE public.workflow_execution ENABLE ROW LEVEL SECURITY;

--
-- Name: FUNCTION apply_rls_everywhere(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.apply_rls_everywhere() FROM PUBLIC;

--
-- Name: FUNCTION apply_tenant_checks(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.apply_tenant_checks() FROM PUBLIC;

--
-- Name: FUNCTION apply_tenant_rls(target regclass); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.apply_tenant_rls(target regclass) FROM PUBLIC;

--
-- Name: FUNCTION archive_agent_session(tenant text, user_id text, session_id text, payload jsonb, events jsonb, created_at timestamp with time zone); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.archive_agent_session(tenant text, user_id text, session_id text, payload jsonb, events jsonb, created_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.archive_agent_session(tenant text, user_id text, session_id text, payload jsonb, events jsonb, created_at timestamp with time zone) TO service_role;

--
-- Name: FUNCTION check_email_uniqueness(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.check_email_uniqueness() FROM PUBLIC;

--
-- Name: FUNCTION lift_forced_rls(VARIADIC tables text[]); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.lift_forced_rls(VARIADIC tables text[]) FROM PUBLIC;

--
-- Name: FUNCTION log_audit_changes(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.log_audit_changes() FROM PUBLIC;

--
-- Name: FUNCTION lookup_all_tenants(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.lookup_all_tenants() FROM PUBLIC;

--
-- Name: FUNCTION lookup_superadmin(user_id uuid, user_email text); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.lookup_superadmin(user_id uuid, user_email text) FROM PUBLIC;

--
-- Name: FUNCTION make_owner_only(target regprocedure); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.make_owner_only(target regprocedure) FROM PUBLIC;

--
-- Name: FUNCTION restore_forced_rls(); Type: ACL; Schema: public; Owner: -
--

REVOKE ALL ON FUNCTION public.restore_forced_rls() FROM PUBLIC;

--
-- PostgreSQL database dump complete
--
