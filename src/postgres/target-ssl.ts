import { join } from 'node:path';
import { AishaError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { LocalSystem } from './local-system.ts';
import type { Parameter, Parameters } from './parameters.ts';

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** How TLS is used (PostgreSQL docs 34.19 "SSL Support"). Paths are as given or libpq's default ones that exist. */
export interface TargetSsl {
  readonly mode: SslMode;
  /** Path of the root certificates, or `system`. */
  readonly rootCert?: string;
  readonly crl?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly keyPassword?: Secret;
  /** `direct`: TLS from the first byte (PostgreSQL 17). */
  readonly negotiation: 'postgres' | 'direct';
  /** `channel_binding=require`: no log-in without SCRAM-SHA-256-PLUS. */
  readonly channelBinding: boolean;
}

/**
 * Reads the ssl* parameters and looks up libpq's default files.
 * @param isSocket TLS is never used on a Unix socket, whatever the mode (PostgreSQL docs 34.19.3)
 * @throws AishaError (usage) for an unknown value, and for a mode that verifies without anything to verify with
 */
export function resolveSsl(parameters: Parameters, system: LocalSystem, isSocket: boolean): TargetSsl {
  const mode = parseSslMode(parameters.sslmode, parameters.sslrootcert);
  const negotiation = oneOf(parameters.sslnegotiation, ['postgres', 'direct']) ?? 'postgres';
  const channelBinding = oneOf(parameters.channel_binding, ['disable', 'prefer', 'require']) === 'require';
  if (mode === 'disable' || isSocket) return { mode: 'disable', negotiation: 'postgres', channelBinding };
  const files = sslFiles(parameters, system);
  if (files.rootCert === undefined && mode.startsWith('verify')) throw rootCertMissing(mode, system);
  const { sslpassword } = parameters;
  const keyPassword = sslpassword === undefined ? {} : { keyPassword: new Secret(sslpassword.value) };
  return { mode, ...files, ...keyPassword, negotiation, channelBinding };
}

type SslFiles = Pick<TargetSsl, 'rootCert' | 'crl' | 'cert' | 'key'>;

/** Each file as given, else libpq's default one if it exists. */
function sslFiles(parameters: Parameters, system: LocalSystem): SslFiles {
  const find = (given: Parameter | undefined, name: string): string | undefined => {
    const path = join(system.certificateDir, name);
    return given?.value ?? (system.exists(path) ? path : undefined);
  };
  const rootCert = find(parameters.sslrootcert, 'root.crt');
  const crl = find(parameters.sslcrl, 'root.crl');
  const cert = find(parameters.sslcert, 'postgresql.crt');
  const key = cert === undefined ? undefined : find(parameters.sslkey, 'postgresql.key');
  return {
    ...(rootCert === undefined ? {} : { rootCert }),
    ...(crl === undefined ? {} : { crl }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function rootCertMissing(mode: SslMode, system: LocalSystem): AishaError {
  return new AishaError('usage', `sslmode ${mode} needs a root certificate and there is none`, {
    hint: `Name the file with sslrootcert, put it at ${join(system.certificateDir, 'root.crt')}, or trust the roots of this machine with sslrootcert=system.`,
  });
}

function parseSslMode(sslmode: Parameter | undefined, rootCert: Parameter | undefined): SslMode {
  const mode = oneOf(sslmode, SSL_MODES) ?? (rootCert?.value === 'system' ? 'verify-full' : 'prefer');
  if (rootCert?.value === 'system' && mode !== 'verify-full') {
    throw new AishaError('usage', `sslmode ${mode} is too weak for sslrootcert=system`, {
      hint: 'Use sslmode=verify-full: anybody can get a certificate from a public authority.',
    });
  }
  return mode;
}

/** @throws AishaError (usage) when the parameter is given and is none of the values */
function oneOf<const T extends string>(parameter: Parameter | undefined, values: readonly T[]): T | undefined {
  if (parameter === undefined) return undefined;
  const found = values.find((value) => value === parameter.value);
  if (found !== undefined) return found;
  // The value is not quoted: behind a password with a raw ? it is the end of the password.
  throw new AishaError('usage', `${parameter.from} has an unknown value`, { hint: `Known are: ${values.join(', ')}.` });
}
