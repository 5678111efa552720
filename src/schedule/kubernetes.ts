import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { YAML } from './github.ts';
import { type Job, jobArguments, type Schedule } from './jobs.ts';

/** What a cluster has to hold for the jobs. */
export interface ClusterPlace {
  readonly image: string;
  readonly namespace: string | undefined;
  /** Secret with the variables of the connection. */
  readonly secret: string;
  /** ConfigMap whose key `aisha-db.config.json` is the configuration. */
  readonly configMap: string | undefined;
  /** PersistentVolumeClaim for backups and reports. */
  readonly claim: string;
}

/** Where the claim is mounted. */
const STATE = '/var/lib/aisha-db';
const CONFIG = '/etc/aisha-db';

/** A CronJob for each job; `timeZone` is stable from Kubernetes 1.27 on. */
export function renderKubernetes(schedule: Schedule, cluster: ClusterPlace): string {
  return schedule.jobs.map((job) => `---\n${stringify(cronJob(schedule, job, cluster), YAML)}`).join('');
}

function cronJob(schedule: Schedule, job: Job, cluster: ClusterPlace): Record<string, unknown> {
  const labels = { 'app.kubernetes.io/name': 'aisha-db', 'app.kubernetes.io/component': job.name };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: {
      name: resourceName(schedule.name, job.name),
      ...(cluster.namespace === undefined ? {} : { namespace: cluster.namespace }),
      labels,
      annotations: { 'aisha-db/schedule': schedule.name },
    },
    spec: {
      schedule: job.at,
      timeZone: schedule.timezone ?? 'Etc/UTC',
      // Two at once would wait for each other's lock.
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3_600,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: { spec: { backoffLimit: 0, template: { metadata: { labels }, spec: pod(schedule, job, cluster) } } },
    },
  };
}

function pod(schedule: Schedule, job: Job, { image, secret, configMap, claim }: ClusterPlace): Record<string, unknown> {
  const paths = {
    ...(configMap === undefined ? {} : { config: `${CONFIG}/aisha-db.config.json` }),
    report: `${STATE}/${schedule.name.replaceAll('/', '_')}.${job.name}.json`,
  };
  const args = jobArguments({ ...schedule, place: { ...schedule.place, config: undefined } }, job, paths);
  return {
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'aisha-db',
        image,
        command: ['aisha-db'],
        // `$(NAME)` would be expanded by Kubernetes.
        args: args.map((argument) => argument.replaceAll('$(', () => '$$(')),
        workingDir: STATE,
        envFrom: [{ secretRef: { name: secret } }],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          { name: 'state', mountPath: STATE },
          ...(configMap === undefined ? [] : [{ name: 'config', mountPath: CONFIG, readOnly: true }]),
        ],
      },
    ],
    volumes: [
      { name: 'state', persistentVolumeClaim: { claimName: claim } },
      ...(configMap === undefined ? [] : [{ name: 'config', configMap: { name: configMap } }]),
    ],
  };
}

/** At most 52 characters of a DNS label: a CronJob adds 11 to the names of its jobs. */
function resourceName(schedule: string, job: string): string {
  const plain = `aisha-db-${schedule}-${job}`
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/-+$/, '');
  const isTrue = plain === `aisha-db-${schedule}-${job}` && plain.length <= 52;
  if (isTrue) return plain;
  // Two names that are cut or replaced alike shall not meet.
  const hash = createHash('sha256').update(`${schedule}\0${job}`).digest('hex').slice(0, 8);
  return `${plain.slice(0, 43).replace(/-+$/, '')}-${hash}`;
}
