import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kconfigWarnings } from '../../src/kernel/kconfig-warnings.ts';

test('warnings are one line each, with what belongs to them, and each once', () => {
  const stderr = `.config:12:warning: override: reassigning to symbol FOO
scripts/x.c: In function 'main':

WARNING: unmet direct dependencies detected for BAR
  Depends on [n]: BAZ [=n]
  Selected by [y]:
  - QUX [=y] && NET [=y]
.config:12:warning: override: reassigning to symbol FOO
drivers/Kconfig:1:warning: \u001b[31mred
  not of a block
`;
  assert.deepEqual(kconfigWarnings(stderr), [
    '.config:12:warning: override: reassigning to symbol FOO',
    'WARNING: unmet direct dependencies detected for BAR; Depends on [n]: BAZ [=n]; Selected by [y]:; - QUX [=y] && NET [=y]',
    'drivers/Kconfig:1:warning:  [31mred',
  ]);
});

test('a flood of warnings is cut, and says by how much', () => {
  const flood = Array.from({ length: 200 }, (_, index) => `.config:${index}:warning: x`).join('\n');
  const found = kconfigWarnings(flood);
  assert.equal(found.length, 51);
  assert.equal(found.at(-1), '150 more warnings of Kconfig');
});
