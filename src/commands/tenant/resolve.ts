import { runHooks } from '../../cli/migration.ts';
import { AishaError } from '../../errors.ts';
import type { Finding } from '../../report/report.ts';
import { ResolutionCache } from '../../tenants/cache.ts';
import { identifierProblem, readSystemTenant, readTtl } from '../../tenants/identifier.ts';
import type { Resolution } from '../../tenants/resolution.ts';
import { TenantResolver } from '../../tenants/resolver.ts';
import { TenantDatabase } from '../../tenants/tenant-database.ts';
import type { TenantAction } from '../tenant.ts';

export const run: TenantAction['run'] = async (context, args, { table, stats }) => {
  const identifiers = await readIdentifiers(args, context.input);
  const systemTenant = readSystemTenant(context.env);
  const cache = new ResolutionCache({ ttlMs: readTtl(context.env) });
  const target = await context.target();
  const { connected } = runHooks(context, target);
  const database = new TenantDatabase({ target, table, signal: context.signal, connected });
  try {
    const resolver = new TenantResolver({ lookup: (keys) => database.read(keys), cache, systemTenant });
    const answers = await resolveAll(resolver, identifiers);
    const statistics = stats ? resolver.stats() : undefined;
    const error = failureOf(answers);
    return {
      tables: [
        {
          columns: ['identifier', 'uuid', 'slug', 'found', 'source'],
          rows: answers.map(({ input, resolution: { uuid, slug, found, source } }) => [
            input,
            uuid ?? '',
            slug,
            found ? 'yes' : 'no',
            source,
          ]),
        },
      ],
      ...(statistics === undefined ? {} : { text: describeStats(statistics) }),
      data: {
        tenants: answers.map(({ input, resolution }) => ({ input, ...resolution })),
        ...(statistics === undefined ? {} : { cache: statistics }),
      },
      findings: answers.flatMap(({ resolution }) => missingSystemTenant(resolution)),
      ...(error === undefined ? {} : { error }),
    };
  } finally {
    await database.close();
  }
};

interface Answer {
  readonly input: string;
  readonly resolution: Resolution;
}

async function readIdentifiers(args: readonly string[], input: () => Promise<string>): Promise<string[]> {
  const given = args.includes('-') ? [...args.filter((arg) => arg !== '-'), ...lines(await input())] : [...args];
  const bad = given.flatMap((identifier) => {
    const problem = identifierProblem(identifier);
    return problem === undefined ? [] : [`"${identifier}": ${problem}`];
  });
  if (bad.length === 0 && given.length > 0) return given;
  throw new AishaError('usage', given.length === 0 ? 'no identifier was given' : 'an identifier cannot be one', {
    details: bad,
    hint: 'Give slugs or UUIDs of tenants.',
  });
}

function lines(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** All at once, in one query; one that is named twice is answered from the cache the second time. */
async function resolveAll(resolver: TenantResolver, identifiers: readonly string[]): Promise<Answer[]> {
  const unique = [...new Set(identifiers)];
  const first = new Map(
    await Promise.all(unique.map(async (identifier) => [identifier, await resolver.resolve(identifier)] as const)),
  );
  const answers: Answer[] = [];
  for (const input of identifiers) {
    const resolution = first.get(input) ?? (await resolver.resolve(input));
    first.delete(input);
    answers.push({ input, resolution });
  }
  return answers;
}

function describeStats({ ttlMs, size, hits, misses, hitRatio }: ReturnType<TenantResolver['stats']>): string {
  return `cache: ${size} entries, ${hits} hits, ${misses} misses (hit ratio ${hitRatio.toFixed(2)}), kept for ${ttlMs} ms`;
}

/** Every identifier that stands for no tenant, in one error; those that do are in the report. */
function failureOf(answers: readonly Answer[]): AishaError | undefined {
  const problems = [
    ...new Set(
      answers.flatMap(({ input, resolution: { uuid, candidates } }) => {
        if (candidates !== undefined) return [`"${input}" is ambiguous: ${candidates.join(', ')}`];
        return uuid === null ? [`"${input}" is unknown`] : [];
      }),
    ),
  ];
  if (problems.length === 0) return undefined;
  const [first] = problems;
  return new AishaError(
    'usage',
    problems.length === 1 ? `tenant ${first}` : `${problems.length} identifiers stand for no tenant`,
    {
      details: problems.length === 1 ? [] : problems,
      hint: 'aisha-db tenant list shows the tenants of this database; an ambiguous identifier is replaced by the UUID that is meant.',
    },
  );
}

function missingSystemTenant({ source, found, uuid }: Resolution): Finding[] {
  if (source !== 'env' || found) return [];
  return [
    {
      check: 'system-tenant-missing',
      severity: 'warning',
      object: String(uuid),
      message: 'SYSTEM_TENANT_ID is the id of no tenant of this database',
      remediation: 'Correct SYSTEM_TENANT_ID, or insert the tenant.',
    },
  ];
}
