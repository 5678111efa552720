import { existsSync, readFileSync, statSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { AishaError } from '../errors.ts';
import type { TargetSsl } from './target-ssl.ts';

/** One way to try: plain text (`false`) or TLS with these options of node:tls. */
export type SslAttempt = false | ConnectionOptions;

/** Where distributions keep the roots that OpenSSL trusts; Node brings a list of its own and does not look there. */
const SYSTEM_ROOTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The attempts that an sslmode stands for, in order (PostgreSQL docs 34.19.3, table 34.1): the second one only counts
 * when the server refused the first for being (or not being) TLS.
 * @throws AishaError (connection) when a certificate or key file cannot be read
 */
export function sslAttempts(ssl: TargetSsl): readonly [SslAttempt, SslAttempt?] {
  if (ssl.mode === 'disable') return [false];
  const tls = tlsOptions(ssl);
  if (ssl.mode === 'allow') return [false, tls];
  return ssl.mode === 'prefer' ? [tls, false] : [tls];
}

function tlsOptions(ssl: TargetSsl): ConnectionOptions {
  return { ...verification(ssl), ...clientCertificate(ssl) };
}

/** `require` checks the chain when there is a root certificate, as libpq does; `allow` and `prefer` check nothing. */
function verification(ssl: TargetSsl): ConnectionOptions {
  const verifies = ssl.mode.startsWith('verify') || (ssl.mode === 'require' && ssl.rootCert !== undefined);
  if (!verifies) return { rejectUnauthorized: false };
  const roots = ssl.rootCert === 'system' ? systemRoots() : readSslFile(ssl.rootCert!, 'root certificate');
  return {
    rejectUnauthorized: true,
    ...(roots === undefined ? {} : { ca: roots }),
    ...(ssl.crl === undefined ? {} : { crl: readSslFile(ssl.crl, 'certificate revocation list') }),
    ...(ssl.mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** `undefined` leaves Node's own list of roots. */
function systemRoots(): string | undefined {
  const file = [process.env['SSL_CERT_FILE'], ...SYSTEM_ROOTS].find((path) => path && existsSync(path));
  return file && readSslFile(file, 'root certificate');
}

function clientCertificate(ssl: TargetSsl): ConnectionOptions {
  if (ssl.cert === undefined) return {};
  if (ssl.key === undefined) {
    throw new AishaError('connection', `client certificate "${ssl.cert}" has no private key`, {
      hint: 'Name the key file with sslkey.',
    });
  }
  checkKeyMode(ssl.key);
  return {
    cert: readSslFile(ssl.cert, 'client certificate'),
    key: readSslFile(ssl.key, 'private key'),
    ...(ssl.keyPassword === undefined ? {} : { passphrase: ssl.keyPassword.reveal() }),
  };
}

/** libpq's rule: 0600 for a key of one's own, 0640 for root's (docs 34.19.2). */
function checkKeyMode(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || process.platform === 'win32') return;
  const forbidden = stats.uid === 0 ? 0o037 : 0o077;
  if ((stats.mode & forbidden) === 0) return;
  throw new AishaError('connection', `private key "${path}" has group or world access`, {
    hint: `Run chmod 0600 ${path}.`,
  });
}

function readSslFile(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AishaError('connection', `${what} "${path}" cannot be read`, {
      hint: 'Correct the path, or let this user read the file.',
      cause: error,
    });
  }
}
