import { type Header, headerLine, headerList, headerValue } from './header.ts';
import { compareNames, type MigrationName, parseName, rollbackNameOf } from './name.ts';
import type { PlanProblem, PlanWarning } from './plan.ts';
import type { PsqlProblem } from './psql.ts';
import type { Script } from './script.ts';
import { timeoutProblems } from './timeouts.ts';

/** Names a header may refer to. */
export interface KnownFiles {
  readonly migrations: readonly MigrationName[];
  readonly rollbacks: ReadonlySet<string>;
}

export interface ScriptFindings {
  readonly problems: readonly PlanProblem[];
  readonly warnings: readonly PlanWarning[];
}

/** Everything about pending files that their content tells, before any of it runs. */
export function checkScripts(scripts: readonly Script[], known: KnownFiles, finalFrom: number): ScriptFindings {
  const problems: PlanProblem[] = [];
  const warnings: PlanWarning[] = [];
  for (const script of scripts) {
    problems.push(...script.problems.map((p) => placed(script.file, p)));
    problems.push(
      ...[...script.header.problems, ...timeoutProblems(script.header)].map((p) =>
        headerProblem(script, p.line, p.message),
      ),
    );
    problems.push(...dependencyProblems(script, known, finalFrom));
    warnings.push(...headerWarnings(script, known));
    warnings.push(
      ...script.warnings.map((w) => ({
        check: 'enum-label',
        file: script.file,
        message: `line ${w.line}: ${w.message}`,
        hint: w.hint,
      })),
    );
    if (script.mode.kind === 'empty' && script.problems.length === 0)
      warnings.push({
        check: 'empty-file',
        file: script.file,
        message: 'holds no statement; it is recorded as applied',
      });
    if (script.mode.kind === 'test') {
      warnings.push({
        check: 'test-file',
        file: script.file,
        message: 'ends in ROLLBACK: a test, not a migration; it is not run',
        hint: `Run it by name: aisha-db migrate --only ${script.file}.`,
      });
    }
  }
  return { problems, warnings };
}

export function placed(file: string, p: PsqlProblem): PlanProblem {
  return { file: p.file || file, kind: 'plan', message: p.message, hint: p.hint, line: p.line, column: p.column };
}

function headerProblem(script: Script, line: number, message: string): PlanProblem {
  return { file: script.file, kind: 'plan', message, hint: 'Mend the header at the top of the file.', line, column: 1 };
}

/** Dependencies must be there, and come earlier in the order. */
function dependencyProblems(script: Script, known: KnownFiles, finalFrom: number): PlanProblem[] {
  const own = parseName(script.file, finalFrom);
  const line = headerLine(script.header, 'Dependencies');
  return dependenciesOf(script.header).flatMap((dependency) => {
    const found = resolveDependency(dependency, known.migrations);
    if (found.length === 0)
      return [headerProblem(script, line, `depends on ${dependency}, which is not in the folder`)];
    const late = found.find((name) => compareNames(name, own) >= 0);
    return late ? [headerProblem(script, line, `depends on ${late.file}, which does not come before it`)] : [];
  });
}

/** A number as file names begin with it: `012`, `155a`, `20251217`, `2025-12-17`. */
const NUMBER = /^(?:\d+[A-Za-z]{0,3}|\d{4}-\d{2}-\d{2})$/;

/** Entries that name a file or a number; free text ("PostgreSQL 15") is no dependency on a migration. */
export function dependenciesOf(header: Header): string[] {
  return headerList(header, 'Dependencies')
    .map((entry) => entry.replace(/\s*\(.*\)$/, ''))
    .filter((entry) => NUMBER.test(entry) || /^[\d-]+[A-Za-z]{0,3}_\S+$/.test(entry) || /\.sql$/i.test(entry));
}

/** Files that a dependency names: by file name, with or without its ending, or by number. */
export function resolveDependency(dependency: string, migrations: readonly MigrationName[]): MigrationName[] {
  const byName = migrations.filter((name) => name.file === dependency || name.file === `${dependency}.sql`);
  if (byName.length > 0 || !NUMBER.test(dependency)) return byName;
  const wanted = parseName(`${dependency}_x.sql`).version;
  return migrations.filter(
    (name) =>
      name.version?.value === wanted?.value &&
      name.version?.suffix === wanted?.suffix &&
      name.version?.kind === wanted?.kind,
  );
}

function headerWarnings(script: Script, known: KnownFiles): PlanWarning[] {
  const warnings: PlanWarning[] = [];
  const named = headerValue(script.header, 'Migration');
  if (named !== undefined && named !== script.file && `${named}.sql` !== script.file) {
    warnings.push({
      check: 'header-name',
      file: script.file,
      message: `its header says it is ${named}`,
      hint: 'Correct the header or the file name.',
    });
  }
  const rollback = headerValue(script.header, 'Rollback');
  if (rollback !== undefined && /\.sql$/i.test(rollback) && !known.rollbacks.has(rollback)) {
    warnings.push({
      check: 'rollback-missing',
      file: script.file,
      message: `its header names ${rollback}, which does not exist`,
      hint: `Write it (aisha-db new --rollback makes ${rollbackNameOf(script.file)}), or say "Rollback: None (why)".`,
    });
  }
  return warnings;
}
