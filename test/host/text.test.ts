import assert from 'node:assert/strict';
import { test } from 'node:test';
import { harmless, printable } from '../../src/host/text.ts';
import { readLog } from '../services/workflow-commands.ts';

test('no line of a build is a command to the runner', () => {
  const starts = [
    '',
    ' ',
    '\t',
    '\u00a0',
    '\u0085',
    '\ufeff',
    '\u200b',
    '\u00ad',
    '\0',
    '\u3000',
    '\u0301',
    '\x1b',
    '\ufe0f',
  ];
  const lines = starts.flatMap((start) => [
    `${start}::error file=a.c::forged`,
    `${start}:\u200b:error::forged`,
    `${start}::set-output name=a::forged`,
    `text\r${start}::error::forged`,
    `text\n${start}::add-mask::forged`,
    `text\r\n${start}::stop-commands::forged`,
    `text ${start}##[error]forged`,
    `#${start}#${start}[group]forged`,
    `###${start}[command]##[add-path]forged`,
    `${start}##[set-env name=PATH]forged`,
  ]);
  for (const line of lines) {
    const safe = harmless(line);
    assert.deepEqual(readLog(safe).commands, [], JSON.stringify(line));
    assert.equal(readLog(safe).text.length, 1);
    assert.match(safe, /forged/);
  }
  // The reader that this is held against knows a command when it sees one.
  assert.equal(lines.filter((line) => readLog(line).commands.length > 0).length > starts.length * 7, true);
});

test('any mixture of the pieces of commands is harmless, and twice is as once', () => {
  const pieces = [
    '::',
    ':',
    '#',
    '##[',
    '[',
    ']',
    'error',
    'group',
    ' ',
    '\r',
    '\n',
    '\u200b',
    '\u0301',
    'x',
    '\u2028',
  ];
  let seed = 12345;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  for (let round = 0; round < 30_000; round += 1) {
    const line = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
    const safe = harmless(line);
    assert.deepEqual(readLog(safe).commands, [], JSON.stringify(line));
    assert.equal(harmless(safe), safe, JSON.stringify(line));
  }
});

test('ordinary lines stay as they are', () => {
  const lines = [
    '  CC      kernel/fork.o',
    "a.c:1:2: error: use of undeclared identifier 'std::x' [-Wx]",
    '\x1b[1ma.c:1:2: \x1b[0;31merror\x1b[0m',
    '# [x] ## heading #[x]',
    '',
  ];
  for (const line of lines) assert.equal(harmless(line), line);
});

test('a long line takes no long time', () => {
  const started = performance.now();
  for (const piece of ['#', ':', ' ', '\u200b', '#\u200b', '##']) harmless(piece.repeat(500_000));
  assert.ok(performance.now() - started < 2000);
});

test('control characters cannot steer a terminal', () => {
  assert.equal(printable('a\tb é\x1b]0;title\x07\r\n\x9b2J\x7f'), 'a\tb é␛]0;title␇␍␊\ufffd2J\ufffd');
});
