import { groupBy } from '../../group-by.ts';
import { plain } from '../plain.ts';
import { type Finding, type Report, type Reporter, SEVERITIES, type Unit } from '../report.ts';
import { outcomes } from '../summary.ts';

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly (readonly [Labels, number])[];
}

const STATUSES = ['ok', 'findings', 'failed'] as const;
const CHECK_STATUSES = ['passed', 'failed', 'unknown', 'not-applicable'] as const;

/** What checks measure, in the base units of Prometheus (its page "Metric and label naming"). */
const MEASURES: Readonly<Record<Unit, { readonly suffix: string; readonly help: string; readonly scale: number }>> = {
  bytes: { suffix: 'bytes', help: 'Bytes that a check measured of an object.', scale: 1 },
  milliseconds: { suffix: 'seconds', help: 'Seconds that a check measured of an object.', scale: 0.001 },
  percent: { suffix: 'ratio', help: 'Part that a check measured of an object: 1 is all of it.', scale: 0.01 },
  count: { suffix: 'value', help: 'Number that a check measured of an object.', scale: 1 },
};

/** Series of one check at most: each object's name is one, and a database may have a hundred thousand tables. */
const MOST_OBJECTS = 100;

/**
 * The text exposition format 0.0.4, for node_exporter's textfile collector. Series that are zero are written too: an
 * alert ends when its series falls to 0, not when it vanishes.
 */
export const render: Reporter = (report) => metricsOf(report).filter(isUsed).map(draw).join('');

function metricsOf(report: Report): readonly Metric[] {
  const run = runLabels(report);
  return [
    {
      name: 'aisha_db_run_status',
      help: 'How the run ended: 1 for the status it has, 0 for the others.',
      samples: STATUSES.map((status) => [{ ...run, status }, Number(report.status === status)]),
    },
    { name: 'aisha_db_run_exit_code', help: 'Exit code of the run.', samples: [[run, report.exitCode]] },
    {
      name: 'aisha_db_run_start_time_seconds',
      help: 'When the run started, in seconds since 1970.',
      samples: [[run, Date.parse(report.startedAt) / 1000]],
    },
    {
      name: 'aisha_db_run_duration_seconds',
      help: 'How long the run took.',
      samples: [[run, report.durationMs / 1000]],
    },
    { name: 'aisha_db_checks', help: 'Number of checks by outcome.', samples: checkSamples(report, run) },
    {
      name: 'aisha_db_check_unknown',
      help: 'Whether a check could not be decided: 1 or 0.',
      samples: report.checks.map(({ id, status }) => [{ ...run, check: id }, Number(status === 'unknown')]),
    },
    {
      name: 'aisha_db_findings',
      help: 'Number of findings by check and severity.',
      samples: findingSamples(report, run),
    },
    ...(Object.keys(MEASURES) as Unit[]).map((unit) => measureMetric(unit, report, run)),
    ...ownMeasures(report, run),
  ];
}

function runLabels({ command, target }: Report): Labels {
  if (target === undefined) return { command };
  return { command, host: target.host, port: String(target.port), database: target.database };
}

function checkSamples({ checks }: Report, run: Labels): Metric['samples'] {
  return CHECK_STATUSES.map((status) => [{ ...run, status }, checks.filter((check) => check.status === status).length]);
}

function findingSamples(report: Report, run: Labels): Metric['samples'] {
  return outcomes(report).flatMap(({ id, findings }) =>
    SEVERITIES.map((severity) => {
      const count = findings.filter((finding) => finding.severity === severity).length;
      return [{ ...run, check: id, severity }, count] as const;
    }),
  );
}

function measureMetric(unit: Unit, report: Report, run: Labels): Metric {
  const { suffix, help, scale } = MEASURES[unit];
  const samples = outcomes(report).flatMap(({ id, findings }) =>
    highestPerObject(findings, unit).map(
      ([object, metric]) => [{ ...run, check: id, object }, scaled(metric, scale)] as const,
    ),
  );
  return { name: `aisha_db_finding_${suffix}`, help, samples };
}

/** What the command measured beside its findings. */
function ownMeasures({ measures = [] }: Report, run: Labels): readonly Metric[] {
  return [...groupBy(measures, ({ name }) => name).values()].map((group) => {
    const { name, help, unit } = group[0]!;
    const { suffix, scale } = MEASURES[unit];
    return {
      name: `aisha_db_${name}${unit === 'count' ? '' : `_${suffix}`}`,
      help,
      samples: group.map(({ labels, value }) => [{ ...run, ...labels }, scaled(value, scale)] as const),
    };
  });
}

/** A series may be given once: of several values for one object the highest counts, as do the highest of many objects. */
function highestPerObject(findings: readonly Finding[], unit: Unit): readonly (readonly [string, number])[] {
  const highest = new Map<string, number>();
  for (const { object, metric, unit: own = 'count' } of findings) {
    if (metric === undefined || Number.isNaN(metric) || own !== unit) continue;
    // Different names may look the same once their control characters are shown.
    const name = plain(object);
    highest.set(name, Math.max(metric, highest.get(name) ?? Number.NEGATIVE_INFINITY));
  }
  return [...highest].sort(([, a], [, b]) => b - a).slice(0, MOST_OBJECTS);
}

/** Without the dust of a multiplication: 41 % is 0.41, not 0.41000000000000003. */
function scaled(value: number, scale: number): number {
  return scale === 1 ? value : Number((value * scale).toPrecision(15));
}

function isUsed({ samples }: Metric): boolean {
  return samples.length > 0;
}

function draw({ name, help, samples }: Metric): string {
  const lines = samples.map(([labels, value]) => `${name}{${drawLabels(labels)}} ${drawValue(value)}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

function drawLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${quotable(value)}"`)
    .join(',');
}

function quotable(value: string): string {
  return plain(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

function drawValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
