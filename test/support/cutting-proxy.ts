import net from 'node:net';
import { onTestFinished } from 'vitest';

/** Stands between a client and a server, and lets the client alone lose its connection. */
export interface CuttingProxy {
  /** The URL of the test's database, through the proxy. */
  url(of: string): string;
  /** Nobody gets through any more. */
  close(): void;
}

/**
 * Passes everything on, until a client sends what `cuts`: the server still gets that, the client gets no answer, and its
 * connection ends. The server's end stays open, as behind a cable that was cut. @param onCut told when it happens
 */
export async function startCuttingProxy(
  to: { readonly host: string; readonly port: number },
  cuts: (text: string) => boolean,
  onCut: () => void = () => {},
): Promise<CuttingProxy> {
  const sockets = new Set<net.Socket>();
  let isOpen = true;
  let isCut = false;
  const server = net.createServer((client) => {
    if (!isOpen) return void client.destroy();
    const upstream = net.connect(to.port, to.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (isCut || !cuts(chunk.toString('latin1'))) return;
      isCut = true;
      client.destroy();
      onCut();
    });
    upstream.on('data', (chunk) => client.destroyed || client.write(chunk));
    client.on('end', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  return {
    url: (of) => {
      const url = new URL(of);
      url.host = `127.0.0.1:${port}`;
      return url.href;
    },
    close: () => {
      isOpen = false;
    },
  };
}
