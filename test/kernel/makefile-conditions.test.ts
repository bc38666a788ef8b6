import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesUnder } from '../../src/kernel/makefile-conditions.ts';

const count = (makefile: string, ...set: readonly string[]) =>
  linesUnder(makefile, (name) => set.includes(name)).filter((line) => line.includes('HIT')).length;

const TABLE: readonly [string, readonly string[], number][] = [
  ['HIT', [], 1],
  ['ifdef CONFIG_A\nHIT\nendif', ['CONFIG_A'], 1],
  ['ifdef CONFIG_A\nHIT\nendif', [], 0],
  ['ifndef CONFIG_A\nHIT\nendif', [], 1],
  ['ifdef CONFIG_A\nelse\nHIT\nendif', ['CONFIG_A'], 0],
  ['ifdef CONFIG_A\nelse\nHIT\nendif', [], 1],
  ['ifdef CONFIG_A\nifdef CONFIG_B\nHIT\nendif\nendif', ['CONFIG_A'], 0],
  ['ifdef CONFIG_A\nifdef CONFIG_B\nHIT\nendif\nendif', ['CONFIG_A', 'CONFIG_B'], 1],
  ['ifdef CONFIG_A\nendif\nHIT', [], 1],
  ['ifdef CONFIG_A\nelse ifdef CONFIG_B\nHIT\nelse\nendif', ['CONFIG_B'], 1],
  ['ifdef CONFIG_A\nelse ifdef CONFIG_B\nHIT\nelse\nendif', ['CONFIG_A', 'CONFIG_B'], 0],
  ['ifdef CONFIG_A\nelse ifdef CONFIG_B\nelse\nHIT\nendif', ['CONFIG_B'], 0],
  ['ifdef CONFIG_A\nelse ifdef CONFIG_B\nelse\nHIT\nendif', [], 1],
  ['ifeq ($(CONFIG_A),y)\nHIT\nendif', ['CONFIG_A'], 1],
  ['ifeq ($(CONFIG_A), y)\nHIT\nendif', [], 0],
  ['ifneq ($(CONFIG_A)$(CONFIG_B),)\nHIT\nendif', ['CONFIG_B'], 1],
  ['ifneq ($(CONFIG_A)$(CONFIG_B),)\nHIT\nendif', [], 0],
  ['ifeq "$(CONFIG_A)" "y"  # why\nHIT\nendif', ['CONFIG_A'], 1],
  // Other variables may be anything: both branches count.
  ['ifdef mixed-build\nHIT\nelse\nHIT\nendif', [], 2],
  ['ifeq ($(KBUILD_EXTMOD),)\nHIT\nelse ifdef CONFIG_A\nHIT\nendif', [], 1],
  ['ifeq ($(KBUILD_EXTMOD),)\nelse\nHIT\nendif', [], 1],
  // A recipe's line is the shell's.
  ['ifdef CONFIG_A\nall:\n\telse \\\n\tendif\nHIT\nendif', [], 0],
  ['  ifdef CONFIG_A\n  HIT \\\n  HIT\n  endif', ['CONFIG_A'], 1],
  ['endif\nelse\nHIT', [], 1],
];

test('lines count under the conditionals that enclose them', () => {
  for (const [makefile, set, expected] of TABLE) {
    assert.equal(count(makefile, ...set), expected, `${makefile} with ${set}`);
  }
});
