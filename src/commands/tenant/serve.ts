import { runHooks } from '../../cli/migration.ts';
import { AishaError } from '../../errors.ts';
import { quantity } from '../../report/quantity.ts';
import { Secret } from '../../secret.ts';
import { ResolutionCache } from '../../tenants/cache.ts';
import { readSystemTenant, readTtl } from '../../tenants/identifier.ts';
import { isLoopback, serveTenants } from '../../tenants/serve.ts';
import { TenantDatabase } from '../../tenants/tenant-database.ts';
import type { TenantAction } from '../tenant.ts';

export const run: TenantAction['run'] = async (context, _args, { table, host, port }) => {
  const systemTenant = readSystemTenant(context.env);
  const cache = new ResolutionCache({ ttlMs: readTtl(context.env) });
  const token = readToken(context.env['AISHA_TENANT_TOKEN'], host);
  const portNumber = readPort(port);
  const target = await context.target();
  const { connected } = runHooks(context, target);
  const { signal, talk } = context;
  const resolver = await serveTenants({
    database: new TenantDatabase({ target, table, signal, connected }),
    cache,
    systemTenant,
    host,
    port: portNumber,
    token,
    signal,
    onListening: (url) =>
      talk.warn(`listening on ${url}${token === undefined ? '' : ', with a token'}; SIGTERM or Ctrl-C stops it`),
    log: (line) => talk.warn(`${new Date().toISOString()} ${line}`),
  });
  const { hits, misses } = resolver.stats();
  return {
    stopped: true,
    text: `stopped after ${quantity(hits + misses)} identifiers, ${quantity(hits)} of them from the cache`,
    data: { cache: resolver.stats() },
  };
};

/** Not an option: those can be read by every user of the machine. */
function readToken(value: string | undefined, host: string): Secret | undefined {
  if (value !== undefined && value !== '') {
    if (value.length >= 16 && !/\s/.test(value)) return new Secret(value);
    throw new AishaError('usage', 'AISHA_TENANT_TOKEN is too short, or has white space in it', {
      hint: 'Set it to at least 16 characters, such as those of: openssl rand -hex 32.',
    });
  }
  if (isLoopback(host)) return undefined;
  throw new AishaError('usage', `others reach ${host}, and no token is set`, {
    hint: 'Set AISHA_TENANT_TOKEN, which clients send as Authorization: Bearer TOKEN; or listen on 127.0.0.1 behind a proxy.',
  });
}

function readPort(port: string): number {
  if (/^\d{1,5}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw new AishaError('usage', `--port "${port}" is not a number from 0 to 65535`, { hint: 'The default is 4002.' });
}
