import { z } from 'zod';
import { BACKUP_CLASSES } from './backup/settings.ts';
import { DURATION, LONGEST_MS } from './duration.ts';
import { HOURS } from './maintenance/pace.ts';
import { MASK_KINDS } from './rehearsal/settings.ts';

/** How a pending file with a number that is already applied is met. */
const duplicates = z.enum(['refuse-new', 'allow', 'refuse']);

const path = z.string().min(1);

const aDuration = {
  error: 'expected a duration such as "500ms", "5s", "2min", "1h", or a whole number of milliseconds',
};
const duration = z.union(
  [z.int(aDuration).min(0, aDuration).max(LONGEST_MS, aDuration), z.string().regex(DURATION, aDuration)],
  aDuration,
);

/** PostgreSQL cuts longer names off (docs 4.1.1): 63 bytes. */
const identifier = z
  .string()
  .min(1)
  .max(63)
  .refine((name) => Buffer.byteLength(name) <= 63, { error: 'expected a name of at most 63 bytes' });

const severities = z.enum(['info', 'warning', 'critical']);
const condition = z.union([z.string().min(1), z.null()]);

const day = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d$/, { error: 'expected a day such as "2026-12-31"' })
  .refine((text) => !Number.isNaN(Date.parse(text)), { error: 'expected a day of the calendar' });

const checkSettings = z.strictObject({
  enabled: z.boolean().optional().describe('false: the check is not run.'),
  reason: z.string().min(1).optional().describe('Why it is not run; the report says it.'),
  severity: severities.optional().describe('Severity of every finding of the check.'),
  thresholds: z
    .partialRecord(severities, condition)
    .optional()
    .describe('Conditions in place of its own: { "warning": "bytes >= 1 GB and percent >= 40", "critical": null }.'),
  windowDays: z.int().min(0).optional().describe('Days its counters must cover before anything is concluded.'),
});

const mute = z.strictObject({
  check: z.string().min(1).describe('Identifier of the check.'),
  object: z.string().min(1).optional().describe('Name of the object as the report writes it; * is any text.'),
  fingerprint: z.string().min(1).optional().describe('Fingerprint of the finding, in place of its object.'),
  reason: z.string().min(1).describe('Why it is accepted.'),
  until: day.describe('Last day on which it is accepted.'),
});

const diagnostics = z.strictObject({
  checksDir: path.optional().describe("Folder of the project's own checks, beside those that are shipped."),
  runsDir: path.optional().describe('Folder for the runs of diagnose --save. Default: a table beside the ledger.'),
  connections: z.int().min(1).max(8).optional().describe('How many checks run side by side. Default: 3.'),
  timeout: duration.optional().describe('How long one check may run. 0: for ever. Default: "15s".'),
  ignoreSchemas: z.array(identifier).optional().describe('Schemas that are not looked at.'),
  checks: z
    .record(z.string(), checkSettings)
    .optional()
    .describe('By check: thresholds, severity, enabled, reason, windowDays.'),
  mutes: z.array(mute).optional().describe('Findings that are accepted for a while.'),
});

const addedRelation = z.strictObject({
  table: z.string().min(1).describe('Table whose rows refer, as reports write it: "public.activities".'),
  columns: z.array(identifier).min(1).describe('Its columns.'),
  parent: z.string().min(1).describe('Table they refer to.'),
  parentColumns: z.array(identifier).min(1).optional().describe('Its columns. Default: its primary key.'),
  match: z.enum(['simple', 'full']).optional().describe('What a NULL in a composite key means. Default: "simple".'),
  when: z
    .strictObject({ column: identifier, value: z.string() })
    .optional()
    .describe('Only rows with this value refer there: { "column": "related_type", "value": "contact" }.'),
  reason: z.string().min(1).optional().describe('How it is known.'),
});

const excludedRelation = z.strictObject({
  relation: z.string().min(1).describe('Relation as the report names it; * is any text.'),
  reason: z.string().min(1).describe('Why it is not looked at.'),
});

const orphans = z.strictObject({
  timeout: duration.optional().describe('How long counting one relation may take. 0: for ever. Default: "30s".'),
  add: z.array(addedRelation).optional().describe('Relations that neither a foreign key nor a name tells.'),
  exclude: z.array(excludedRelation).optional().describe('Relations that are not looked at.'),
});

const days = z.union([z.int().min(0), z.null()], { error: 'expected a number of days, or null to keep for ever' });

const keepDays = z.strictObject({
  'on-demand': days.optional().describe('Default: 7.'),
  'pre-migration': days.optional().describe('Default: 7.'),
  daily: days.optional().describe('Default: 7.'),
  weekly: days.optional().describe('Default: 28.'),
  quarterly: days.optional().describe('Default: null, for ever.'),
});

const age = z.union([duration, z.null()], { error: 'expected a duration such as "26h", or null when nobody waits' });

const maxAge = z.strictObject({
  'on-demand': age.optional().describe('Default: null.'),
  'pre-migration': age.optional().describe('Default: null.'),
  daily: age.optional().describe('Default: "26h".'),
  weekly: age.optional().describe('Default: "8d".'),
  quarterly: age.optional().describe('Default: "95d".'),
});

const recipients = z.array(
  z.string().regex(/^age1/, { error: 'expected a public key of age, which begins with age1' }),
);

const remote = z.strictObject({
  url: z
    .string()
    .regex(/^s3:\/\/[a-z0-9]/, { error: 'expected s3://bucket or s3://bucket/folder' })
    .optional()
    .describe('Where copies are stored: s3://bucket/folder. Credentials come from the environment.'),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The server, where it is not that of Amazon.'),
  region: z.string().min(1).optional().describe('Default: AWS_REGION, else us-east-1.'),
  forcePathStyle: z
    .boolean()
    .optional()
    .describe('The bucket in the path, not in the host name. Default: true with an endpoint.'),
  recipients: recipients
    .optional()
    .describe('Public keys of age that copies are encrypted for. Default: those of backups.'),
  identityFile: path.optional().describe('File with the identity of age that opens copies. Default: that of backups.'),
});

const backup = z.strictObject({
  store: path.optional().describe('Folder of the backups. Default: "backups" inside stateDir.'),
  binDir: path.optional().describe('Folder of pg_dump and pg_restore, in place of looking for them.'),
  serverBinDir: path
    .optional()
    .describe('Folder of initdb and postgres, for the server that proves a backup, in place of looking for them.'),
  jobs: z.int().min(1).max(32).optional().describe('Connections of a dump. Default: as many as CPUs, at most 4.'),
  lockWait: duration.optional().describe('How long a backup waits for a lock. 0: for ever. Default: "30s".'),
  idleTimeout: duration.optional().describe('End a dump that has not moved for so long. 0: never. Default: "10min".'),
  excludeSchemas: z.array(identifier).optional().describe('Schemas that are left out of backups.'),
  keepDays: keepDays.optional().describe('Days that backups are kept, by class; null: for ever.'),
  beforeMigrate: z
    .boolean()
    .optional()
    .describe('Take a backup before files are applied or undone, and before a fix. Default: true.'),
  proveAtOnce: z
    .array(z.enum(BACKUP_CLASSES))
    .optional()
    .describe('Classes proved by a restore as soon as they are taken. Default: pre-migration, weekly.'),
  maxAge: maxAge.optional().describe('How old the newest backup may be, by class; null: nobody waits for one.'),
  maxProofAge: duration.optional().describe('How old the newest verified backup may be. 0: any age. Default: "8d".'),
  compression: z.int().min(0).max(9).optional().describe('Level of gzip, 0: none, 9: the smallest. Default: 3.'),
  encrypt: z.boolean().optional().describe('Encrypt every backup in the store, with age. Default: false.'),
  recipients: recipients.optional().describe('Public keys of age that backups are encrypted for.'),
  identityFile: path.optional().describe('File with the identity of age that opens encrypted backups.'),
  remote: remote.optional().describe('External storage of copies.'),
});

const percent = z.number().min(0).max(100);
const atLeast = z.int().min(0);

const tasks = z.array(z.string().min(1));

const maintenance = z.strictObject({
  jobs: z.int().min(1).max(32).optional().describe('Tables that are worked on side by side. Default: 1.'),
  patience: duration.optional().describe('How long a run waits for a busy database altogether. Default: "30min".'),
  busy: z
    .strictObject({
      activeSessions: z.int().min(1).optional().describe('Sessions at work from which on it is busy. Default: 20.'),
      replicationLagMb: atLeast.optional().describe('Megabytes that a standby may be behind. Default: 64.'),
      longTransaction: duration.optional().describe('Age of a transaction that keeps dead rows. Default: "10min".'),
      transactions: atLeast
        .optional()
        .describe('Transactions a second from which on VACUUM goes slowly and large indexes wait. Default: 50.'),
    })
    .optional()
    .describe('When the database is left alone.'),
  window: z
    .string()
    .regex(HOURS, { error: 'expected hours of the day such as "01:00-05:00"' })
    .optional()
    .describe("Hours of this machine's clock in which work may slow others down: large indexes are rebuilt then."),
  vacuum: z
    .strictObject({
      deadRows: atLeast.optional().describe('Default: 1000.'),
      deadPercent: percent.optional().describe('Of all rows. Default: 5.'),
      insertedRows: atLeast.optional().describe('Since the last vacuum. Default: 10000.'),
      insertedPercent: percent.optional().describe('Of all rows. Default: 20.'),
      agePercent: percent.optional().describe('Of autovacuum_freeze_max_age. Default: 75.'),
      costLimit: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .optional()
        .describe('Work of VACUUM between two pauses, where a page that it dirties counts 20. Default: 25.'),
      quietCostLimit: z
        .number()
        .int()
        .min(1)
        .max(10_000)
        .optional()
        .describe('The same while the server is quiet, and within maintenance.window. Default: 200.'),
      costDelay: duration.optional().describe('Pause of VACUUM after each portion of work. 0: none. Default: "2ms".'),
    })
    .optional()
    .describe('From when on a table is vacuumed.'),
  analyze: z
    .strictObject({
      changedRows: atLeast.optional().describe('Default: 500.'),
      changedPercent: percent.optional().describe('Of all rows. Default: 5.'),
    })
    .optional()
    .describe('From when on a table is analysed.'),
  reindex: z
    .strictObject({
      wastedMb: atLeast.optional().describe('Megabytes that are free in an index. Default: 10.'),
      wastedPercent: percent.optional().describe('Of its size. Default: 40.'),
      largeMb: atLeast.optional().describe('Megabytes once it is rebuilt, from which on that waits. Default: 16.'),
    })
    .optional()
    .describe('From when on an index is rebuilt.'),
  routines: z
    .strictObject({
      weekly: tasks.optional().describe('Tasks, checks or categories of checks.'),
      monthly: tasks.optional().describe('The same.'),
      quarterly: tasks.optional().describe('The same.'),
    })
    .optional()
    .describe('What each routine of maintain does.'),
  webhook: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }).describe('Where findings are posted as JSON.'),
      secretFrom: z
        .string()
        .regex(/^[A-Za-z_]\w*$/, { error: 'expected the name of an environment variable' })
        .describe('Name of the environment variable that holds the key of the signature (HMAC-SHA-256).'),
      severity: severities.optional().describe('Lowest severity that is worth a message. Default: "warning".'),
    })
    .optional()
    .describe('Where what a routine finds is posted.'),
});

const job = z.strictObject({
  at: z.string().min(1).optional().describe('When it runs: five fields of cron, such as "0 3 * * *".'),
  run: z.array(z.string().min(1)).min(1).optional().describe('Arguments of aisha-db: ["diagnose", "indexes"].'),
  enabled: z.boolean().optional().describe('false: it is not scheduled.'),
});

const jobName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,40}$/, { error: 'expected lower case letters, digits and hyphens' });

const schedule = z.strictObject({
  timezone: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Zone of the times, such as "Europe/Berlin". Default: UTC where the scheduler can say so, else that of the machine.',
    ),
  environmentFile: path.optional().describe('File with the variables of the connection, NAME=value a line.'),
  grace: duration.optional().describe('How late a job may be before schedule check says so. Default: "2h".'),
  jobs: z
    .record(jobName, job)
    .optional()
    .describe("By name: what differs from the shipped jobs, and the project's own."),
});

const mask = z.strictObject({
  column: z
    .string()
    .min(1)
    .describe('"public.contacts.email", or "email" for every column of that name; * is any text.'),
  as: z.enum(MASK_KINDS).describe('What its values become; "empty": NULL, or nothing of its type.'),
});

const rehearsal = z.strictObject({
  require: z.boolean().optional().describe('true: migrate refuses what was not rehearsed. Default: false.'),
  dir: path.optional().describe('Folder of the reports. Default: "rehearsals" inside stateDir.'),
  run: z.string().min(1).optional().describe('Test command, run with DATABASE_URL of the copy: "npm test".'),
  masks: z.array(mask).optional().describe('Columns that are masked in the copy before anything else is done.'),
  maskKeyFrom: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, { error: 'expected the name of an environment variable' })
    .optional()
    .describe('Environment variable with the key of the masks. Default: another key each time.'),
});

const settingName = z.string().regex(/^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*$/, {
  error: 'expected the name of a setting, such as "aisha.seed"',
});

const names = z.array(identifier);

/** A finding that is meant to be: it is listed with its reason and does not count. */
const exception = z.strictObject({
  check: z.string().min(1).describe('Identifier of the finding, such as "no-policy".'),
  object: z.string().min(1).describe('What it is about, as the report prints it: "public.countries".'),
  policy: z.string().min(1).optional().describe('Only for this policy of the object.'),
  reason: z.string().trim().min(1, { error: 'expected the reason why this is meant' }).describe('Why this is meant.'),
});

const tenancy = z.strictObject({
  schemas: names.optional().describe('Schemas to look at. Default: public and those the API serves.'),
  apiSchemas: names.optional().describe('Schemas the API serves. Default: pgrst.db_schemas.'),
  apiRoles: names.optional().describe('Roles that requests of the API run as. Default: anon, authenticated.'),
  roles: names.optional().describe('Further roles of the application that RLS has to bind.'),
  bypassRoles: names.optional().describe('Roles that are meant to see every tenant. Default: service_role.'),
  columns: names.min(1).optional().describe('Columns that say whose a row is. Default: tenant_id.'),
  settings: z.array(settingName).optional().describe('Settings that carry the tenant. Default: app.current_tenant_id.'),
  claims: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Claims of a token, with {tenant} for the tenant. Default: the columns, also below app_metadata.'),
  tenants: z
    .tuple([z.string().min(1), z.string().min(1)])
    .optional()
    .describe('Two tenants to prove with. Default: the first two of the table that the tenant columns refer to.'),
  exceptions: z.array(exception).optional().describe('Findings that are meant to be.'),
});

const gateMode = z.enum(['enforce', 'warn', 'off']);
const gateException = z.strictObject({
  object: z.string().min(1).describe('Table, view or function as the report prints it: "public.countries".'),
  mode: gateMode.describe('"enforce": it is refused. "warn": it is only reported. "off": it is not judged.'),
  reason: z.string().trim().min(1, { error: 'expected the reason why this is meant' }).describe('Why this is meant.'),
});

const gate = z.strictObject({
  mode: gateMode
    .optional()
    .describe('What happens to a file that makes isolation worse. Default: "enforce", it is rolled back.'),
  exceptions: z.array(gateException).optional().describe('What is judged otherwise, each with its reason.'),
});

/** What the file says for every environment, and what an environment may say otherwise. */
const shared = {
  dir: path.describe('Folder of the numbered SQL files. Default: "sql".'),
  rollbacksDir: path.describe(
    'Folder of the ROLLBACK_ files. Default: a folder "rollbacks" beside dir if there is one, else dir itself.',
  ),
  fixesDir: path.describe('Folder of the FIX_ files. Default: "fixes" inside dir.'),
  ledger: z
    .strictObject({
      schema: identifier.optional().describe('Schema of the ledger table. Default: "aisha_db".'),
      table: identifier.optional().describe('Name of the ledger table. Default: "migrations".'),
    })
    .describe('The table that records what was applied.'),
  duplicates: duplicates.describe(
    'Two files with one number: "refuse-new" (default) refuses a pending file that joins an applied number, "refuse" any, "allow" none.',
  ),
  finalFrom: z
    .int()
    .min(1)
    .max(1000)
    .describe('Three-digit numbers from here on run last, and again after every change. Default: 900.'),
  lockTimeout: duration.describe('How long one statement waits for a lock. 0: for ever. Default: "5s".'),
  statementTimeout: duration.describe('How long one statement may run. 0 (default): for ever.'),
  lockWait: duration.describe('How long to wait for another runner to finish. Default: "60s".'),
  lockRetries: z
    .int()
    .min(0)
    .max(1000)
    .describe('How often a file is tried again after it waited for a lock in vain. Default: 5.'),
  tenancy: tenancy.describe('What rls-check and the gate need to know and no catalog says.'),
  gate: z
    .union([gateMode, gate], { error: 'expected "enforce", "warn", "off", or { "mode", "exceptions" }' })
    .describe('How migrate judges what files do to the isolation of tenants. An environment adds to it.'),
  stateDir: path.describe('Folder for backups in the making, the embedded server and the like. Default: ".aisha-db".'),
  settings: z
    .record(settingName, z.string())
    .describe('Session settings for every migration: { "aisha.seed": "on" }. An environment adds to them.'),
  diagnostics: diagnostics.describe('How diagnose judges. An environment adds to it.'),
  orphans: orphans.describe('Which rows refer to which. An environment adds to it.'),
  backup: backup.describe('How backups are taken and kept.'),
  maintenance: maintenance.describe('When tables and indexes are worked on, and when the database is left alone.'),
  schedule: schedule.describe('What runs when: the schedule of aisha-db schedule.'),
  rehearsal: rehearsal.describe('How migrations are rehearsed on a copy.'),
};

const environment = z.strictObject({
  url: z.string().min(1).optional().describe('Connection string. Without a password it may be committed.'),
  urlFrom: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, { error: 'expected the name of an environment variable' })
    .optional()
    .describe('Name of the environment variable that holds the connection string.'),
  protected: z
    .boolean()
    .optional()
    .describe('Ask for the name of the environment before anything destructive; --yes alone is not enough.'),
  ...partial(shared),
});

/** aisha-db.config.json. Only loaded when there is one: zod takes longer to load than the rest of the program. */
export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors: the JSON schema of this file.'),
    ...partial(shared),
    environments: z.record(z.string().min(1), environment).optional().describe('The databases of --env NAME.'),
  })
  .meta({ title: 'aisha-db.config.json', description: 'Configuration of aisha-db. Paths are relative to this file.' });

export type ConfigFile = z.infer<typeof configSchema>;

/** The keys that are known at a place of the file, for "did you mean". */
export function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  if (path.at(-1) === 'ledger') return Object.keys(shared.ledger.shape);
  if (path.at(-1) === 'diagnostics') return Object.keys(diagnostics.shape);
  if (path.at(-1) === 'orphans') return Object.keys(orphans.shape);
  if (path.at(-2) === 'add') return Object.keys(addedRelation.shape);
  if (path.at(-1) === 'when') return ['column', 'value'];
  if (path.at(-2) === 'exclude') return Object.keys(excludedRelation.shape);
  if (path.at(-1) === 'backup') return Object.keys(backup.shape);
  if (path.at(-1) === 'maintenance') return Object.keys(maintenance.shape);
  if (path.at(-2) === 'maintenance') return keysOf(maintenance.shape[path.at(-1) as keyof typeof maintenance.shape]);
  if (path.at(-1) === 'schedule') return Object.keys(schedule.shape);
  if (path.at(-2) === 'jobs' && path.at(-3) === 'schedule') return Object.keys(job.shape);
  if (path.at(-1) === 'rehearsal') return Object.keys(rehearsal.shape);
  if (path.at(-2) === 'masks') return Object.keys(mask.shape);
  if (path.at(-1) === 'remote') return Object.keys(remote.shape);
  if (path.at(-1) === 'keepDays') return Object.keys(keepDays.shape);
  if (path.at(-2) === 'checks') return Object.keys(checkSettings.shape);
  if (path.at(-2) === 'mutes') return Object.keys(mute.shape);
  if (path.at(-1) === 'gate') return Object.keys(gate.shape);
  if (path.at(-1) === 'tenancy') return Object.keys(tenancy.shape);
  if (path.at(-2) === 'exceptions') return Object.keys((path.at(-3) === 'gate' ? gateException : exception).shape);
  return Object.keys(path[0] === 'environments' ? environment.shape : configSchema.shape);
}

function keysOf(type: z.ZodType): readonly string[] {
  const inner = type instanceof z.ZodOptional ? type.unwrap() : type;
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function partial<T extends Readonly<Record<string, z.ZodType>>>(shape: T): { [K in keyof T]: z.ZodOptional<T[K]> } {
  const entries = Object.entries(shape).map(([key, type]) => [key, type.optional().describe(type.description ?? '')]);
  return Object.fromEntries(entries);
}
