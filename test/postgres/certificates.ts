import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a certificate authority and of what it signed, made with openssl. */
export interface Certificates {
  readonly ca: string;
  /** An authority that signed nothing here. */
  readonly otherCa: string;
  /** For the host name db.test. */
  readonly server: KeyPair;
  /** For the role in its common name. */
  readonly client: KeyPair;
  /** Names the server's certificate as revoked. */
  readonly crl: string;
}

interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export function makeCertificates(folder: string, role: string): Certificates {
  mkdirSync(folder, { recursive: true });
  const ca = makeAuthority(folder, 'ca');
  const otherCa = makeAuthority(folder, 'other-ca');
  const server = makeSigned(folder, 'server', ca, '/CN=db.test', 'subjectAltName=DNS:db.test');
  const client = makeSigned(folder, 'client', ca, `/CN=${role}`, 'extendedKeyUsage=clientAuth');
  return { ca: ca.cert, otherCa: otherCa.cert, server, client, crl: makeRevocation(folder, ca, server) };
}

function makeAuthority(folder: string, name: string): KeyPair {
  const pair = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    pair.key,
    '-out',
    pair.cert,
  );
  return pair;
}

function makeSigned(folder: string, name: string, ca: KeyPair, subject: string, extension: string): KeyPair {
  const pair = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const request = join(folder, `${name}.csr`);
  const extensions = join(folder, `${name}.ext`);
  writeFileSync(extensions, `${extension}\n`);
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, '-keyout', pair.key, '-out', request);
  openssl(
    'x509',
    '-req',
    '-in',
    request,
    '-CA',
    ca.cert,
    '-CAkey',
    ca.key,
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    extensions,
    '-out',
    pair.cert,
  );
  chmodSync(pair.key, 0o600);
  return pair;
}

/** `openssl ca` keeps its books in files that must be there. */
function makeRevocation(folder: string, ca: KeyPair, revoked: KeyPair): string {
  const index = join(folder, 'index.txt');
  const number = join(folder, 'crlnumber');
  const config = join(folder, 'ca.cnf');
  const crl = join(folder, 'ca.crl');
  writeFileSync(index, '');
  writeFileSync(number, '01\n');
  const section = [`database=${index}`, `crlnumber=${number}`, 'default_md=sha256', 'default_crl_days=2'];
  writeFileSync(config, `[ca]\ndefault_ca=books\n[books]\n${section.join('\n')}\n`);
  const authority = ['-config', config, '-cert', ca.cert, '-keyfile', ca.key];
  openssl('ca', ...authority, '-revoke', revoked.cert);
  openssl('ca', ...authority, '-gencrl', '-out', crl);
  return crl;
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
