import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, RequestListener, Server } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { AishaError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import { ambiguity, answerTo, JSON_TYPE, problem } from './answer.ts';
import { identifierProblem } from './identifier.ts';
import { createMetrics } from './metrics.ts';
import type { TenantResolver } from './resolver.ts';

/** Identifiers of one batch request at most. */
const MAX_BATCH = 100;
/** No request has a body; a longer one is refused before it is read (bytes). */
const MAX_BODY = 1_024;
/** Milliseconds in which a request must have arrived, against clients that never end theirs. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Milliseconds after which a connection that nothing is sent on is closed; no answer takes as long. */
const IDLE_TIMEOUT_MS = 72_000;
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
  const { resolver } = options;
  const isAllowed = tokenCheck(options.token);
  const server = fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    // Clients keep their connections: those without a request are closed when the server stops.
    forceCloseConnections: 'idle',
    // Longer than any identifier percent-encoded: those that are too long are to be told so.
    routerOptions: { maxParamLength: 4_096 },
  });
  const metrics = createMetrics(() => resolver.stats());
  if (options.token !== undefined) requireToken(server, isAllowed);
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
  answerFromMemory(server.server, resolver, isAllowed);
  return server;
}

/** The path of an identifier that is written as slugs and UUIDs mostly are: no query, nothing percent-encoded. */
const PLAIN = new RegExp(`^${PREFIX}/([\\w-]+)$`);

/**
 * Most requests are for what is remembered: they are answered before a router, hooks and a reply are set up for them,
 * which cost more than the answer. All else goes to the router, whose answer is the same. The listener is replaced, and
 * no `serverFactory` given, with which Fastify listens on one address of `localhost` only.
 */
function answerFromMemory(server: Server, resolver: TenantResolver, isAllowed: TokenCheck): void {
  const [route] = server.listeners('request') as [RequestListener];
  server.removeListener('request', route);
  server.on('request', (request, response) => {
    const [, identifier] = request.method === 'GET' ? (PLAIN.exec(request.url!) ?? []) : [];
    // A server that stops has a word of its own for those who still ask.
    const isMine = identifier !== undefined && identifier !== 'metrics' && server.listening;
    const known = isMine && isAllowed(request) ? resolver.recall(identifier) : undefined;
    if (known === undefined) return route(request, response);
    const { status, body, headers } = answerTo(known);
    response.writeHead(status, headers).end(body);
  });
  // The timer of a connection is set once, and not anew after each answer.
  server.keepAliveTimeout = 0;
}

function resolveOne(
  identifier: string,
  { stats }: Query,
  resolver: TenantResolver,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> {
  const bad = identifierProblem(identifier);
  if (bad !== undefined) return reply.code(400).send(problem('bad identifier', bad));
  return resolver.resolve(identifier).then((resolution) => {
    const { status, body } = answerTo(resolution);
    if (status !== 400 && stats === 'true') {
      return reply.code(status).send({ ...resolution, cache: resolver.stats() });
    }
    return reply.code(status).type(JSON_TYPE).send(body);
  });
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
  if (ambiguous.length > 0) return reply.code(400).send(ambiguity(ambiguous));
  const results = answers.map(({ identifier, resolution }) => ({ input: identifier, ...resolution }));
  return stats === 'true' ? { results, cache: resolver.stats() } : { results };
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

/** Takes the request, since its headers are only taken apart when they are read. */
type TokenCheck = (request: { readonly headers: IncomingHttpHeaders }) => boolean;

/** Hashes are compared, in constant time: neither the content nor the length of the token shows in how long it takes. */
function tokenCheck(token: Secret | undefined): TokenCheck {
  if (token === undefined) return () => true;
  const expected = digest(token.reveal());
  return ({ headers }) => {
    const [, given = ''] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    return timingSafeEqual(digest(given), expected);
  };
}

function requireToken(server: FastifyInstance, isAllowed: TokenCheck): void {
  server.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.routeOptions.url === '/health' || isAllowed(request)) return undefined;
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send(problem('unauthorized', 'send the token as Authorization: Bearer TOKEN'));
  });
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
