import { expect, test } from 'vitest';
import { render } from '../../../src/report/reporters/prometheus.ts';
import { clinic, failed, hostile, PIPE } from '../reports.ts';

test('is the text exposition format, zeros included', () => {
  const report = { ...clinic, checks: clinic.checks.slice(1, 2), findings: clinic.findings.slice(0, 1) };
  const labels = 'command="diagnose",host="db.example.com",database="clinic"';
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
# HELP aisha_db_findings Number of findings by check and severity.
# TYPE aisha_db_findings gauge
aisha_db_findings{RUN,check="dead-rows",severity="info"} 0
aisha_db_findings{RUN,check="dead-rows",severity="warning"} 1
aisha_db_findings{RUN,check="dead-rows",severity="critical"} 0
# HELP aisha_db_finding_metric What a check measured of an object.
# TYPE aisha_db_finding_metric gauge
aisha_db_finding_metric{RUN,check="dead-rows",severity="warning",object="public.visits"} 41
`);
});

test('a run without a database has no labels for one', () => {
  expect(render(failed, PIPE)).toContain('aisha_db_run_status{command="migrate",status="failed"} 1\n');
});

test('a series comes once, with the highest value', () => {
  const [finding] = clinic.findings;
  const findings = [7, 9, Number.POSITIVE_INFINITY, 8].map((metric, index) => ({
    ...finding!,
    metric,
    object: index === 2 ? 'endless' : 'public.visits',
  }));
  const lines = render({ ...clinic, findings }, PIPE).split('\n');
  expect(
    lines.filter((line) => line.startsWith('aisha_db_finding_metric')).map((line) => line.split(' ').at(-1)),
  ).toEqual(['9', '+Inf']);
});

test('whatever a name holds, a line is a metric or a comment', () => {
  for (const line of render(hostile, PIPE).trimEnd().split('\n')) {
    expect(line).toMatch(
      /^(?:# (?:HELP|TYPE) aisha_db_\w+ .+|aisha_db_\w+\{(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+\} \S+)$/,
    );
  }
});
