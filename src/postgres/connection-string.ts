import { AishaError } from '../errors.ts';

/** Connection parameters by libpq's names: host, port, dbname, user, password, sslmode, … */
export type ConnectionParameters = Readonly<Record<string, string>>;

const ENCODE =
  'Characters such as @ : / ? # % in a user name or password are written percent-encoded: %40 %3A %2F %3F %23 %25.';
const FORMS =
  'Write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE or as "host=HOST port=PORT dbname=DATABASE user=USER".';

/**
 * Reads a connection string of either form: a URI or `keyword=value` pairs (PostgreSQL docs 34.1.1 "Connection
 * Strings"). `name` is what messages call it ("DATABASE_URL"); no message quotes any part of the string, since in a
 * malformed one every part may be a piece of the password.
 * @throws AishaError (usage)
 */
export function parseConnectionString(text: string, name: string): ConnectionParameters {
  const trimmed = text.trim();
  const scheme = /^postgres(?:ql)?:\/\//i.exec(trimmed);
  if (scheme !== null) return parseUri(trimmed.slice(scheme[0].length), name);
  if (/^\w+\s*=/.test(trimmed)) return parseKeywords(trimmed, name);
  throw malformed(name, 'is not a PostgreSQL connection string', FORMS);
}

function parseUri(text: string, name: string): ConnectionParameters {
  const [, authority = '', path = '', query = ''] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(text) ?? [];
  // The last @, not libpq's first: no host name holds one, and passwords with a raw @ are common.
  const at = authority.lastIndexOf('@');
  // Else a piece of the password would be taken for host and database, and shown.
  if (path.includes('@')) {
    throw malformed(name, 'has an @ behind its first /, as when a password is not percent-encoded', ENCODE);
  }
  const decode = (part: string, value: string): string => percentDecode(value, part, name);
  return {
    ...(at === -1 ? {} : parseUserInfo(authority.slice(0, at), decode)),
    ...parseHostAndPort(authority.slice(at + 1), name, decode),
    ...(path === '' ? {} : { dbname: decode('database name', path) }),
    ...parseQuery(query, name, decode),
  };
}

type Decode = (part: string, value: string) => string;

function parseUserInfo(text: string, decode: Decode): ConnectionParameters {
  const colon = text.indexOf(':');
  const user = decode('user name', colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? '' : decode('password', text.slice(colon + 1));
  return { ...(user === '' ? {} : { user }), ...(password === '' ? {} : { password }) };
}

function parseHostAndPort(text: string, name: string, decode: Decode): ConnectionParameters {
  if (text.includes(',')) throw malformed(name, 'names several hosts', 'Name the one that is the primary.');
  const [, bracketed, plain = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  if (bracketed === undefined && text.includes('[')) throw malformed(name, 'has an unfinished IPv6 address', FORMS);
  if (port.includes(':')) {
    throw malformed(name, 'has more than one : behind the user', `${ENCODE} An IPv6 address is written in brackets.`);
  }
  // Not the number itself: in a URL whose password holds a raw / this is the password.
  if (!/^\d*$/.test(port)) throw malformed(name, 'has a port that is not a number', ENCODE);
  const host = bracketed ?? decode('host', plain);
  return { ...(host === '' ? {} : { host }), ...(port === '' ? {} : { port }) };
}

function parseQuery(text: string, name: string, decode: Decode): ConnectionParameters {
  if (text === '') return {};
  const pairs = text.split('&').filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      if (equals < 1) throw malformed(name, 'has a parameter without a value behind its ?', ENCODE);
      return [decode('parameter name', pair.slice(0, equals)), decode('parameter value', pair.slice(equals + 1))];
    }),
  );
}

/** `%XX` only; a + stays a +, as in libpq. */
function percentDecode(value: string, part: string, name: string): string {
  try {
    const decoded = decodeURIComponent(value);
    if (!decoded.includes('\0')) return decoded;
  } catch {
    // The URIError says nothing more.
  }
  throw malformed(name, `has a ${part} with an invalid percent-encoding`, ENCODE);
}

/** `host=localhost password='it''s'`: values may be quoted, a backslash escapes (docs 34.1.1.1). */
function parseKeywords(text: string, name: string): ConnectionParameters {
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*)?)(?=\s|$)/sy;
  const parameters: Record<string, string> = {};
  while (pair.lastIndex < text.length) {
    const start = pair.lastIndex;
    const match = pair.exec(text);
    if (match === null) {
      const line = `has something at character ${start + 1} that is not keyword=value`;
      throw malformed(
        name,
        line,
        "Quote a value that holds spaces: password='two words'; write ' and \\ as \\' and \\\\.",
      );
    }
    const value = (match[2] ?? match[3] ?? '').replaceAll(/\\(.)/gs, '$1');
    if (value !== '') parameters[match[1]!] = value;
  }
  return parameters;
}

function malformed(name: string, what: string, hint: string): AishaError {
  return new AishaError('usage', `${name} ${what}`, { hint });
}
