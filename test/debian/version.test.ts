import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { llvmVersion } from '../../src/debian/llvm-offers.ts';
import { compareDebian, holds, upstreamOf } from '../../src/debian/version.ts';
import { seededNumbers } from '../services/flips.ts';

// Oldest first.
const ORDER = [
  '0~~',
  '0~~a',
  '0~',
  '0',
  '0a',
  '0+',
  '1~rc1-1',
  '1.0-1',
  '1.0-1+b1',
  '1.0-1.1',
  '1.0-2~bpo13+1',
  '1.0-2',
  '1.0a-1',
  '1.0.1-1',
  '1.2',
  '1.10',
  '7.3~rc7-1~exp1',
  '7.3.4-1~bpo13+1',
  '7.3.4-1',
  '9999999999999999999998',
  '9999999999999999999999',
  '1:0.1',
  '1:23.1.0~rc1-1',
  '1:23.1.0-1',
  '1:24~++20261025103442+7e3c57157096-1~exp1',
  '10:0',
];

test('versions are ordered as Debian orders them', () => {
  for (const [at, left] of ORDER.entries()) {
    for (const [other, right] of ORDER.entries()) {
      assert.equal(Math.sign(compareDebian(left, right)), Math.sign(at - other), `${left} and ${right}`);
    }
  }
  assert.equal(compareDebian('1.0', '1.0-0'), 0);
  assert.equal(compareDebian('0:01.02', '1.2'), 0);
});

test('dpkg agrees on 300 pairs that were made at random', () => {
  const number = seededNumbers(7);
  const pick = (list: string) => list[number(list.length)] ?? '';
  const word = (length: number) =>
    Array.from({ length: 1 + number(length) }, () => pick('0011239ab~+..')).join('');
  const version = () => {
    const epoch = number(3) === 0 ? `${number(3)}:` : '';
    const revision = number(2) === 0 ? `-${word(3)}` : '';
    return `${epoch}${number(3)}${word(5)}${revision}`;
  };
  const seen = new Set<number>();
  for (let pair = 0; pair < 300; pair++) {
    const left = version();
    // Near ones tell more than strangers.
    const right = number(2) === 0 ? version() : `${left.slice(0, -1)}${pick('019a~+')}`;
    const order = Math.sign(compareDebian(left, right));
    const operator = order < 0 ? 'lt' : order > 0 ? 'gt' : 'eq';
    const { status, error } = spawnSync('dpkg', ['--compare-versions', left, operator, right]);
    assert.equal(error, undefined, 'dpkg is missing; the tests run on Debian or Ubuntu');
    assert.equal(status, 0, `dpkg does not say: ${left} ${operator} ${right}`);
    seen.add(order);
  }
  assert.deepEqual([...seen].sort(), [-1, 0, 1]);
});

for (const [version, operator, wanted, expected] of [
  ['2.38-1', '>=', '2.38', true],
  ['2.36-9', '>=', '2.38', false],
  ['1:23.1.4-2', '=', '1:23.1.4-2', true],
  ['1:23.1.4-2+b1', '=', '1:23.1.4-2', false],
  ['2', '>>', '2', false],
  ['2', '<<', '2~', false],
  ['1.9', '<<', '2', true],
  ['2', '<=', '2', true],
] as const) {
  test(`${version} ${operator} ${wanted} is ${expected}`, () =>
    assert.equal(holds(version, operator, wanted), expected));
}

for (const [version, upstream, llvm] of [
  ['1:23.1.4-2', '23.1.4', '23.1.4'],
  ['1:19.1.7-3~deb12u1', '19.1.7', '19.1.7'],
  ['1:23.1.0~rc1-1', '23.1.0~rc1', '23.1.0-rc1'],
  ['1:17.0.0~+rc3-1', '17.0.0~+rc3', '17.0.0-rc3'],
  ['1:23.1.4~++20261101+abc-1', '23.1.4~++20261101+abc', '23.1.4'],
  ['1:24~++20261025103442+7e3c57157096-1~exp1', '24~++20261025103442+7e3c57157096', '24.0.0-rc0'],
  ['1:23-1', '23', undefined],
] as const) {
  test(`${version} is LLVM ${llvm}`, () => {
    assert.equal(upstreamOf(version), upstream);
    assert.equal(llvmVersion(upstream), llvm);
  });
}
