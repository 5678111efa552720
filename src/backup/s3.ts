import type { Readable } from 'node:stream';
import type { S3Client, S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import { AishaError, messageOf } from '../errors.ts';
import type { RemoteSettings } from './settings.ts';
import { describeLocation, type RemoteLocation } from './stored-copy.ts';

/** Objects of one bucket; every failure is an AishaError (backup) that names the place and the cause. */
export interface ObjectStorage {
  readonly location: RemoteLocation;
  /** All objects below the location's prefix and `below`. */
  list(below?: string): Promise<{ readonly key: string; readonly bytes: number }[]>;
  /** @param bytes about how large it will be, to choose the size of the parts by */
  put(key: string, content: Readable | string, bytes: number): Promise<void>;
  /** Reads an object; when the connection is cut, from the beginning again: `use` must bear that. */
  read<T>(key: string, use: (content: Readable) => Promise<T>): Promise<T>;
  close(): void;
}

/** A part in flight, and how many at once: memory is their product. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS = 2;
/** S3 takes 10,000 of one object; encryption makes it a little larger. Up to 70 GiB parts stay as they are. */
const MOST_PARTS = 9_000;
const SILENCE_MS = 60_000;
const CONNECT_MS = 10_000;
const ATTEMPTS = 3;

/**
 * Opens an S3-compatible storage. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN, else from wherever the SDK finds them (profile, container, instance). Nothing is sent yet.
 */
export async function openStorage(
  location: RemoteLocation,
  settings: RemoteSettings,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<ObjectStorage> {
  // It warns on stderr that releases after the bundled one will need a later Node.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { S3Client, GetObjectCommand, paginateListObjectsV2 } = await import('@aws-sdk/client-s3');
  const client = new S3Client(clientConfig(settings, env));
  const place = `${describeLocation(location)}${settings.endpoint === undefined ? '' : ` at ${settings.endpoint}`}`;
  const { bucket: Bucket, prefix } = location;
  const told = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw storageFailure(error, doing, place);
    }
  };
  return {
    location,
    list: (below = '') =>
      told('listed', async () => {
        const objects: { key: string; bytes: number }[] = [];
        const pages = paginateListObjectsV2(
          { client },
          { Bucket, Prefix: `${prefix}${below}` },
          { abortSignal: signal },
        );
        for await (const { Contents = [] } of pages) {
          for (const { Key = '', Size = 0 } of Contents) objects.push({ key: Key, bytes: Size });
        }
        return objects;
      }),
    put: (Key, Body, bytes) => told('written', () => upload(client, { Bucket, Key, Body }, bytes, signal)),
    read: (Key, use) =>
      told('read', () =>
        withRetries(signal, async () => {
          const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }), { abortSignal: signal });
          return use(Body as Readable);
        }),
      ),
    close: () => client.destroy(),
  };
}

/** The SDK sends requests again, but does not read on when the connection is cut in the middle of an object. */
async function withRetries<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const hasAnswered = (error as Partial<S3ServiceException>).$metadata?.httpStatusCode !== undefined;
      if (error instanceof AishaError || hasAnswered || signal.aborted || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Whatever went wrong on the way, as one error of this program. */
function storageFailure(error: unknown, doing: string, place: string): AishaError {
  if (error instanceof AishaError) return error;
  const { name, $metadata } = error as Partial<S3ServiceException>;
  const status = $metadata?.httpStatusCode;
  const code = (error as NodeJS.ErrnoException).code;
  const known = KNOWN.find(({ names }) => names.includes(name ?? '') || (code !== undefined && names.includes(code)));
  const reason = known?.reason ?? (messageOf(error) || name || 'unknown error');
  const cause = [name, code].find((text) => text !== undefined && text !== 'Error');
  return new AishaError('backup', `${place} cannot be ${doing}: ${reason}`, {
    cause: error,
    details: [[cause, status === undefined ? undefined : `HTTP ${status}`].filter(Boolean).join(', ')].filter(Boolean),
    hint: known?.hint ?? 'Nothing is listed there that is not whole: look at what the server says and run again.',
  });
}

const KNOWN: readonly { readonly names: readonly string[]; readonly reason: string; readonly hint: string }[] = [
  {
    names: ['NoSuchBucket'],
    reason: 'there is no such bucket',
    hint: 'Make the bucket, or correct backup.remote.url.',
  },
  {
    names: ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'AccessDenied', 'Forbidden', 'ExpiredToken', 'InvalidToken'],
    reason: 'the server refuses these credentials',
    hint: 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region, and what they may do with the bucket.',
  },
  {
    names: ['CredentialsProviderError'],
    reason: 'there are no credentials',
    hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment or in .env.',
  },
  {
    names: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'TimeoutError'],
    reason: 'the connection failed',
    hint: 'Check backup.remote.endpoint and the network, then run again: what was not finished is listed nowhere.',
  },
];

function clientConfig(
  { endpoint, region, forcePathStyle }: RemoteSettings,
  env: Readonly<Record<string, string | undefined>>,
): S3ClientConfig {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = env;
  const sessionToken = AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {};
  return {
    region: region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    forcePathStyle,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, ...sessionToken } } : {}),
    // Checksums of the SDK's own are not taken by every compatible server; everything is read back and hashed anyway.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
  };
}

async function upload(
  client: S3Client,
  params: { readonly Bucket: string; readonly Key: string; readonly Body: Readable | string },
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  const { Upload } = await import('@aws-sdk/lib-storage');
  const partSize = Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS));
  const work = new Upload({ client, params, partSize, queueSize: PARTS });
  const onAbort = (): void => void work.abort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await work.done();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
