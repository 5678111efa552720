import { makeProject } from '../commands/project.ts';
import { expect, test } from '../support/pack-database.ts';
import { testServer } from '../support/server.ts';
import { ACME, OTHER } from './database.ts';

test('of the shipped schema every table of a tenant goes, and none of another, for a role as Supabase has it', async ({
  packDb: db,
}) => {
  // Like Supabase's postgres: no superuser, the rights of the owner, row-level security passed over.
  const role = `crm_${db.name}`;
  await db.superQuery(`create role ${role} login bypassrls password 'secret' in role app_owner`);
  await db.superQuery(`
    insert into tenant (id, slug, name) values ('${ACME}', 'acme', 'Acme'), ('${OTHER}', 'other', 'Other');
    insert into employee (tenant_id, email, first_name) select id, slug || '@example.com', 'E' from tenant
      where slug in ('acme', 'other');
    insert into accounts (tenant_id, name, owner_id) select tenant_id, 'A', id from employee;
    insert into contacts (tenant_id, first_name, account_id) select tenant_id, 'C', id from accounts;
    insert into conversations (tenant_id) select id from tenant where slug in ('acme', 'other');
    insert into conversation_messages (tenant_id, conversation_id, role, content)
      select tenant_id, id, 'user', 'hello' from conversations
  `);
  const { host, port } = testServer();
  const url = `postgresql://${role}:secret@${host}:${port}/${db.name}`;
  const project = await makeProject({}, { env: { DATABASE_URL: url } });
  const check = await project.report('tenant', 'check');
  expect(check.checks[0]).toMatchObject({ id: 'unknown-tenant', status: 'passed' });
  expect(check.data.tables.every(({ status }: { status: string }) => status === 'proved')).toBe(true);

  const run = await project.run('tenant', 'delete', ACME, '--yes');
  expect([run.code, run.stderr]).toEqual([0, expect.stringContaining('public.contacts: 1 deleted')]);
  const left = await db.superQuery(`
    select (select count(*) from tenant where id = '${ACME}')::int as tenants,
      (select count(*) from contacts)::int as contacts, (select count(*) from conversation_messages)::int as messages
  `);
  expect(left).toEqual([{ tenants: 0, contacts: 1, messages: 1 }]);
  await db.superQuery(`drop owned by ${role}; drop role ${role}`);
});
