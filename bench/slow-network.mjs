import net from 'node:net';

/** A server seen from afar: every byte takes `delayMs` in each direction. */
export async function startSlowNetwork(server, delayMs) {
  const { port, hostname } = new URL(server.url('postgres'));
  const sockets = new Set();
  const relay = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    pass(near, far, delayMs);
    pass(far, near, delayMs);
    for (const socket of [near, far]) sockets.add(socket);
  });
  await new Promise((ready) => relay.listen(0, '127.0.0.1', ready));
  return {
    ...server,
    pid: server.pid,
    url: (database) => {
      const url = new URL(server.url(database));
      url.port = relay.address().port;
      return url.href;
    },
    stop: () => {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}

function pass(from, to, delayMs) {
  from.setNoDelay(true);
  from.on('error', () => to.destroy());
  from.on('data', (chunk) => setTimeout(() => to.destroyed || to.write(chunk), delayMs));
  from.on('close', () => setTimeout(() => to.end(), delayMs));
}
