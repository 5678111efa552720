import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { FAULTS } from './faults.ts';
import { faultsPage } from './page.ts';

test('docs/faults.md lists the faults that are tried (npm run test:faults writes it)', async () => {
  await expect(faultsPage(FAULTS)).toMatchFileSnapshot(resolve(import.meta.dirname, '../../docs/faults.md'));
});
