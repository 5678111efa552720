/** The items in lists of so many. */
export function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}

/** Each lane takes the next chunk when it is done with one. */
export async function shareOut<L, T>(
  lanes: readonly L[],
  chunks: readonly T[],
  work: (lane: L, chunk: T, at: number) => Promise<void>,
): Promise<void> {
  const left = chunks.entries();
  await Promise.all(
    lanes.map(async (lane) => {
      for (const [at, chunk] of left) await work(lane, chunk, at);
    }),
  );
}
