import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseVersion, compareVersions, matchesVersion } from '../../src/toolchain/version.ts';

const THERE = [
  '9.0.1',
  '22.1.8',
  '23.1.0-rc2',
  '23.1.0',
  '23.1.10',
  '23.1.9',
  '23.2.0-rc10',
  '23.2.0-rc9',
  '24.1.0-rc1',
];

for (const [wanted, chosen] of [
  ['23', '23.1.10'],
  ['23.1', '23.1.10'],
  ['23.2', '23.2.0-rc10'],
  ['23.1.0', '23.1.0'],
  ['23.1.0-rc2', '23.1.0-rc2'],
  ['24', '24.1.0-rc1'],
  ['9', '9.0.1'],
] as const) {
  test(`${wanted} is ${chosen}`, () => assert.equal(chooseVersion(wanted, THERE, 'here'), chosen));
}

test('a version that is not there is told with those that are, newest first', () => {
  assert.throws(
    () => chooseVersion('23.9', ['22.1.8', '23.1.4', '23.1.3'], 'kernel-org (https://example.org)'),
    {
      name: 'UserError',
      message:
        "llvm-version: '23.9' is not at kernel-org (https://example.org); it has 23.1.4, 23.1.3, 22.1.8",
    },
  );
  assert.throws(
    () => chooseVersion('2', THERE, 'here'),
    /'2' is not at here; it has 24\.1\.0-rc1, .* and 1 older$/,
  );
  assert.throws(() => chooseVersion('23.1.1', THERE, 'here'), /'23\.1\.1' is not at here/);
  assert.throws(() => chooseVersion('23', [], 'here'), /it has none for this machine/);
});

test('a candidate is older than its release, and numbers are compared as numbers', () => {
  assert.deepEqual([...THERE].reverse().sort(compareVersions), THERE.toSorted(compareVersions));
  assert.ok(compareVersions('23.1.0-rc2', '23.1.0') < 0);
  assert.ok(compareVersions('23.1.10', '23.1.9') > 0);
  assert.equal(compareVersions('23.1.4', '23.1.4'), 0);
  assert.equal(compareVersions('23.1.0-rc1', '23.1.0-rc1'), 0);
  assert.equal(matchesVersion('23.1', '23.10.0'), false);
});
