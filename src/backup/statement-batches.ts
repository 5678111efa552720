/** A line of pg_restore's that writes a part of a large object: 16 kB of it (LOBBUFSIZE), which are hexadecimal digits. */
const LOWRITE = Buffer.from("\nSELECT pg_catalog.lowrite(0, '\\x");

/**
 * A script of statements in pieces of about that many bytes, each of whole statements, as far as large objects make it
 * long: memory does not grow with them. (What only looks like such a line, in a name, makes a piece that the server
 * refuses.)
 */
export async function* batchesOf(script: AsyncIterable<Buffer>, bytes = 1024 * 1024): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of script) {
    held.push(chunk);
    size += chunk.length;
    if (size < bytes) continue;
    const all = Buffer.concat(held);
    const end = all.lastIndexOf(LOWRITE) + 1;
    if (end > 0) yield all.subarray(0, end).toString('utf8');
    const rest = all.subarray(end);
    held = [rest];
    // A piece without an end is not looked through again with each chunk.
    size = end > 0 ? rest.length : 0;
  }
  const rest = Buffer.concat(held).toString('utf8');
  if (rest !== '') yield rest;
}
