import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP server that is no PostgreSQL, for what a real one does not do on demand. */
export interface FakeServer {
  readonly port: number;
  /** Connections that were accepted so far. */
  connections(): number;
}

/** Listens on 127.0.0.1 until the test ends; `serve` gets every connection. */
export async function fakeServer(serve: (socket: Socket) => void): Promise<FakeServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, connections: () => connections };
}

/** Answers a log-in with one error and nothing else; offers no TLS (PostgreSQL docs 55.7, ErrorResponse). */
export function refuseWith(code: string, message: string): (socket: Socket) => void {
  const fields = `SFATAL\0VFATAL\0C${code}\0M${message}\0\0`;
  const response = Buffer.concat([Buffer.from('E'), int32(4 + Buffer.byteLength(fields)), Buffer.from(fields)]);
  const SSL_REQUEST = 80_877_103;
  return (socket) =>
    socket.on('data', (data) => {
      if (data.readInt32BE(4) === SSL_REQUEST) socket.write('N');
      else socket.end(response);
    });
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}
