/** @module-tag since-15 */
import { expect, test } from '../support/database.ts';
import { difference, fingerprint } from '../support/fingerprint.ts';
import { apply, FILES, hasRollback, rollBack } from './pack.ts';

test('all but the deletion of duplicates in 019 can be rolled back', () => {
  expect(FILES.filter((file) => !hasRollback(file))).toEqual(['019_cleanup_duplicate_emails.sql']);
});

test('up, down and up again: each rollback is the inverse of its migration, at the time and from the end', async ({
  db,
}) => {
  const client = await db.connect();
  const before = new Map<string, string[]>();
  let now = await fingerprint(client);
  for (const file of FILES) {
    before.set(file, now);
    await apply(client, file);
    const after = await fingerprint(client);
    if (hasRollback(file)) {
      await rollBack(client, file);
      expect(difference(now, await fingerprint(client)), `after ROLLBACK_${file}`).toEqual([]);
      await rollBack(client, file);
      expect(difference(now, await fingerprint(client)), `after ROLLBACK_${file} twice`).toEqual([]);
      await apply(client, file);
      expect(difference(after, await fingerprint(client)), `after ${file} again`).toEqual([]);
    }
    now = after;
  }

  const end = now;
  for (const file of FILES.toReversed()) {
    if (hasRollback(file)) await rollBack(client, file);
    expect(difference(before.get(file)!, await fingerprint(client)), `before ${file}, from the end`).toEqual([]);
  }

  for (const file of FILES) await apply(client, file);
  expect(difference(end, await fingerprint(client))).toEqual([]);
});
