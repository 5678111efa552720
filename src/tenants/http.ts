import { createHash, timingSafeEqual } from 'node:crypto';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { AishaError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { identifierProblem } from './identifier.ts';
import { createMetrics } from './metrics.ts';
import type { Resolution } from './resolution.ts';
import type { TenantResolver } from './resolver.ts';

/** Identifiers of one batch request at most. */
const MAX_BATCH = 100;
/** No request has a body; a longer one is refused before it is read (bytes). */
const MAX_BODY = 1_024;
/** Milliseconds in which a request must have arrived, against clients that never end theirs. */
const REQUEST_TIMEOUT_MS = 10_000;
const PREFIX = '/api/tenantresolve';

export interface TenantServerOptions {
  readonly resolver: TenantResolver;
  /** What a client has to send as `Authorization: Bearer`; the health endpoint needs none. */
  readonly token?: Secret | undefined;
  /** Told of what should not have happened. */
  readonly onDefect: (error: unknown) => void;
}

interface Query {
  readonly stats?: string;
  readonly ids?: string | readonly string[];
}

/**
 * The resolver's endpoints (manual 7.4) as an HTTP server that does not listen yet: one and many identifiers, reset,
 * metrics, health. 400 for identifiers that are bad or ambiguous, 404 for unknown ones, 503 without the database.
 */
export function createTenantServer(options: TenantServerOptions): FastifyInstance {
  const { resolver, token } = options;
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Clients keep their connections: those without a request are closed when the server stops.
    forceCloseConnections: 'idle',
    // Longer than any identifier percent-encoded: those that are too long are to be told so.
    routerOptions: { maxParamLength: 4_096 },
  });
  const metrics = createMetrics(() => resolver.stats());
  if (token !== undefined) requireToken(server, token);
  server.setErrorHandler((error, _request, reply) => answerError(error, reply, options.onDefect));
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(problem('not found', 'there is no such endpoint')),
  );

  server.get<{ Params: { identifier: string }; Querystring: Query }>(`${PREFIX}/:identifier`, (request, reply) =>
    resolveOne(request.params.identifier, request.query, resolver, reply),
  );
  server.get<{ Querystring: Query }>(PREFIX, (request, reply) => resolveMany(request.query, resolver, reply));
  server.post(`${PREFIX}/reset`, () => {
    resolver.reset();
    return { reset: true, cache: resolver.stats() };
  });
  server.get(`${PREFIX}/metrics`, async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.metrics();
  });
  server.get('/health', async (_request, reply) => {
    try {
      await resolver.probe();
      return { status: 'ok', database: 'ok' };
    } catch {
      return reply.code(503).send({ status: 'degraded', database: 'unavailable' });
    }
  });
  return server;
}

function resolveOne(
  identifier: string,
  query: Query,
  resolver: TenantResolver,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> {
  const bad = identifierProblem(identifier);
  if (bad !== undefined) return reply.code(400).send(problem('bad identifier', bad));
  // Without a promise in between: most answers come from memory.
  const known = resolver.remembered(identifier);
  if (known !== undefined) return sendOne(identifier, known, query, resolver, reply);
  return resolver.ask(identifier).then((resolution) => sendOne(identifier, resolution, query, resolver, reply));
}

/** What is remembered is sent again and again: its text is made once. */
const bodies = new WeakMap<Resolution, string>();

function sendOne(
  identifier: string,
  resolution: Resolution,
  { stats }: Query,
  resolver: TenantResolver,
  reply: FastifyReply,
): FastifyReply {
  if (resolution.candidates !== undefined) return sendAmbiguous([{ identifier, resolution }], reply);
  if (resolution.uuid === null) reply.code(404);
  if (stats === 'true') return reply.send({ ...resolution, cache: resolver.stats() });
  let body = bodies.get(resolution);
  if (body === undefined) {
    body = JSON.stringify(resolution);
    bodies.set(resolution, body);
  }
  return reply.header('content-type', 'application/json; charset=utf-8').send(body);
}

async function resolveMany({ ids, stats }: Query, resolver: TenantResolver, reply: FastifyReply): Promise<unknown> {
  const identifiers = [ids ?? []].flat().flatMap((list) => list.split(','));
  if (identifiers.length === 0) {
    return reply.code(400).send(problem('no identifiers', 'name them: ?ids=first,second'));
  }
  if (identifiers.length > MAX_BATCH) {
    return reply.code(400).send(problem('too many identifiers', `at most ${MAX_BATCH} can be asked for at once`));
  }
  const bad = identifiers.flatMap((identifier) => {
    const reason = identifierProblem(identifier);
    return reason === undefined ? [] : [{ identifier, reason }];
  });
  if (bad.length > 0) {
    const reasons = [...new Set(bad.map(({ reason }) => reason))].join('; ');
    return reply.code(400).send({ ...problem('bad identifier', reasons), identifiers: bad });
  }
  const resolutions = await Promise.all(identifiers.map((identifier) => resolver.resolve(identifier)));
  const answers = identifiers.map((identifier, index) => ({ identifier, resolution: resolutions[index]! }));
  const ambiguous = answers.filter(({ resolution }) => resolution.candidates !== undefined);
  if (ambiguous.length > 0) return sendAmbiguous(ambiguous, reply);
  const results = answers.map(({ identifier, resolution }) => ({ input: identifier, ...resolution }));
  return stats === 'true' ? { results, cache: resolver.stats() } : { results };
}

interface Ambiguous {
  readonly identifier: string;
  readonly resolution: Resolution;
}

function sendAmbiguous(ambiguous: readonly Ambiguous[], reply: FastifyReply): FastifyReply {
  const names = ambiguous.map(({ identifier }) => `"${identifier}"`).join(', ');
  const identifiers = ambiguous.map(({ identifier, resolution }) => ({
    identifier,
    candidates: resolution.candidates,
  }));
  return reply
    .code(400)
    .send({ ...problem('ambiguous identifier', `${names} may mean several tenants: use the UUID`), identifiers });
}

function problem(error: string, message: string): { readonly error: string; readonly message: string } {
  return { error, message };
}

/** Of the database's own words nothing goes to a client: they name hosts and roles. */
function answerError(error: unknown, reply: FastifyReply, onDefect: (error: unknown) => void): FastifyReply {
  if (error instanceof AishaError) {
    const answer = problem('database unavailable', 'the table of tenants cannot be read now');
    return reply.code(503).header('retry-after', '1').send(answer);
  }
  const { statusCode = 500, message } = error as Error & { readonly statusCode?: number };
  if (statusCode < 500) return reply.code(statusCode).send(problem('bad request', message));
  onDefect(error);
  return reply.code(500).send(problem('internal error', 'the log of the server says more'));
}

/** Hashes are compared, in constant time: neither the content nor the length of the token shows in how long it takes. */
function requireToken(server: FastifyInstance, token: Secret): void {
  const expected = digest(token.reveal());
  server.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.routeOptions.url === '/health') return undefined;
    const [, given = ''] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (timingSafeEqual(digest(given), expected)) return undefined;
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send(problem('unauthorized', 'send the token as Authorization: Bearer TOKEN'));
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
