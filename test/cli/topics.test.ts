import { describe, expect, test } from 'vitest';
import { commandFolder } from '../../src/cli/modules.ts';
import { parseArguments } from '../../src/cli/parse-arguments.ts';
import { topics } from '../../src/cli/topics.ts';
import { greet, run } from './main.ts';

describe('help TOPIC', () => {
  test('prints the topic, and "help topics" lists them all', async () => {
    const { code, stdout } = await run(['help', 'connecting'], greet());
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'Connecting: which database a command talks to']);
    const list = await run(['help', 'topics'], greet());
    for (const { name, summary } of topics()) expect(list.stdout).toContain(`  ${name.padEnd(10)}  ${summary}\n`);
    expect((await run(['help'], greet())).stdout).toContain('Topics, by aisha-db help <topic>: ci, connecting,');
  });

  test('says what was meant, of the topics and of the commands', async () => {
    const topic = await run(['help', 'conecting'], greet());
    expect([topic.code, topic.stdout]).toEqual([2, '']);
    expect(topic.stderr).toContain('error: there is no help for "conecting"\nhint: Did you mean connecting?');
    expect((await run(['help', 'gret'], greet())).stderr).toContain('Did you mean greet?');
  });

  test('of a command is that of the command, also where a topic has its name', async () => {
    expect((await run(['help', 'greet'], greet())).stdout).toContain('Usage: aisha-db greet');
  });
});

/** `aisha-db …` up to the end of the line or of the shell's command. */
const examples = topics().flatMap(({ name, text }) =>
  [...text.matchAll(/(?:^|\s)aisha-db ([a-z-]+(?: .*)?)$/gm)].map(([, line]) => ({ name, line: line!.trim() })),
);

test.each(examples)('the example of $name is understood: aisha-db $line', async ({ line }) => {
  const argv = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
  await expect(parseArguments(argv, commandFolder)).resolves.toMatchObject({ name: argv[0] });
});

test('every topic has examples and fits into 120 columns', () => {
  for (const { name, text } of topics()) {
    expect(
      examples.some((example) => example.name === name),
      name,
    ).toBe(true);
    expect(
      text.split('\n').filter((line) => line.length > 120),
      name,
    ).toEqual([]);
  }
});
