import type { Definition } from './definition.ts';

/** The one check that asks files and not the server: `src/cli/secret-files.ts` looks, judging is as for all others. */
export const SECRET_IN_FILE: Definition = {
  id: 'secret-in-file',
  file: 'secret-in-file',
  title: 'No secret stands in the SQL files',
  category: 'security',
  severity: 'critical',
  thresholds: [],
  windowDays: undefined,
  minPg: undefined,
  maxPg: undefined,
  needs: [],
  onRequest: undefined,
  message: 'line {line} holds what looks like {kind}',
  remediation:
    'Change the secret where it is used, and read it from outside of the file. A file that was applied stays as it is: mute this finding with the reason.',
  metric: undefined,
  table: [],
  chart: undefined,
  why: 'Whoever can read the repository, now or in its history, has what stands in it. Looked through are the folders of migrations, rollbacks and fixes, comments included: keys whose issuers mark them, passwords of roles and in URLs, and strings that look random after a name that says secret. Their text is never shown.',
  manual: '12.4',
  header: '-- Not a query: aisha-db security-check looks through the SQL files.',
  sql: "select 'aisha-db security-check looks through the SQL files' as note",
};
