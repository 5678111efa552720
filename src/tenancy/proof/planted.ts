import { quoteLiteral } from '../../postgres/quote.ts';
import type { Outcome } from './judge-probes.ts';
import { type ProbeSetup, type ProbeTable, passageOf, probesIn } from './probes.ts';
import type { Step, Tried } from './run-probes.ts';

// Tables that are open on purpose, planted in the transaction of the proof: what does not catch them catches nothing.

/** A policy that lets everything through; and one under which a tenant sees nothing but reaches everything blindly. */
const NAMES = { open: 'aisha_db_open', blind: 'aisha_db_blind' } as const;

/** The view that is open on purpose. */
export const OPEN_WAY = 'aisha_db_way';

type Control = keyof typeof NAMES;
const CONTROLS: readonly Control[] = ['open', 'blind'];

/** Makes both, with a row of each tenant; they are temporary and go with the transaction. */
export function plantingSteps(type: string, tenants: readonly [string, string]): Step[] {
  const rows = tenants.map((id) => `(${quoteLiteral(id)}::${type})`).join(', ');
  const planting = CONTROLS.flatMap((control) => {
    const name = `pg_temp.${NAMES[control]}`;
    const policies =
      control === 'open'
        ? [`create policy open on ${name} using (true)`]
        : ['update', 'delete'].map((command) => `create policy open_${command} on ${name} for ${command} using (true)`);
    return [
      `create temporary table ${NAMES[control]} (tenant_id ${type}) on commit drop`,
      `insert into ${name} values ${rows}`,
      `alter table ${name} enable row level security`,
      ...policies,
      `grant select, insert, update, delete on ${name} to public`,
    ];
  });
  return planting.map((sql) => ({ role: undefined, settings: {}, sql }));
}

/** The view that counts the rows of everybody, and a row that it has to count. */
export const COUNTING_WAY = 'aisha_db_count';
export const countedRow = (type: string, tenant: string): Step => ({
  role: undefined,
  settings: {},
  sql: `insert into pg_temp.${NAMES.blind} values (${quoteLiteral(tenant)}::${type})`,
});

/** Makes a view that shows its users what its owner sees of the planted table of which they may see nothing. */
export function plantingStepsOfWay(): Step[] {
  return [
    `create temporary view ${OPEN_WAY} as select * from pg_temp.${NAMES.blind}`,
    `grant select on pg_temp.${OPEN_WAY} to public`,
    `create temporary view ${COUNTING_WAY} as select pg_catalog.count(*) from pg_temp.${NAMES.blind}`,
    `grant select on pg_temp.${COUNTING_WAY} to public`,
  ].map((sql) => ({ role: undefined, settings: {}, sql }));
}

/** Why what is tried on ways cannot be trusted: what comes through the planted view was not seen. */
export function uncaughtWay(tried: Tried): string | undefined {
  if ('rows' in tried && tried.rows > 0) return undefined;
  const why = 'error' in tried ? `: ${tried.error}` : '';
  return `a view that is open on purpose was not caught${why}`;
}

/** The probes of a real table, as they would be for the planted ones. */
function controlProbes(real: ProbeSetup): readonly { readonly control: Control; readonly setup: ProbeSetup }[] {
  return CONTROLS.map((control) => {
    const table: ProbeTable = {
      schema: 'pg_temp',
      name: NAMES[control],
      tenantColumn: { name: 'tenant_id', type: real.table.tenantColumn.type },
      ownerKeys: [],
      sample: undefined,
      isSearchable: true,
      isOfTenants: false,
    };
    const values = new Map([['tenant_id', `${quoteLiteral(real.other.key)}::${table.tenantColumn.type}`]]);
    const role = {
      ...real.role,
      commands: new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const),
      updatable: ['tenant_id'],
      insertable: new Set(['tenant_id']),
      readsOwner: true,
      readsPlaces: true,
    };
    const own = { ...real.own, isAbsent: false };
    const other = { ...real.other, values, isDeletable: true, isAbsent: false };
    const seer = () => ({ role: undefined, settings: {} });
    return { control, setup: { ...real, table, role, own, other, seer, isCountable: true } };
  });
}

/** The planted probes in the context of the own tenant. */
export function probesOfControls(real: ProbeSetup) {
  return controlProbes(real).flatMap(({ control, setup }) =>
    probesIn(setup, 'own').map((probe) => ({ control, probe })),
  );
}

/** Why the probes cannot be trusted: what should have got through did not. `undefined` when all of it did. */
export function uncaught(outcomes: readonly (Outcome & { readonly control: Control })[]): string | undefined {
  for (const { control, probe, tried } of outcomes) {
    const isBlind = probe.kind.startsWith('blind');
    if (control === 'blind' && !isBlind) continue;
    if (passageOf(probe, tried) === 'through') continue;
    const why = 'error' in tried ? `: ${tried.error}` : '';
    return `a table that is open on purpose was not caught by "${probe.kind}"${why}`;
  }
  return undefined;
}
