import { plain } from '../plain.ts';
import { type Report, type Reporter, SEVERITIES } from '../report.ts';
import { outcomes } from '../summary.ts';

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly (readonly [Labels, number])[];
}

const STATUSES = ['ok', 'findings', 'failed'] as const;
const CHECK_STATUSES = ['passed', 'failed', 'unknown', 'not-applicable'] as const;

/**
 * The text exposition format, for node_exporter's textfile collector. Series that are zero are written too: an alert
 * ends when its series falls to 0, not when it vanishes.
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
      name: 'aisha_db_findings',
      help: 'Number of findings by check and severity.',
      samples: findingSamples(report, run),
    },
    {
      name: 'aisha_db_finding_metric',
      help: 'What a check measured of an object.',
      samples: metricSamples(report, run),
    },
  ];
}

function runLabels({ command, target }: Report): Labels {
  return target === undefined ? { command } : { command, host: target.host, database: target.database };
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

/** A series may be given once: of several values for one object the highest counts. */
function metricSamples({ findings }: Report, run: Labels): Metric['samples'] {
  const highest = new Map<string, readonly [Labels, number]>();
  for (const { check, severity, object, metric } of findings) {
    if (metric === undefined) continue;
    const key = JSON.stringify([check, severity, object]);
    if (metric > (highest.get(key)?.[1] ?? Number.NEGATIVE_INFINITY)) {
      highest.set(key, [{ ...run, check, severity, object }, metric]);
    }
  }
  return [...highest.values()];
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
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
