import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseMode, chooseReduction } from '../../src/build/plan.ts';
import type { Abilities } from '../../src/values/toolchain.ts';
import type { KernelTree } from '../../src/values/tree.ts';

const tree = (version: string, modes: KernelTree['modes']): KernelTree => ({
  path: '/src/linux',
  version,
  srcArches: ['x86'],
  modes,
  reduction: { builtIn: [] },
  timestamp: 0,
});
const NEW = tree('7.3.4', ['none', 'full', 'thin', 'thin-dist']);
const OLD = tree('6.12.95', ['none', 'full', 'thin']);
const ALL: Abilities = {
  target: 'x86_64-linux-gnu',
  thin: true,
  thinDist: true,
  reductionThin: true,
  reductionThinDist: true,
  evidence: ['seen'],
};

test('auto is thin-dist where the tree has it, and says so', () => {
  assert.equal(chooseMode('auto', NEW).mode, 'thin-dist');
  const old = chooseMode('auto', OLD);
  assert.equal(old.mode, 'thin');
  assert.match(old.chosen.join(), /the tree has no thin-dist \(Linux 6\.12\.95\)/);
});

test('a mode that the tree lacks is refused with the way out', () => {
  assert.throws(() => chooseMode('thin-dist', OLD), {
    name: 'UserError',
    message:
      /^lto: thin-dist is not in Linux 6\.12\.95 .*none, full, thin; use lto thin, or a tree of Linux 7\.2 or later/,
  });
});

test('reduction follows what the probe saw, mode by mode', () => {
  const between = { ...ALL, reductionThinDist: false };
  assert.equal(chooseReduction('auto', 'thin', between, 'LLVM 23.0.0').reduction, true);
  const auto = chooseReduction('auto', 'thin-dist', between, 'LLVM 23.0.0');
  assert.equal(auto.reduction, false);
  assert.match(auto.chosen.join(), /cannot in thin-dist/);
  assert.throws(() => chooseReduction('on', 'thin-dist', between, 'LLVM 23.0.0'), {
    message: /^suffix-reduction: on is not possible in thin-dist with LLVM 23\.0\.0 \(probed: seen\)/,
  });
  assert.equal(chooseReduction('off', 'thin', ALL, 'LLVM 23').reduction, false);
});

test('reduction asked for where nothing is promoted', () => {
  assert.throws(() => chooseReduction('on', 'full', ALL, 'LLVM 23'), {
    message: /^suffix-reduction: on needs lto thin/,
  });
  assert.equal(chooseReduction('auto', 'none', ALL, 'LLVM 23').reduction, false);
});

test('a toolchain that cannot do the mode at all', () => {
  assert.throws(() => chooseReduction('auto', 'thin', { ...ALL, thin: false }, 'LLVM 9'), {
    message: /^lto: thin does not work with LLVM 9 for x86_64-linux-gnu: seen/,
  });
});
