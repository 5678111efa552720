import { expect, test } from 'vitest';
import { sortByReference } from '../../src/tenants/plan.ts';

const key = (child: string, parent: string) => ({ child, parent });

test('parents come before children, whatever the order they are named in', () => {
  const keys = [key('message', 'conversation'), key('conversation', 'tenant'), key('message', 'tenant')];
  expect(sortByReference(['message', 'conversation', 'tenant'], keys)).toEqual([
    ['tenant'],
    ['conversation'],
    ['message'],
  ]);
});

test('tables that refer to each other in a circle share a group; one that refers to itself stays alone', () => {
  const keys = [key('a', 'b'), key('b', 'c'), key('c', 'a'), key('c', 'tenant'), key('tree', 'tree'), key('tree', 'a')];
  const groups = sortByReference(['a', 'b', 'c', 'tenant', 'tree'], keys).map((group) => group.toSorted());
  expect(groups).toEqual([['tenant'], ['a', 'b', 'c'], ['tree']]);
});
