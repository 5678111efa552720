import { relative } from 'node:path';
import type { Context } from '../commands/command.ts';
import { AishaError } from '../errors.ts';
import { scaffold } from '../migrations/scaffold.ts';
import { readConvertFacts } from '../partitions/convert-catalog.ts';
import type { ConvertFacts, ConvertRequest } from '../partitions/convert-facts.ts';
import { type ConvertPlan, planConversion } from '../partitions/convert-plan.ts';
import { convertSql } from '../partitions/convert-sql.ts';
import { STEPS, type Step } from '../partitions/plan.ts';
import { formatRange, nameOf } from '../partitions/result.ts';
import type { Session } from '../postgres/session.ts';
import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult } from '../report/report.ts';
import { authorFromGit } from './author.ts';
import { migrationSource } from './migration.ts';

/** What the command line says of a conversion. */
export interface ConvertOptions extends Pick<ConvertRequest, 'ahead' | 'now'> {
  readonly since: string | undefined;
  readonly table: string;
  readonly by: string;
  readonly interval: string;
  readonly dryRun: boolean;
}

/** Writes the migration that partitions a table, as `new` would; runs nothing of it. */
export async function writeConversion(
  context: Context,
  session: Session,
  { table, by, interval, dryRun, ahead, now, since }: ConvertOptions,
): Promise<CommandResult> {
  const step = readStep(interval);
  const { schema, name } = await findTable(session, table);
  const facts = await readConvertFacts(session, schema, name, { column: by, step });
  if (facts === undefined) throw unknownTable(table);
  const request = { column: by, step, ahead, now, since: readSince(since) };
  const plan = planConversion(facts, request);
  const sql = convertSql(facts, request, plan);
  const file = dryRun ? undefined : relative(context.cwd, await writeFile(context, facts, plan, sql));
  return result(facts, plan, request, sql.forward, file);
}

function readStep(text: string): Step {
  const step = STEPS.find((known) => known === text);
  if (step !== undefined) return step;
  throw new AishaError('usage', `--interval "${text}" is no length of partitions`, {
    hint: `It is one of ${STEPS.join(', ')}.`,
  });
}

function readSince(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}(-\d{2}(-\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new AishaError('usage', `--since "${text}" is not a date`, { hint: 'Write it as 2024-01-01.' });
}

async function findTable(
  session: Session,
  wanted: string,
): Promise<{ readonly schema: string; readonly name: string }> {
  const [found] = await session.query<{ schema: string; name: string }>(
    `select n.nspname::text as schema, c.relname::text as name
     from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = $1`,
    [wanted],
  );
  if (found === undefined) throw unknownTable(wanted);
  return found;
}

function unknownTable(name: string): AishaError {
  return new AishaError('usage', `no table is called ${name}`, {
    hint: 'Write it as SCHEMA.NAME, without quotes: public.activities.',
  });
}

async function writeFile(
  context: Context,
  facts: ConvertFacts,
  plan: ConvertPlan,
  sql: ReturnType<typeof convertSql>,
): Promise<string> {
  const { table } = facts;
  const label = nameOf(table);
  const [file] = await scaffold(migrationSource(context), {
    name: `partition_${table.name}`,
    rollback: true,
    author: authorFromGit(context.cwd),
    date: new Date().toLocaleDateString('sv-SE'),
    dependsOn: undefined,
    content: {
      description: `Partition ${label} by time`.replace(/\s+/g, ' '),
      directives: ['Transaction: none', 'On-Interruption: repeat', 'Lock-Timeout: 2s', 'Statement-Timeout: 0'],
      breakingChanges:
        plan.lost.length === 0 ? ['None'] : plan.lost.map(({ object, message }) => `${object}: ${message}`),
      newTables: [`${label}: partitioned, ${counted(plan.partitions.length, 'partition')} and a default one`],
      modifiedTables: [`${label}: becomes ${table.schema}.${plan.names.old}`],
      indexesAdded: ['None'],
      sql: sql.forward,
      rollbackSql: sql.rollback,
    },
  });
  return file!;
}

function result(
  facts: ConvertFacts,
  plan: ConvertPlan,
  { column, step }: ConvertRequest,
  sql: string,
  file: string | undefined,
): CommandResult {
  const { table, steps } = facts;
  const { partitions, outside, lost, names } = plan;
  const label = nameOf(table);
  const rows = steps.reduce((sum, one) => sum + one.rows, 0);
  const range = { from: partitions[0]!.from, to: partitions.at(-1)!.to };
  const what = `${table.isHidden ? 'rows' : counted(rows, 'row')} of ${label} into ${counted(partitions.length, 'partition')} by ${column}, a ${step} each, ${formatRange(range)}`;
  return {
    text:
      file === undefined
        ? `${sql}\n-- Would be written, and nothing was: ${what}`
        : `wrote ${file} and the file that undoes it, and ran nothing of them: ${what}; aisha-db rehearse, then aisha-db migrate`,
    checks: [{ id: 'partition-convert', title: 'The table can be partitioned', status: 'passed' }],
    findings: [
      ...lost.map(({ object, message }) => ({
        check: 'partition-convert',
        severity: 'info' as const,
        object,
        message,
      })),
      ...(outside === 0
        ? []
        : [
            {
              check: 'partition-convert',
              severity: 'info' as const,
              object: label,
              message: `${counted(outside, 'row')} of other times go into the default partition`,
              metric: outside,
              unit: 'count' as const,
            },
          ]),
    ],
    tables: [
      {
        columns: ['table', 'rows', 'size', 'partitions', 'old table stays as'],
        alignRight: [1, 2, 3],
        rows: [
          [
            label,
            table.isHidden ? 'hidden' : quantity(rows),
            quantity(table.bytes, 'bytes'),
            quantity(partitions.length),
            names.old,
          ],
        ],
      },
    ],
    data: {
      dryRun: file === undefined,
      file: file ?? null,
      rows: table.isHidden ? null : rows,
      outside: table.isHidden ? null : outside,
      partitions: partitions.map(({ name }) => name),
      lost,
      ...(file === undefined ? { sql } : {}),
    },
  };
}
