import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAULTS } from './faults.ts';
import { BACKUP, expectBackupsKept, expectNothingLeft, World } from './world.ts';

/** How often a fault of random moments happens, as `npm run test:faults` says; otherwise the shorter way is taken. */
const ASKED = process.env['AISHA_FAULT_ROUNDS'];
const ROUNDS = Number(ASKED ?? 1);

let world: World;
beforeAll(async () => {
  world = await World.begin();
  expect((await world.firstBackup()).code).toBe(0);
});
afterAll(() => world.end());

const CASES = FAULTS.flatMap((fault) =>
  Array.from({ length: fault.repeated ? ROUNDS : 1 }, (_, round) => ({ ...fault, round: round + 1 })),
);

test.for(CASES)('nothing is lost when $name ($round)', async (fault) => {
  const { code, says, repeated, happen } = fault;
  await world.configure({});
  const before = world.backups();
  const result = await happen(world);
  const isOver = repeated && result.code === 0;
  if (code === 'killed') expect(isOver ? 'SIGKILL' : result.signal).toBe('SIGKILL');
  else expect(isOver ? code : result.code, result.stderr).toBe(code);
  const heard = [says].flat().filter((words) => result.stderr.includes(words));
  if (!isOver) expect(heard, result.stderr).not.toEqual([]);
  await expectBackupsKept(world, before);
  if (code !== 'killed') await expectNothingLeft(world);
  await world.dropCopies();
  await world.configure({});
  if (fault.sparesBackups && ASKED === undefined) return expectNothingLeft(world);
  const next = await world.run(BACKUP);
  expect(next.code, next.stderr).toBe(0);
  await expectBackupsKept(world, [...before, world.backups().at(-1)!]);
  await expectNothingLeft(world);
});
