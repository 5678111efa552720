import type { Fault } from './faults.ts';

const HEAD = `# What happens when something goes wrong

Generated from test/faults/faults.ts, which \`npm run test:faults\` carries out, line by line, with real programs on a real
server; \`npm test\` does the same with fewer random moments and fewer backups afterwards. After each of them:

- the backups that were listed before are still listed, and every byte of them is what it was;
- no program, session, lock or unfinished folder of a run is left (after a kill of aisha-db itself: once it has run again);
- the exit code and the message name the cause;
- the next backup succeeds, and so does the next restore where one was disturbed.

| what goes wrong | how it is done | exit code | what is said |
| --- | --- | ---: | --- |
`;

const FOOT = `
Which exit code means what is in [exit-codes.md](exit-codes.md), what a backup is in [backup.md](backup.md).
`;

/** docs/faults.md. */
export function faultsPage(faults: readonly Fault[]): string {
  const rows = faults.map(({ name, how, code, says, repeated }) => {
    const outcome = code === 'killed' ? 'killed' : String(code);
    const often = repeated ? ', as often as AISHA_FAULT_ROUNDS says' : '';
    const words = [says].flat().flatMap((one) => (one === '' ? [] : [`\`${one}\``]));
    return `| ${name} | ${how}${often} | ${outcome} | ${words.join(' or ')} |`;
  });
  return `${HEAD}${rows.join('\n')}\n${FOOT}`;
}
