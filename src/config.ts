import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  type BackupSettings,
  DEFAULT_COMPRESSION,
  DEFAULT_KEEP_DAYS,
  DEFAULT_MAX_AGE,
  DEFAULT_MAX_PROOF_AGE_MS,
  DEFAULT_PROVE_AT_ONCE,
  type KeepDays,
  type MaxAge,
  type RemoteSettings,
} from './backup/settings.ts';
import { type ReadConfigFile, readConfigFile } from './config-file.ts';
import type { ConfigFile } from './config-schema.ts';
import type { DiagnosticsSettings } from './diagnostics/settings.ts';
import { parseDuration } from './duration.ts';
import { AishaError } from './errors.ts';
import { DEFAULT_MAINTENANCE, type MaintenanceSettings } from './maintenance/settings.ts';
import type { OrphansSettings } from './orphans/settings.ts';
import { type EnvironmentAddress, unknownEnvironment } from './postgres/target-address.ts';
import { DEFAULT_REHEARSAL, type RehearsalSettings } from './rehearsal/settings.ts';
import type { ScheduleSettings } from './schedule/settings.ts';
import { Secret } from './secret.ts';
import { DEFAULT_GATE, type GateSettings } from './tenancy/gate/settings.ts';
import { DEFAULT_TENANCY, type TenancySettings } from './tenancy/settings.ts';

type Duplicates = 'refuse-new' | 'allow' | 'refuse';

/** Everything a run may be told, resolved: paths are absolute, durations milliseconds (docs/configuration.md). */
export interface Config {
  /** Absolute path of the configuration file, if there is one. */
  readonly file: string | undefined;
  readonly dir: string;
  readonly rollbacksDir: string;
  readonly fixesDir: string;
  readonly ledger: { readonly schema: string; readonly table: string };
  readonly duplicates: Duplicates;
  /** Three-digit serials from this one on are the final phase. */
  readonly finalFrom: number;
  /** 0 waits for ever. */
  readonly lockTimeoutMs: number;
  /** 0 is no limit. */
  readonly statementTimeoutMs: number;
  readonly lockWaitMs: number;
  readonly lockRetries: number;
  readonly stateDir: string;
  readonly tenancy: TenancySettings;
  /** How migrate judges what files do to the isolation of tenants. */
  readonly gate: GateSettings;
  /** Session settings for every migration: name to value. */
  readonly settings: Readonly<Record<string, string>>;
  /** How diagnose runs and judges. */
  readonly diagnostics: DiagnosticsSettings;
  /** Which relations orphans looks at, beside those of the catalog. */
  readonly orphans: OrphansSettings;
  /** How backups are taken and kept. */
  readonly backup: BackupSettings;
  /** When tables and indexes are worked on. */
  readonly maintenance: MaintenanceSettings;
  /** What runs when. */
  readonly schedule: ScheduleSettings;
  /** How migrations are rehearsed. */
  readonly rehearsal: RehearsalSettings;
  /** Name of the environment that `--env` chose. */
  readonly environment: string | undefined;
  readonly environments: Readonly<Record<string, EnvironmentAddress>>;
}

/** What the command line may say; texts as they were typed. */
export interface ConfigFlags {
  /** `--config`: a file to read in place of aisha-db.config.json. */
  readonly config?: string | undefined;
  /** `--env`. */
  readonly env?: string | undefined;
  readonly dir?: string | undefined;
  readonly rollbacksDir?: string | undefined;
  readonly fixesDir?: string | undefined;
  readonly lockTimeout?: string | number | undefined;
  readonly statementTimeout?: string | number | undefined;
  readonly lockWait?: string | number | undefined;
  readonly lockRetries?: string | number | undefined;
  readonly store?: string | undefined;
}

export interface ConfigSources {
  readonly cwd: string;
  readonly flags: ConfigFlags;
}

/**
 * The configuration of a run: flags over the chosen environment's block over the file over the defaults.
 * @throws AishaError (usage) with every problem of the file at once, or for a flag that cannot be understood
 */
export async function loadConfig({ cwd, flags }: ConfigSources): Promise<Config> {
  const file = await readConfigFile(cwd, flags.config);
  const environments = file?.content.environments ?? {};
  const block = flags.env === undefined ? {} : environmentBlock(flags.env, environments);
  const base = file === undefined ? cwd : dirname(file.path);
  const layers = [layerOfFlags(flags, cwd), layerOfFile(block, base), layerOfFile(file?.content ?? {}, base)];
  return deepFreeze({
    ...resolvePaths(layers, base),
    ...resolveValues(layers),
    file: file?.path,
    environment: flags.env,
    environments: addresses(file),
  });
}

/** The keys that a layer gives: paths absolute, durations in milliseconds. */
interface Layer {
  readonly dir?: string | undefined;
  readonly rollbacksDir?: string | undefined;
  readonly fixesDir?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly ledger?: { readonly schema?: string | undefined; readonly table?: string | undefined } | undefined;
  readonly duplicates?: Duplicates | undefined;
  readonly finalFrom?: number | undefined;
  readonly lockTimeoutMs?: number | undefined;
  readonly statementTimeoutMs?: number | undefined;
  readonly lockWaitMs?: number | undefined;
  readonly lockRetries?: number | undefined;
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly diagnostics?: Partial<DiagnosticsSettings> | undefined;
  readonly tenancy?: Block['tenancy'];
  readonly gate?: Exclude<Block['gate'], string>;
  readonly orphans?: Block['orphans'];
  readonly backup?: BackupLayer | undefined;
  readonly maintenance?: Block['maintenance'];
  readonly schedule?: Partial<ScheduleSettings> | undefined;
  readonly rehearsal?: Partial<RehearsalSettings> | undefined;
}

type BackupLayer = Partial<Omit<BackupSettings, 'keepDays' | 'maxAge' | 'remote'>> & {
  readonly keepDays?: Partial<KeepDays>;
  readonly maxAge?: Partial<MaxAge>;
  readonly remote?: Partial<RemoteSettings>;
};

type Block = Omit<ConfigFile, '$schema' | 'environments'>;

function environmentBlock(name: string, environments: NonNullable<ConfigFile['environments']>): Block {
  const block = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (block === undefined) throw unknownEnvironment(name, Object.keys(environments));
  return block;
}

function layerOfFlags(flags: ConfigFlags, cwd: string): Layer {
  return {
    dir: absolute(flags.dir, cwd),
    rollbacksDir: absolute(flags.rollbacksDir, cwd),
    fixesDir: absolute(flags.fixesDir, cwd),
    lockTimeoutMs: duration(flags.lockTimeout, '--lock-timeout'),
    statementTimeoutMs: duration(flags.statementTimeout, '--statement-timeout'),
    lockWaitMs: duration(flags.lockWait, '--lock-wait'),
    lockRetries: flags.lockRetries === undefined ? undefined : count(flags.lockRetries, '--lock-retries'),
    backup: flags.store === undefined ? undefined : { store: resolve(cwd, flags.store) },
  };
}

function layerOfFile(block: Block, base: string): Layer {
  return {
    dir: absolute(block.dir, base),
    rollbacksDir: absolute(block.rollbacksDir, base),
    fixesDir: absolute(block.fixesDir, base),
    stateDir: absolute(block.stateDir, base),
    ledger: block.ledger,
    duplicates: block.duplicates,
    finalFrom: block.finalFrom,
    lockTimeoutMs: duration(block.lockTimeout, 'lockTimeout'),
    statementTimeoutMs: duration(block.statementTimeout, 'statementTimeout'),
    lockWaitMs: duration(block.lockWait, 'lockWait'),
    lockRetries: block.lockRetries,
    settings: block.settings,
    diagnostics: block.diagnostics && layerOfDiagnostics(block.diagnostics, base),
    tenancy: block.tenancy,
    gate: typeof block.gate === 'string' ? { mode: block.gate } : block.gate,
    orphans: block.orphans,
    backup: block.backup && layerOfBackup(block.backup, base),
    maintenance: block.maintenance,
    schedule: block.schedule && layerOfSchedule(block.schedule, base),
    rehearsal: block.rehearsal && defined({ ...block.rehearsal, dir: absolute(block.rehearsal.dir, base) }),
  };
}

function layerOfDiagnostics(
  { checksDir, runsDir, timeout, mutes, checks, ignoreSchemas, connections }: NonNullable<Block['diagnostics']>,
  base: string,
): NonNullable<Layer['diagnostics']> {
  const timeoutMs = duration(timeout, 'diagnostics.timeout');
  const folders = { checksDir: absolute(checksDir, base), runsDir: absolute(runsDir, base) };
  return defined({ ...folders, timeoutMs, mutes, checks, ignoreSchemas, connections });
}

function layerOfBackup(
  {
    store,
    binDir,
    serverBinDir,
    lockWait,
    idleTimeout,
    keepDays,
    maxAge,
    maxProofAge,
    identityFile,
    remote,
    ...plain
  }: NonNullable<Block['backup']>,
  base: string,
): BackupLayer {
  return defined({
    ...plain,
    store: absolute(store, base),
    binDir: absolute(binDir, base),
    serverBinDir: absolute(serverBinDir, base),
    identityFile: absolute(identityFile, base),
    lockWaitMs: duration(lockWait, 'backup.lockWait'),
    idleTimeoutMs: duration(idleTimeout, 'backup.idleTimeout'),
    keepDays: keepDays && defined(keepDays),
    maxAge: maxAge && agesOf(defined(maxAge)),
    maxProofAgeMs: duration(maxProofAge, 'backup.maxProofAge'),
    remote: remote && defined({ ...remote, identityFile: absolute(remote.identityFile, base) }),
  });
}

function agesOf(given: Readonly<Record<string, string | number | null>>): Partial<MaxAge> {
  const ages = Object.entries(given).map(([name, text]) => [
    name,
    text === null ? null : duration(text, `backup.maxAge.${name}`),
  ]);
  return Object.fromEntries(ages);
}

function layerOfSchedule(
  { timezone, environmentFile, grace, jobs }: NonNullable<Block['schedule']>,
  base: string,
): Partial<ScheduleSettings> {
  const graceMs = duration(grace, 'schedule.grace');
  return defined({ timezone, environmentFile: absolute(environmentFile, base), graceMs, jobs });
}

/** The keys that are given. */
function defined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

function absolute(path: string | undefined, base: string): string | undefined {
  return path === undefined ? undefined : resolve(base, path);
}

function duration(value: string | number | undefined, name: string): number | undefined {
  return value === undefined ? undefined : parseDuration(value, name);
}

function count(value: string | number, name: string): number {
  if (/^\d{1,4}$/.test(String(value))) return Number(value);
  throw new AishaError('usage', `${name} "${value}" is not a number`, { hint: 'Write a whole number from 0 to 9999.' });
}

/** The strongest layer that gives `dir` also decides on its companions: those of a weaker layer belong to another dir. */
function resolvePaths(
  layers: readonly Layer[],
  base: string,
): Pick<Config, 'dir' | 'rollbacksDir' | 'fixesDir' | 'stateDir'> {
  const dirLayer = layers.findIndex((layer) => layer.dir !== undefined);
  const dir = layers[dirLayer]?.dir ?? join(base, 'sql');
  const companions = dirLayer === -1 ? layers : layers.slice(0, dirLayer + 1);
  const beside = join(dirname(dir), 'rollbacks');
  return {
    dir,
    rollbacksDir: strongest(companions, 'rollbacksDir') ?? (existsSync(beside) ? beside : dir),
    fixesDir: strongest(companions, 'fixesDir') ?? join(dir, 'fixes'),
    stateDir: strongest(layers, 'stateDir') ?? join(base, '.aisha-db'),
  };
}

function resolveValues(
  layers: readonly Layer[],
): Omit<Config, 'dir' | 'rollbacksDir' | 'fixesDir' | 'stateDir' | 'file' | 'environment' | 'environments'> {
  const ledgers = layers.map((layer) => layer.ledger ?? {});
  return {
    ledger: {
      schema: strongest(ledgers, 'schema') ?? 'aisha_db',
      table: strongest(ledgers, 'table') ?? 'migrations',
    },
    duplicates: strongest(layers, 'duplicates') ?? 'refuse-new',
    finalFrom: strongest(layers, 'finalFrom') ?? 900,
    lockTimeoutMs: strongest(layers, 'lockTimeoutMs') ?? 5_000,
    statementTimeoutMs: strongest(layers, 'statementTimeoutMs') ?? 0,
    lockWaitMs: strongest(layers, 'lockWaitMs') ?? 60_000,
    lockRetries: strongest(layers, 'lockRetries') ?? 5,
    settings: Object.assign({}, ...layers.map((layer) => layer.settings).reverse()),
    tenancy: Object.assign({ ...DEFAULT_TENANCY }, ...layers.map((layer) => layer.tenancy).reverse()),
    gate: resolveGate(layers.map((layer) => layer.gate ?? {})),
    diagnostics: resolveDiagnostics(layers.map((layer) => layer.diagnostics ?? {})),
    orphans: resolveOrphans(layers.map((layer) => layer.orphans ?? {})),
    backup: resolveBackup(layers.map((layer) => layer.backup ?? {})),
    maintenance: resolveMaintenance(layers.map((layer) => layer.maintenance ?? {})),
    schedule: resolveSchedule(layers.map((layer) => layer.schedule ?? {})),
    rehearsal: Object.assign({ ...DEFAULT_REHEARSAL }, ...layers.map((layer) => layer.rehearsal).reverse()),
  };
}

function resolveMaintenance(layers: readonly NonNullable<Layer['maintenance']>[]): MaintenanceSettings {
  const group = <K extends 'busy' | 'vacuum' | 'analyze' | 'reindex' | 'routines'>(key: K) =>
    Object.assign({}, ...layers.map((layer) => layer[key]).reverse()) as NonNullable<(typeof layers)[number][K]>;
  const { longTransaction, ...busy } = group('busy');
  const { costDelay, ...vacuum } = group('vacuum');
  const known = DEFAULT_MAINTENANCE;
  const webhook = strongest(layers, 'webhook');
  return {
    jobs: strongest(layers, 'jobs') ?? known.jobs,
    patienceMs: duration(strongest(layers, 'patience'), 'maintenance.patience') ?? known.patienceMs,
    window: strongest(layers, 'window'),
    busy: {
      ...known.busy,
      ...defined(busy),
      longTransactionMs: duration(longTransaction, 'maintenance.busy.longTransaction') ?? known.busy.longTransactionMs,
    },
    vacuum: {
      ...known.vacuum,
      ...defined(vacuum),
      costDelayMs: duration(costDelay, 'maintenance.vacuum.costDelay') ?? known.vacuum.costDelayMs,
    },
    analyze: { ...known.analyze, ...defined(group('analyze')) },
    reindex: { ...known.reindex, ...defined(group('reindex')) },
    routines: { ...known.routines, ...defined(group('routines')) },
    webhook: webhook && { ...webhook, severity: webhook.severity ?? 'warning' },
  };
}

function resolveBackup(layers: readonly BackupLayer[]): BackupSettings {
  const recipients = strongest(layers, 'recipients') ?? [];
  const identityFile = strongest(layers, 'identityFile');
  return {
    store: strongest(layers, 'store'),
    binDir: strongest(layers, 'binDir'),
    serverBinDir: strongest(layers, 'serverBinDir'),
    jobs: strongest(layers, 'jobs'),
    lockWaitMs: strongest(layers, 'lockWaitMs') ?? 30_000,
    idleTimeoutMs: strongest(layers, 'idleTimeoutMs') ?? 600_000,
    excludeSchemas: strongest(layers, 'excludeSchemas') ?? [],
    keepDays: Object.assign({}, DEFAULT_KEEP_DAYS, ...layers.map((layer) => layer.keepDays).reverse()),
    beforeMigrate: strongest(layers, 'beforeMigrate') ?? true,
    proveAtOnce: strongest(layers, 'proveAtOnce') ?? DEFAULT_PROVE_AT_ONCE,
    maxAge: Object.assign({}, DEFAULT_MAX_AGE, ...layers.map((layer) => layer.maxAge).reverse()),
    maxProofAgeMs: strongest(layers, 'maxProofAgeMs') ?? DEFAULT_MAX_PROOF_AGE_MS,
    compression: strongest(layers, 'compression') ?? DEFAULT_COMPRESSION,
    encrypt: strongest(layers, 'encrypt') ?? false,
    recipients,
    identityFile,
    remote: resolveRemote(
      layers.map((layer) => layer.remote ?? {}),
      { recipients, identityFile },
    ),
  };
}

function resolveRemote(
  layers: readonly Partial<RemoteSettings>[],
  keys: Pick<RemoteSettings, 'recipients' | 'identityFile'>,
): RemoteSettings {
  const endpoint = strongest(layers, 'endpoint');
  return {
    url: strongest(layers, 'url'),
    endpoint,
    region: strongest(layers, 'region'),
    forcePathStyle: strongest(layers, 'forcePathStyle') ?? endpoint !== undefined,
    recipients: strongest(layers, 'recipients') ?? keys.recipients,
    identityFile: strongest(layers, 'identityFile') ?? keys.identityFile,
  };
}

/** A stronger layer's exception for an object comes first, and the first one counts. */
function resolveGate(layers: readonly NonNullable<Layer['gate']>[]): GateSettings {
  return {
    mode: strongest(layers, 'mode') ?? DEFAULT_GATE.mode,
    exceptions: layers.flatMap((layer) => layer.exceptions ?? []),
  };
}

/** What a stronger layer says about a job replaces what a weaker one says. */
function resolveSchedule(layers: readonly Partial<ScheduleSettings>[]): ScheduleSettings {
  return {
    timezone: strongest(layers, 'timezone'),
    environmentFile: strongest(layers, 'environmentFile'),
    graceMs: strongest(layers, 'graceMs') ?? 7_200_000,
    jobs: Object.assign({}, ...layers.map((layer) => layer.jobs).reverse()),
  };
}

/** What a stronger layer says about a check replaces what a weaker one says; lists are joined. */
function resolveDiagnostics(layers: readonly NonNullable<Layer['diagnostics']>[]): DiagnosticsSettings {
  return {
    checksDir: strongest(layers, 'checksDir'),
    runsDir: strongest(layers, 'runsDir'),
    connections: strongest(layers, 'connections') ?? 3,
    timeoutMs: strongest(layers, 'timeoutMs') ?? 15_000,
    ignoreSchemas: layers.flatMap((layer) => layer.ignoreSchemas ?? []),
    checks: Object.assign({}, ...layers.map((layer) => layer.checks).reverse()),
    mutes: layers.flatMap((layer) => layer.mutes ?? []),
  };
}

function resolveOrphans(layers: readonly NonNullable<Layer['orphans']>[]): OrphansSettings {
  return {
    timeoutMs: duration(strongest(layers, 'timeout'), 'orphans.timeout') ?? 30_000,
    add: layers.flatMap((layer) => layer.add ?? []),
    exclude: layers.flatMap((layer) => layer.exclude ?? []),
  };
}

/** The value of the first layer that has one. */
function strongest<T, K extends keyof T>(layers: readonly T[], key: K): T[K] | undefined {
  return layers.find((layer) => layer[key] !== undefined)?.[key];
}

function addresses(file: ReadConfigFile | undefined): Config['environments'] {
  const entries = Object.entries(file?.content.environments ?? {}).map(([name, block]) => [
    name,
    {
      url: block.url === undefined ? undefined : new Secret(block.url),
      urlFrom: block.urlFrom,
      protected: block.protected ?? false,
    },
  ]);
  return Object.fromEntries(entries);
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
