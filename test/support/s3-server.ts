import { connect, createServer, type Server, type Socket } from 'node:net';
import S3rver from '@20minutes/s3rver';
import { onTestFinished } from 'vitest';
import { makeFolder } from './folder.ts';

/** A server that speaks S3, behind a line that can be cut. */
export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  /** What the program needs to be let in. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder with a folder for each object, which holds its content in `._S3rver_object`. */
  readonly folder: string;
  /** Cuts the next connections, each after so many bytes in one direction. */
  cut(connections: number, afterBytes: number): void;
  /** Answers the next requests as a server does that has too much to do. */
  overload(requests: number): void;
}

/**
 * Starts an S3 server.
 * @param checksSignatures it computes them without the slash behind a bucket that the SDK signs when it lists, so that a
 *   strict server can be written to and not listed
 *
 * It is s3rver in the fork that 20minutes keeps up: the original has not been released since 2021 and has known holes.
 * Release 4 is its last for Node 20.
 */
export async function startS3(checksSignatures = false): Promise<S3Server> {
  const bucket = 'crm-backups';
  const directory = await makeFolder();
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    directory,
    silent: true,
    allowMismatchedSignatures: !checksSignatures,
    vhostBuckets: false,
    configureBuckets: [{ name: bucket }],
  });
  const { port } = await server.run();
  const line = new Line(port);
  const endpoint = `http://127.0.0.1:${await line.open()}`;
  onTestFinished(async () => {
    await line.close();
    await server.close();
  });
  const env = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };
  return {
    endpoint,
    bucket,
    env,
    folder: `${directory}/${bucket}`,
    cut: (count, bytes) => line.cut(count, bytes),
    overload: (requests) => line.overload(requests),
  };
}

const SLOW_DOWN = '<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';

/** Hands connections on to a port; cuts them, or answers in the port's place, when it is told to. */
class Line {
  readonly #port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cuts = 0;
  #afterBytes = 0;
  #overloads = 0;

  constructor(port: number) {
    this.#port = port;
    this.#server = createServer((near) => this.#carry(near));
  }

  open(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  overload(requests: number): void {
    this.#overloads = requests;
    for (const socket of this.#sockets) socket.destroy();
  }

  cut(connections: number, afterBytes: number): void {
    [this.#cuts, this.#afterBytes] = [connections, afterBytes];
    // Those that are open are kept alive, and would not be cut.
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(near: Socket): void {
    if (this.#overloads > 0) {
      this.#refuse(near);
      return;
    }
    const far = connect(this.#port, '127.0.0.1');
    const isCut = this.#cuts > 0;
    const limit = isCut ? this.#afterBytes : Number.POSITIVE_INFINITY;
    if (isCut) this.#cuts -= 1;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      let bytes = 0;
      this.#sockets.add(from);
      from.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes <= limit) return void to.write(chunk);
        near.resetAndDestroy();
        far.destroy();
      });
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => {});
    }
  }

  #refuse(near: Socket): void {
    this.#overloads -= 1;
    near.on('error', () => {});
    near.once('data', () => {
      const head = `HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: ${SLOW_DOWN.length}\r\n`;
      near.end(`${head}Connection: close\r\n\r\n${SLOW_DOWN}`);
    });
  }
}
