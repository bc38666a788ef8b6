import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseAnnotations } from '../../src/host/annotations.ts';
import type { Annotation } from '../../src/host/host.ts';

const ROOM = { error: 10, warning: 10, notice: 10 };
const at = (level: Annotation['level'], file: string, line: number): Annotation => ({
  level,
  message: `${file} ${line}`,
  file,
  line,
});
const many = (level: Annotation['level'], count: number, file = 'a.c') =>
  Array.from({ length: count }, (_, index) => at(level, file, index + 1));

test('ten of a level are all shown; of more, the last says how many', () => {
  for (const level of ['error', 'warning', 'notice'] as const) {
    assert.equal(chooseAnnotations(many(level, 10), ROOM).length, 10);
    const eleven = chooseAnnotations(many(level, 11), ROOM);
    assert.equal(eleven.length, 10);
    assert.deepEqual(eleven.at(-1), {
      level,
      message: `2 more ${level}s, which GitHub does not show here: see the log of this step`,
    });
    assert.match(chooseAnnotations(many(level, 1000), ROOM)[9]?.message ?? '', /^991 more /);
  }
});

test('the levels do not take room from each other, and come in their order', () => {
  const list = [...many('notice', 20), ...many('warning', 20), ...many('error', 20)];
  const levels = chooseAnnotations(list, ROOM).map(({ level }) => level);
  assert.deepEqual(levels, [
    ...Array(10).fill('error'),
    ...Array(10).fill('warning'),
    ...Array(10).fill('notice'),
  ]);
});

test('what concerns the whole run comes first, then each file has its turn', () => {
  const whole: Annotation = { level: 'error', message: 'The build failed' };
  const list = [
    ...many('error', 50, 'loud.c'),
    ...many('error', 3, 'b.c'),
    ...many('error', 1, 'c.c'),
    whole,
  ];
  const messages = chooseAnnotations(list, ROOM).map(({ message }) => message);
  assert.deepEqual(messages.slice(0, 9), [
    'The build failed',
    'loud.c 1',
    'b.c 1',
    'c.c 1',
    'loud.c 2',
    'b.c 2',
    'loud.c 3',
    'b.c 3',
    'loud.c 4',
  ]);
  assert.match(messages[9] ?? '', /^46 more errors/);
});

test('the same twice is one, and a message is cut at what GitHub keeps', () => {
  const one = at('warning', 'a.c', 1);
  assert.deepEqual(chooseAnnotations([one, { ...one }], ROOM), [one]);
  assert.equal(
    chooseAnnotations([{ level: 'error', message: 'x'.repeat(9000) }], ROOM)[0]?.message.length,
    4096,
  );
});

test('where no room is left, nothing is shown', () => {
  assert.deepEqual(chooseAnnotations(many('error', 3), { ...ROOM, error: 0 }), []);
  const last = chooseAnnotations(many('error', 3), { ...ROOM, error: 1 });
  assert.deepEqual(
    last.map(({ message }) => message.slice(0, 13)),
    ['3 more errors'],
  );
});
