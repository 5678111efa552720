import { quoteIdentifier } from '../postgres/quote.ts';
import { type CommandResult, type Finding, type ReportTable, SEVERITIES, type Severity } from '../report/report.ts';
import { inOrder, tablesInScope } from './access.ts';
import { undecidedBecause } from './answers.ts';
import type { RlsFacts, RoleFacts, TableFacts } from './facts.ts';
import type { TenancyFinding, Verdict } from './judge.ts';
import type { NamedCheck } from './load-checks.ts';
import { displayPath } from './names.ts';
import type { TableProof, WayProof } from './proof/proof.ts';
import { controlCheck, PROOF_CHECK } from './proof/proof-check.ts';
import type { Proof } from './proof/prove.ts';
import { foundTenants, scopeChecks } from './scope-checks.ts';
import { unshownTables } from './unshown.ts';

/** The report of `rls-check`: what the contract calls `data.tables`, and what else the catalog says. */
export function toResult(facts: RlsFacts, verdict: Verdict, proof?: Proof): CommandResult {
  const tables = tablesInScope(facts);
  const verdicts = proof === undefined ? judgeTables(facts, tables, verdict) : provedTables(proof);
  const proofs = new Map(proof?.tables.map((one) => [one.table.oid, one]));
  const idle: Finding[] = verdict.idle.map(({ check, object, policy }) => ({
    check: 'idle-exception',
    severity: 'info',
    object,
    message: `the exception from ${check}${policy === undefined ? '' : ` for policy ${policy}`} covers nothing any more`,
    remediation: 'Take it out of the configuration, so that it does not hide the next finding of that name.',
  }));
  return {
    text: summary(facts, tables),
    checks: [...scopeChecks(facts), proof === undefined ? foundTenants(facts) : controlCheck(proof), ...verdict.checks],
    findings: [...verdict.findings.map(publicFinding), ...idle],
    data: {
      schemas: facts.schemas,
      exposure: facts.exposure,
      roles: rolesData(facts),
      tables: tables.map((table) => tableData(facts, table, verdicts, proofs)),
      views: inOrder([...facts.views.values()].filter(({ inScope }) => inScope)).map((view) => ({
        view: displayPath(view),
        kind: view.kind,
        securityInvoker: view.securityInvoker,
      })),
      ...(proof?.ways === undefined ? {} : { ways: proof.ways }),
      exceptions: verdict.excepted.map(({ finding, reason }) => ({ ...publicFinding(finding), reason })),
    },
    tables: [
      tablesTable(tables, verdicts),
      ...(proof?.ways?.length ? [waysTable(proof.ways)] : []),
      ...(proof === undefined ? [] : openTable(proof, verdict)),
    ],
  };
}

/** The report where the catalog itself is closed to the role: every question stays open, and says what would help. */
export function toBlindResult(
  checks: readonly NamedCheck[],
  { message }: { readonly message: string },
  reader: string,
): CommandResult {
  const [, catalog] = /for (?:table|view|relation) (\w+)/.exec(message) ?? [];
  const remediation =
    catalog === undefined
      ? 'Run as a role that may read the system catalogs.'
      : `grant select on pg_catalog.${quoteIdentifier(catalog)} to ${quoteIdentifier(reader)};`;
  return {
    text: `nothing could be looked at: ${message}`,
    checks: checks.map(({ id, title }) => ({ id, title, status: 'unknown', reason: message, remediation })),
    data: { tables: [] },
  };
}

function summary(facts: RlsFacts, tables: readonly TableFacts[]): string {
  const secured = tables.filter(({ rlsEnabled }) => rlsEnabled).length;
  const forced = tables.filter(({ rlsEnabled, rlsForced }) => rlsEnabled && rlsForced).length;
  return `${tables.length} tables in ${facts.schemas.join(', ') || 'no schema'}: RLS is enabled on ${secured}, forced on ${forced}`;
}

/** What a report prints: `policy` and `fix` are in its details and its remediation. */
function publicFinding({ policy: _, fix: __, groundwork: ___, ...finding }: TenancyFinding): Finding {
  return finding;
}

function rolesData(facts: RlsFacts): Record<string, unknown> {
  const names = (roles: readonly RoleFacts[]) => roles.map(({ name }) => name);
  return {
    clients: names(facts.clients),
    evaluatedAs: names(facts.subjects),
    notEvaluatedAs: names(facts.unreachable),
    bypassing: names([...facts.roles.values()].filter((role) => role.superuser || role.bypassRls)),
  };
}

type TableVerdict = 'critical' | 'warning' | 'unknown' | 'ok' | TableProof['verdict'];
type Verdicts = ReadonlyMap<number, TableVerdict>;

/** The worst of each table: what was found, that it could not be looked at, or nothing that is not meant so. */
function judgeTables(facts: RlsFacts, tables: readonly TableFacts[], { findings }: Verdict): Verdicts {
  const worst = new Map<string, Severity>();
  for (const { object, severity } of findings)
    if (SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(worst.get(object) ?? 'info')) worst.set(object, severity);
  const unshown = new Set(unshownTables(facts));
  return new Map(
    tables.map((table) => {
      const found = worst.get(displayPath(table));
      if (found === 'critical') return [table.oid, found];
      if (undecidedBecause(facts, table) !== undefined || unshown.has(table)) return [table.oid, 'unknown'];
      return [table.oid, found === 'warning' ? found : 'ok'];
    }),
  );
}

/** A proof says more of a table than that nothing was found. */
function provedTables({ tables }: Proof): Verdicts {
  return new Map(tables.map(({ table, verdict }) => [table.oid, verdict]));
}

type Proofs = ReadonlyMap<number, TableProof>;

function proofData(proofs: Proofs, { oid }: TableFacts): Record<string, unknown> {
  const found = proofs.get(oid);
  if (found === undefined) return {};
  const { level, reason, statement, roles } = found;
  return { proof: { level, reason, statement, roles } };
}

function tableData(facts: RlsFacts, table: TableFacts, verdicts: Verdicts, proofs: Proofs): Record<string, unknown> {
  const { tenantColumn } = table;
  return {
    table: displayPath(table),
    kind: table.kind,
    owner: facts.roles.get(table.owner)?.name ?? null,
    rlsEnabled: table.rlsEnabled,
    rlsForced: table.rlsForced,
    policies: table.policies.map(({ name, command, permissive, roles }) => ({
      name,
      command,
      permissive,
      roles: roles.map((oid) => (oid === 0 ? 'public' : (facts.roles.get(oid)?.name ?? String(oid)))),
    })),
    tenantColumn: tenantColumn === undefined ? null : { name: tenantColumn.name, type: tenantColumn.type },
    verdict: verdicts.get(table.oid),
    ...proofData(proofs, table),
  };
}

function tablesTable(tables: readonly TableFacts[], verdicts: Verdicts): ReportTable {
  const state = ({ kind, rlsEnabled, rlsForced }: TableFacts) =>
    kind === 'foreign' ? 'impossible' : rlsEnabled ? (rlsForced ? 'forced' : 'enabled') : 'off';
  return {
    columns: ['table', 'rls', 'policies', 'tenant column', 'verdict'],
    alignRight: [2],
    rows: tables.map((table) => [
      displayPath(table),
      state(table),
      String(table.policies.length),
      table.tenantColumn === undefined ? '-' : `${table.tenantColumn.name} ${table.tenantColumn.type}`,
      verdicts.get(table.oid) ?? '',
    ]),
  };
}

function waysTable(ways: readonly WayProof[]): ReportTable {
  return {
    title: 'Ways around the tables',
    columns: ['object', 'kind', 'verdict'],
    rows: ways.map(({ object, kind, verdict }) => [object, kind, verdict]),
  };
}

/** Why the rest could not be proved, where what was refuted has the check's word. */
function openTable({ tables, ways = [] }: Proof, { checks }: Verdict): ReportTable[] {
  if (!checks.some(({ id, status }) => id === PROOF_CHECK && status === 'failed')) return [];
  const open = [...tables.map((one) => ({ ...one, object: displayPath(one.table) })), ...ways].filter(
    ({ verdict }) => verdict === 'not-provable',
  );
  if (open.length === 0) return [];
  return [
    {
      title: 'Not provable',
      columns: ['object', 'why'],
      rows: open.map(({ object, reason = '' }) => [object, reason]),
    },
  ];
}
