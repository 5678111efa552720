import type { Client } from 'pg';

const underWay = new WeakMap<Client, Promise<unknown>>();

/**
 * Says one thing after the other on a connection that several ask of: the one that holds the lock is asked by the gate and
 * by whoever looks for what blocks a file. Begins at once where nothing is under way.
 */
export async function inTurn<T>(client: Client, say: () => Promise<T>): Promise<T> {
  for (let before = underWay.get(client); before !== undefined; before = underWay.get(client))
    await before.catch(() => undefined);
  const own = say();
  underWay.set(client, own);
  try {
    return await own;
  } finally {
    underWay.delete(client);
  }
}
