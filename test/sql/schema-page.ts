import type { Reference, Routine, Schema, Table, View } from './schema-catalog.ts';

/** Tables by area; each table belongs to one. */
const AREAS: Readonly<Record<string, readonly string[]>> = {
  'Tenants and accounts': ['tenant', 'users', 'employee', 'permissions', 'api_key'],
  'Customer relations': [
    'accounts',
    'contacts',
    'leads',
    'opportunities',
    'activities',
    'notes',
    'documents',
    'notifications',
    'entity_transitions',
  ],
  'Business figures': ['bizdev_source', 'cash_flow', 'daily_sales_metrics'],
  'AI and conversations': [
    'conversations',
    'conversation_messages',
    'ai_campaigns',
    'agent_sessions_archive',
    'agent_events_archive',
  ],
  'Workflows and integrations': [
    'workflow',
    'workflow_execution',
    'cron_job',
    'tenant_integrations',
    'sync_health',
    'webhook',
  ],
  System: ['audit_log', 'system_logs', 'performance_logs', 'modulesettings', 'systembranding'],
};

/**
 * docs/schema.md: tables by area with a diagram each, columns, keys and policies. `purposes`: what each table is for.
 *
 * @throws Error naming the tables that are in no area, or in an area and not in the schema.
 */
export function schemaPage({ tables, views, functions }: Schema, purposes: ReadonlyMap<string, string>): string {
  refuseUnplaced(tables);
  const areas = Object.entries(AREAS).map(([area, names]) => {
    const members = names.map((name) => tables.find((table) => table.name === name)!);
    return [`## ${area}`, diagram(members), ...members.map((table) => section(table, purposes))].join('\n\n');
  });
  return `${[introduction(tables), ...areas, viewSection(views), functionSection(functions)].join('\n\n')}\n`;
}

function refuseUnplaced(tables: readonly Table[]): void {
  const placed = Object.values(AREAS).flat();
  const names = tables.map(({ name }) => name);
  const wrong = [...names.filter((name) => !placed.includes(name)), ...placed.filter((name) => !names.includes(name))];
  if (wrong.length > 0) throw new Error(`give these tables an area in schema-page.ts, or take it away: ${wrong}`);
}

function introduction(tables: readonly Table[]): string {
  return `# The schema

What the migrations of \`sql/\` make, 001 to 999: ${tables.length} tables. \`npm run schema\` writes this page from the catalog
of a migrated database, and a test keeps it true; \`test/schema.sql\` is the same as DDL. Where it departs from the
manual, and why: [errata.md](errata.md).

- Every primary key is \`id uuid default gen_random_uuid()\`.
- \`tenant_id\` refers to \`tenant (id)\` and goes with its tenant (on delete cascade). A row without one belongs to no
  tenant: superadmins and \`service_role\` see it, tenants do not.
- Every table has row-level security enabled and forced: the policies bind its owner too. Those named below as *the
  rule of tenants* read and write the rows of one's own tenant, and let superadmins pass:
  \`tenant_id = any ((select visible_tenant_ids())::uuid[])\`. Policies that differ are shown with their table.
- \`service_role\` passes by its attribute BYPASSRLS, or where it lacks that by the policy \`service_role_access\`, which
  every table has.
- In the diagrams, lines to \`tenant\` are left out outside of its own area, and so are columns that are no key.`;
}

// ── diagrams ────────────────────────────────────────────────────────────────────────────────────────────────────────

function diagram(members: readonly Table[]): string {
  const ownsTenant = members.some(({ name }) => name === 'tenant');
  const lines = members.flatMap((table) => [
    ...table.references.filter(({ parent }) => ownsTenant || parent !== 'tenant').map((key) => relation(table, key)),
    ...entity(table),
  ]);
  return ['```mermaid', 'erDiagram', ...lines.map((line) => `  ${line}`), '```'].join('\n');
}

function relation(child: Table, { parent, column, onDelete, required }: Reference): string {
  return `${parent} ${required ? '||' : '|o'}--o{ ${child.name} : "${column}, on delete ${onDelete}"`;
}

function entity({ name, columns, references }: Table): string[] {
  const keys = columns.flatMap((column) => {
    const roles = [
      ...(column.primary ? ['PK'] : []),
      ...(references.some((key) => key.column === column.name) ? ['FK'] : []),
      ...(column.unique ? ['UK'] : []),
    ];
    return roles.length === 0 ? [] : [`  ${column.type.replaceAll(/\W+/g, '_')} ${column.name} ${roles.join(', ')}`];
  });
  return [`${name} {`, ...keys, '}'];
}

// ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function section(table: Table, purposes: ReadonlyMap<string, string>): string {
  const purpose = purposes.get(table.name);
  if (purpose === undefined) throw new Error(`no header says what ${table.name} is for`);
  return [`### ${table.name}`, `${purpose}.`, columnTable(table), keyList(table), policyTable(table)]
    .filter((part) => part !== '')
    .join('\n\n');
}

function columnTable({ columns, references }: Table): string {
  const rows = columns.map(({ name, type, required, default: initial, comment }) => {
    const key = references.find(({ column }) => column === name);
    const target = key === undefined ? '' : `\`${key.parent}\`, on delete ${key.onDelete}`;
    return [
      name,
      type,
      required ? 'yes' : '',
      initial === null ? '' : `\`${initial}\``,
      [target, comment ?? ''].filter((note) => note !== '').join('; '),
    ];
  });
  return markdownTable(['column', 'type', 'required', 'default', 'notes'], rows);
}

function keyList({ unique, checks, indexes, triggers }: Table): string {
  const list = (title: string, entries: readonly string[]) =>
    entries.length === 0 ? [] : [`- ${title}: ${entries.map((entry) => `\`${entry}\``).join(', ')}`];
  return [
    ...list('unique', unique),
    ...checks.map((check) => `- check: \`${check}\``),
    ...list('indexes', indexes),
    ...list('triggers', triggers),
  ].join('\n');
}

function policyTable({ name: table, policies, forced }: Table): string {
  if (!forced || !policies.some(({ name }) => name === 'service_role_access'))
    throw new Error(`${table} is not secured as the page says of every table`);
  const own = policies.filter(({ name }) => name !== 'service_role_access');
  const [rule] = own;
  if (own.length === 1 && rule !== undefined && isRuleOfTenants(rule.using, rule.check))
    return 'Policies: the rule of tenants.';
  const rows = own.map(({ name, command, using, check }) => [
    name,
    command,
    expression(using),
    check !== null && check === using ? 'the same' : expression(check),
  ]);
  return markdownTable(['policy', 'for', 'using', 'with check'], rows);
}

function isRuleOfTenants(using: string | null, check: string | null): boolean {
  return using === check && expression(using) === '`(tenant_id = ANY ((select visible_tenant_ids())::uuid[]))`';
}

/** Without the names that the server gives to what a subquery selects. */
function expression(text: string | null): string {
  return text === null ? '' : `\`${text.replaceAll(/\( SELECT (\w+\(\)) AS \w+\)/g, '(select $1)')}\``;
}

function viewSection(views: readonly View[]): string {
  const rows = views.map(({ name, columns, comment }) => [name, comment ?? '', columns]);
  return `## Views

They read with the rights, and under the policies, of whoever queries them (\`security_invoker\`).

${markdownTable(['view', 'what it is', 'columns'], rows)}`;
}

function functionSection(functions: readonly Routine[]): string {
  const rows = functions.map(({ name, parameters, result, definer, audience }) => [
    `\`${name}(${parameters})\``,
    `\`${result}\``,
    definer ? 'its owner' : 'the caller',
    audience,
  ]);
  return `## Functions

${markdownTable(['function', 'returns', 'runs with the rights of', 'may be called by'], rows)}`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
