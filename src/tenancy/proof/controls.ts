import { quoteIdentifier } from '../../postgres/quote.ts';
import type { Session } from '../../postgres/session.ts';
import { reachesSchema, tablesInScope } from '../access.ts';
import { classOf, undecidedBecause } from '../answers.ts';
import { type AskLimits, ask } from '../ask.ts';
import { evaluate } from '../evaluate.ts';
import {
  CONTEXTS,
  type Evaluation,
  type ExpressionFacts,
  type PolicyFacts,
  type RlsFacts,
  type RoleFacts,
  type TableFacts,
} from '../facts.ts';
import { isConditional } from './plan-conditions.ts';
import type { TableProof } from './proof.ts';
import { provePolicies } from './prove-policies.ts';

/** Policies whose verdict is known; a proof that misjudges one of them is no proof of anything else. */
interface Control {
  readonly name: string;
  readonly expected: TableProof['verdict'];
  text(column: string): string;
}

const OWN = "lower(nullif(pg_catalog.current_setting('aisha_db.control', true), ''))";

const CONTROLS: readonly Control[] = [
  { name: 'true', expected: 'refuted', text: () => 'true' },
  { name: 'the tenant is itself', expected: 'refuted', text: (column) => `${column} = ${column}` },
  { name: 'nobody', expected: 'not-provable', text: () => 'false' },
  { name: 'the tenant of the session', expected: 'proved', text: (column) => `${column}::text = ${OWN}` },
];

/**
 * Puts policies that are open on purpose, and one that is sound, to the same evaluation and the same judgement as the
 * real ones, before any verdict is given.
 * @returns why the proof cannot be trusted; `undefined` when every control came out as it must, or there is none to try
 */
export async function failedControl(session: Session, facts: RlsFacts, limits: AskLimits): Promise<string | undefined> {
  const usersOf = ({ schema }: TableFacts) => facts.subjects.filter((role) => reachesSchema(facts, role, schema));
  const host = tablesInScope(facts).find(
    (table) =>
      // Whoever may not use its schema is asked nothing there.
      usersOf(table).length > 0 &&
      table.tenantColumn !== undefined &&
      // A list of tenants is no tenant: what the controls compare, it cannot be compared with.
      table.tenantColumn.category !== 'A' &&
      (classOf(facts, table)?.rows.length ?? 0) > 0 &&
      undecidedBecause(facts, table) === undefined,
  );
  if (host === undefined) return undefined;
  const [role] = usersOf(host);
  for (const control of CONTROLS) {
    const text = control.text(quoteIdentifier(host.tenantColumn!.name));
    const planted = await plant(session, facts, { host, role: role! }, text, limits);
    const { verdict } = provePolicies(planted.facts, planted.table);
    if (verdict !== control.expected) return `the control "${control.name}" came out as ${verdict}`;
  }
  return failedPlanControl(session, facts, limits);
}

interface Planted {
  readonly facts: RlsFacts;
  readonly table: TableFacts;
}

/** The host table as if the control were its only policy. */
async function plant(
  session: Session,
  facts: RlsFacts,
  { host, role }: { readonly host: TableFacts; readonly role: RoleFacts },
  text: string,
  limits: AskLimits,
): Promise<Planted> {
  const real = classOf(facts, host)!;
  const subject = {
    text,
    table: host,
    tenantColumn: host.tenantColumn!.name,
    rows: real.rows,
    tenants: real.tenants,
    source: { settings: ['aisha_db.control'], columns: [], claims: undefined },
    roles: [role],
  };
  const evaluations: Evaluation[] = [];
  for (const context of CONTEXTS) evaluations.push(...(await evaluate(session, [subject], context, limits))[0]!);
  const expression: ExpressionFacts = {
    text,
    evaluations,
    perRow: { known: true, value: [] },
    roleComparisons: [],
    calls: [],
    settings: ['aisha_db.control'],
    claims: [],
  };
  const policy: PolicyFacts = {
    oid: 0,
    name: 'control',
    command: 'ALL',
    permissive: true,
    roles: [0],
    using: 'control',
    check: undefined,
    texts: undefined,
    columns: [host.tenantColumn!.number],
    relations: [],
    isPlain: true,
    looksUp: false,
  };
  const all = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const);
  const table: TableFacts = {
    ...host,
    owner: -1,
    rlsEnabled: true,
    rlsForced: true,
    grants: new Map([[0, all]]),
    policies: [policy],
    policyClass: 'control',
  };
  const expressions = { known: true as const, value: new Map([['control', expression]]) };
  const classes = new Map([['control', { ...real, openBecause: undefined, expressions }]]);
  const subjects = [{ ...role, superuser: false, bypassRls: false }];
  const usage = new Map([[host.schema, new Set([0])]]);
  return { facts: { ...facts, subjects, unreachable: [], clients: subjects, classes, usage }, table };
}

/** A plan that reads everything, and one that does not. */
async function failedPlanControl(session: Session, facts: RlsFacts, limits: AskLimits): Promise<string | undefined> {
  const sql = (condition: string) =>
    `explain (costs off, format json) select from pg_catalog.generate_series(1, 2) n ${condition}`;
  const role = facts.reader.name;
  const questions = ['', "where n::text = pg_catalog.current_setting('aisha_db.control', true)"].map((condition) => ({
    role,
    settings: {},
    sql: sql(condition),
  }));
  const answers = await ask(session, questions, limits);
  const found = answers.map((answer) =>
    'error' in answer ? undefined : isConditional(JSON.parse(answer.text ?? '[]')),
  );
  return found[0] === false && found[1] === true
    ? undefined
    : 'a plan without a condition is not told from one with it';
}
