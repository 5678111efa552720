import { runHooks } from '../cli/migration.ts';
import type { Command, Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, ReportTable } from '../report/report.ts';
import { faultNames, LIVE_STATE, loadFault, readFaultNames } from './faults.ts';
import type { SeedPlan } from './plan.ts';
import { type PlantedFault, plantFaults } from './plant.ts';
import { type SeedOptions, seedDatabase } from './seed.ts';

/**
 * The command behind `npm run seed`. It is none of the program that is shipped: what a DBA runs on production has no
 * option that breaks things, and no library for invented names.
 */
export const command: Command = {
  summary: 'fill the schema of the Aisha CRM with realistic data, the same for the same seed',
  description: [
    'Makes rows for every table, of as many tenants as asked for, in one transaction: interrupted or failed, it leaves nothing. The same seed number makes the same bytes. Names include hostile ones: quotes, markup, other scripts, emoji.',
    '--faults plants what the diagnostics look for: orphans, duplicates, missing and broken indexes, open policies and more. A database with faults is for tests: there is no way back but to make it anew.',
  ].join('\n\n'),
  examples: [
    'npm run seed -- --embedded',
    'npm run seed -- --tenants 5 --rows 100000 --database-url postgres://app@localhost/dev',
    'npm run seed -- --list-faults',
    'npm run seed -- --faults missing-foreign-key-index,duplicate-emails-users --yes',
  ],
  database: true,
  failures: ['plan', 'lock', 'rolledBack'],
  configure(command) {
    command
      .option('--tenants <number>', 'how many tenants to make', '3')
      .option('--rows <number>', 'contacts of all tenants together; other tables follow', '1000')
      .option('--seed <number>', 'decides every value', '1')
      .option('--append', 'make more tenants beside the rows that are there')
      .option('--truncate', 'remove all rows of these tables first, except accounts of no tenant')
      .option('--dry-run', 'check everything and show how many rows there would be; write nothing')
      .option('--faults <names>', 'plant these faults afterwards: all, or names with commas between them')
      .option('--no-data', 'plant faults in the rows that are there')
      .option('--list-faults', 'show the faults that can be planted')
      .option('--lock-timeout <duration>', 'how long a statement may wait for a lock');
  },
  async run(context, _args, options) {
    if (options['listFaults'] === true) return faultList();
    const request = readRequest(context, options);
    const target = await context.target();
    if (!request.dryRun && (request.isDestructive || target.environment?.protected)) await context.confirm(target);
    const hooks = runHooks(context, target);
    const plan = request.withData ? await seedDatabase(target, request, hooks) : undefined;
    if (request.dryRun || request.faults.length === 0) return report(plan, [], request);
    try {
      return report(plan, await plantFaults(target, request.faults, request, hooks), request);
    } catch (error) {
      // The rows are there: the report still says so.
      if (!(error instanceof AishaError)) throw error;
      return { ...report(plan, [], request), error };
    }
  },
};

interface Request extends Required<SeedOptions> {
  readonly withData: boolean;
  readonly faults: readonly string[];
  /** Takes something away that was there. */
  readonly isDestructive: boolean;
}

/** @throws AishaError (usage) */
function readRequest({ config }: Context, options: Readonly<Record<string, unknown>>): Request {
  const [append, truncate, dryRun] = ['append', 'truncate', 'dryRun'].map((name) => options[name] === true);
  if (append && truncate)
    throw contradiction('--append', '--truncate', 'Keep the rows that are there, or remove them.');
  const faults = options['faults'] === undefined ? [] : readFaultNames(String(options['faults']));
  const withData = options['data'] !== false;
  if (!withData && faults.length === 0) {
    throw new AishaError('usage', '--no-data leaves nothing to do', {
      hint: 'Name the faults to plant: --faults all.',
    });
  }
  const tenants = readCount('--tenants', options['tenants'], 1, 10_000);
  const rows = readCount('--rows', options['rows'], 1, 100_000_000);
  if (rows < tenants)
    throw contradiction(`--rows ${rows}`, `--tenants ${tenants}`, 'Every tenant has a contact at least.');
  return {
    tenants,
    rows,
    seed: readCount('--seed', options['seed'], 0, 2 ** 31 - 1),
    existing: append ? 'append' : truncate ? 'truncate' : 'refuse',
    dryRun: dryRun === true,
    lockTimeoutMs: config.lockTimeoutMs,
    withData,
    faults,
    isDestructive: truncate === true || faults.length > 0,
  };
}

function contradiction(one: string, other: string, hint: string): AishaError {
  return new AishaError('usage', `${one} and ${other} contradict each other`, { hint });
}

function readCount(option: string, value: unknown, least: number, most: number): number {
  const text = String(value);
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new AishaError('usage', `${option} "${text}" is not a number from ${quantity(least)} to ${quantity(most)}`, {
    hint: 'Write it in digits, without separators.',
  });
}

async function faultList(): Promise<CommandResult> {
  const faults = await Promise.all(
    faultNames().map(async (name) => {
      const { summary, manual, foundBy } = await loadFault(name);
      return { name, summary, manual, ...(foundBy === undefined ? {} : { foundBy }) };
    }),
  );
  return {
    text: `${faults.length} faults. Not in a database, so that they cannot be planted: ${LIVE_STATE.join('; ')}.`,
    tables: [
      {
        columns: ['fault', 'what is wrong', 'manual', 'found by'],
        rows: faults.map((f) => [f.name, f.summary, f.manual, f.foundBy ?? '-']),
      },
    ],
    data: { faults },
  };
}

/** What was made, or would be. */
function report(plan: SeedPlan | undefined, planted: readonly PlantedFault[], request: Request): CommandResult {
  const { seed, dryRun } = request;
  const tenants = plan?.tenants.filter(({ id }) => id !== null) ?? [];
  const sentences = [
    ...(plan === undefined ? [] : [rowsSentence(plan, tenants.length, request)]),
    ...(planted.length === 0 ? [] : [`planted ${counted(planted.length, 'fault')}`]),
  ];
  return {
    text: sentences.join('\n'),
    tables: [...(plan === undefined ? [] : [rowsTable(plan)]), ...(planted.length === 0 ? [] : [faultsTable(planted)])],
    data: {
      ...(plan === undefined
        ? {}
        : {
            seed,
            dryRun,
            tenants: tenants.map(({ id, rows }) => ({ id, contacts: rows['contacts'] })),
            rows: plan.rows,
          }),
      faults: planted,
    },
  };
}

function rowsSentence({ total, rows }: SeedPlan, tenants: number, { seed, dryRun }: Request): string {
  const what = `${quantity(total)} rows of ${counted(tenants, 'tenant')} in ${Object.keys(rows).length} tables`;
  return dryRun ? `would make ${what}, from seed ${seed}; nothing was written` : `made ${what}, from seed ${seed}`;
}

function rowsTable({ rows }: SeedPlan): ReportTable {
  const entries = Object.entries(rows).map(([table, number]) => [table, quantity(number)]);
  return { columns: ['table', 'rows'], rows: entries, alignRight: [1] };
}

function faultsTable(planted: readonly PlantedFault[]): ReportTable {
  const rows = planted.map(({ name, objects }) => {
    const more = objects.length > 1 ? ` and ${objects.length - 1} more` : '';
    return [name, `${objects[0]}${more}`];
  });
  return { columns: ['fault', 'where'], rows };
}
