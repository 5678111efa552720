import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/prometheus.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is the text exposition format, zeros included', () => {
  const report = { ...clinic, checks: clinic.checks.slice(1, 2), findings: clinic.findings.slice(0, 1) };
  const labels = 'command="diagnose",host="db.example.com",port="5432",database="clinic"';
  expect(
    render(report, PIPE).replaceAll(labels, 'RUN'),
  ).toBe(`# HELP aisha_db_run_status How the run ended: 1 for the status it has, 0 for the others.
# TYPE aisha_db_run_status gauge
aisha_db_run_status{RUN,status="ok"} 0
aisha_db_run_status{RUN,status="findings"} 1
aisha_db_run_status{RUN,status="failed"} 0
# HELP aisha_db_run_exit_code Exit code of the run.
# TYPE aisha_db_run_exit_code gauge
aisha_db_run_exit_code{RUN} 1
# HELP aisha_db_run_start_time_seconds When the run started, in seconds since 1970.
# TYPE aisha_db_run_start_time_seconds gauge
aisha_db_run_start_time_seconds{RUN} 1772344800
# HELP aisha_db_run_duration_seconds How long the run took.
# TYPE aisha_db_run_duration_seconds gauge
aisha_db_run_duration_seconds{RUN} 1.25
# HELP aisha_db_checks Number of checks by outcome.
# TYPE aisha_db_checks gauge
aisha_db_checks{RUN,status="passed"} 0
aisha_db_checks{RUN,status="failed"} 1
aisha_db_checks{RUN,status="unknown"} 0
aisha_db_checks{RUN,status="not-applicable"} 0
# HELP aisha_db_check_unknown Whether a check could not be decided: 1 or 0.
# TYPE aisha_db_check_unknown gauge
aisha_db_check_unknown{RUN,check="dead-rows"} 0
# HELP aisha_db_findings Number of findings by check and severity.
# TYPE aisha_db_findings gauge
aisha_db_findings{RUN,check="dead-rows",severity="info"} 0
aisha_db_findings{RUN,check="dead-rows",severity="warning"} 1
aisha_db_findings{RUN,check="dead-rows",severity="critical"} 0
# HELP aisha_db_finding_ratio Part that a check measured of an object: 1 is all of it.
# TYPE aisha_db_finding_ratio gauge
aisha_db_finding_ratio{RUN,check="dead-rows",object="public.visits"} 0.41
`);
});

test('a run without a database has no labels for one', () => {
  expect(render(failed, PIPE)).toContain('aisha_db_run_status{command="migrate",status="failed"} 1\n');
});

const [finding] = clinic.findings;

function series(findings: typeof clinic.findings): string[] {
  const text = render({ ...clinic, findings }, PIPE);
  return text.split('\n').filter((line) => line.startsWith('aisha_db_finding_'));
}

test('what is measured is named for its base unit', () => {
  const units = [undefined, 'count', 'bytes', 'milliseconds', 'percent'] as const;
  const findings = units.map((unit, index) => ({
    ...{ check: 'c', severity: 'info' as const, object: `o${index}`, message: 'm', metric: 1500 },
    ...(unit === undefined ? {} : { unit }),
  }));
  expect(series(findings).map((line) => line.replace(/\{.*object="(.*)"\}/, ' $1'))).toEqual([
    'aisha_db_finding_bytes o2 1500',
    'aisha_db_finding_seconds o3 1.5',
    'aisha_db_finding_ratio o4 15',
    'aisha_db_finding_value o0 1500',
    'aisha_db_finding_value o1 1500',
  ]);
});

test('a series comes once, with the highest value', () => {
  const metrics = [7, 9, Number.POSITIVE_INFINITY, 8, Number.NaN];
  const findings = metrics.map((metric, index) => ({
    ...finding!,
    metric,
    object: index === 2 ? 'endless' : 'visits',
  }));
  expect(series(findings).map((line) => line.split(' ').at(-1))).toEqual(['+Inf', '0.09']);
});

test('of many objects the hundred highest of each check are series', () => {
  const findings = Array.from({ length: 500 }, (_, index) => ({ ...finding!, metric: index, object: `t${index}` }));
  expect(series(findings)).toHaveLength(100);
  expect(series(findings)[99]).toContain('object="t400"');
});

test('whatever a name holds, a line is a metric or a comment', () => {
  for (const line of render(hostile, PIPE).trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(?:# (?:HELP|TYPE) aisha_db_\w+ .+|aisha_db_\w+\{(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+\} \S+)$/,
    );
  }
});
