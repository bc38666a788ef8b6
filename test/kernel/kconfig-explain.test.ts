import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readValues } from '../../src/kernel/config-lines.ts';
import { explainUnmet } from '../../src/kernel/kconfig/explain.ts';
import { kconfigOf } from '../services/kconfig-tree.ts';

/** What is said of a request, given the Kconfig file and the lines of the final configuration. */
function explained(text: string, config: string, symbol: string, wanted: string): string {
  const kconfig = kconfigOf(`config MODULES\n\tbool "modules"\n\tmodules\n${text}`);
  assert.deepEqual(kconfig.problems, []);
  return explainUnmet(kconfig, readValues(config), symbol, wanted);
}

const LTO = `config NM_IS_LLVM
	def_bool $(success,$(NM) --help | grep llvm)
config GCOV_KERNEL
	bool "gcov"
config HAS_LTO
	def_bool y
	depends on NM_IS_LLVM
	depends on !GCOV_KERNEL
choice
	prompt "LTO"
config LTO_NONE
	bool "None"
config LTO_THIN
	bool "Thin"
	depends on HAS_LTO
config LTO_FULL
	bool "Full"
	depends on HAS_LTO
endchoice
`;

const CASES: readonly [string, string, string, string, string, string][] = [
  [
    'a dependency is followed through symbols that nobody sets',
    LTO,
    'CONFIG_NM_IS_LLVM=y\nCONFIG_GCOV_KERNEL=y\nCONFIG_LTO_NONE=y',
    'LTO_THIN',
    'y',
    'LTO_THIN needs HAS_LTO (Kconfig:18), which is n; HAS_LTO needs !GCOV_KERNEL (Kconfig:11), and GCOV_KERNEL is y',
  ],
  [
    'a tool test that failed is shown as the macro',
    LTO,
    'CONFIG_LTO_NONE=y',
    'LTO_THIN',
    'y',
    'LTO_THIN needs HAS_LTO (Kconfig:18), which is n; HAS_LTO needs NM_IS_LLVM (Kconfig:10), which is n; the default of NM_IS_LLVM needs $(success,$(NM) --help | grep llvm) (Kconfig:5), a test of the tools that failed',
  ],
  [
    'a tool test among the dependencies themselves',
    'config A\n\tbool "a"\n\tdepends on y && $(cc-option,-fx)\n',
    '',
    'A',
    'y',
    'A needs $(cc-option,-fx) (Kconfig:6), a test of the tools that failed',
  ],
  [
    'another member of the choice won',
    LTO,
    'CONFIG_NM_IS_LLVM=y\nCONFIG_HAS_LTO=y\nCONFIG_LTO_FULL=y',
    'LTO_THIN',
    'y',
    'one member of its choice (Kconfig:12) is y, and that is LTO_FULL',
  ],
  [
    'the member of a choice that is y cannot be taken away alone',
    LTO,
    'CONFIG_LTO_NONE=y',
    'LTO_NONE',
    'n',
    'one member of its choice (Kconfig:12) is always y; ask for another (LTO_THIN, LTO_FULL)',
  ],
  [
    'an unknown symbol, with the name that was meant',
    LTO,
    '',
    'LTO_THNI',
    'y',
    'no Kconfig file of this tree defines it for x86; did you mean CONFIG_LTO_THIN?',
  ],
  [
    'an unknown symbol like no other',
    LTO,
    '',
    'ZEBRA',
    'y',
    'no Kconfig file of this tree defines it for x86',
  ],
  [
    'no prompt, and who selects it',
    'config HIDDEN\n\tbool\nconfig A\n\tbool "a"\n\tselect HIDDEN\nconfig B\n\tbool "b"\n\tselect HIDDEN if A\n',
    '',
    'HIDDEN',
    'y',
    'it has no prompt (Kconfig:4), so it cannot be asked for: it is selected by A, B',
  ],
  [
    'a needed symbol that only select sets',
    'config HIDDEN\n\tbool\nconfig A\n\tbool "a"\n\tselect HIDDEN\nconfig C\n\tbool "c"\n\tdepends on HIDDEN\n',
    '',
    'C',
    'y',
    'C needs HIDDEN (Kconfig:11), which is n (only select sets it: A)',
  ],
  [
    'a needed symbol of another architecture',
    'config C\n\tbool "c"\n\tdepends on ARM64\n',
    '',
    'C',
    'y',
    'C needs ARM64 (Kconfig:6), which is n (no Kconfig file defines it for x86)',
  ],
  [
    'a chain ends at what a user can set',
    'config A\n\tbool "a"\nconfig B\n\tbool "b"\n\tdepends on A\nif B\nconfig C\n\tbool "c"\nendif\n',
    '',
    'C',
    'y',
    'C needs B (Kconfig:9), which is n; B needs A (Kconfig:8), which is n',
  ],
  [
    'all values of an alternative',
    'config A\n\tbool "a"\nconfig B\n\tint "b"\nconfig C\n\tbool "c"\n\tdepends on A || B > 6 || NONE\n',
    'CONFIG_B=5',
    'C',
    'y',
    'C needs A || B > 6 || NONE (Kconfig:10), and A is n, B is 5, NONE is n',
  ],
  [
    'a select that holds what must be off',
    'config A\n\tbool "a"\nconfig B\n\tbool "b"\n\tselect A\nconfig C\n\tbool "c"\n\tdepends on !A\n',
    'CONFIG_A=y\nCONFIG_B=y',
    'C',
    'y',
    'C needs !A (Kconfig:11), and A is y (B selects it, Kconfig:8)',
  ],
  [
    'forced on by select',
    'config A\n\tbool "a"\nconfig OFF\n\tbool "off"\n\tselect A\nconfig B\n\tbool "b"\n\tselect A\n',
    'CONFIG_A=y\nCONFIG_B=y',
    'A',
    'n',
    'B selects it (Kconfig:11), and B is y',
  ],
  [
    'raised from m to y by select',
    'config A\n\ttristate "a"\nconfig B\n\tbool "b"\n\tselect A\n',
    'CONFIG_MODULES=y\nCONFIG_A=y\nCONFIG_B=y',
    'A',
    'm',
    'B selects it (Kconfig:8), and B is y',
  ],
  [
    'limited to m by a dependency',
    'config A\n\ttristate "a"\nconfig B\n\ttristate "b"\n\tdepends on A\n',
    'CONFIG_MODULES=y\nCONFIG_A=m\nCONFIG_B=m',
    'B',
    'y',
    'B needs A (Kconfig:8), which is m',
  ],
  [
    'm without modules',
    'config A\n\ttristate "a"\n',
    'CONFIG_A=y',
    'A',
    'm',
    'MODULES is n, and m is no value without it; set CONFIG_MODULES=y, or ask for y',
  ],
  [
    'm of a bool',
    'config A\n\tbool "a"\n',
    'CONFIG_MODULES=y',
    'A',
    'm',
    'it is of type bool (Kconfig:4), which takes y or n',
  ],
  [
    'a text for a number',
    'config A\n\tint "a"\n',
    '',
    'A',
    '"1"',
    'it is of type int (Kconfig:4), which takes a decimal number',
  ],
  [
    'out of range, with an end that is a symbol',
    'config TOP\n\tint "top"\nconfig A\n\tint "a"\n\trange 100 200 if MODULES\n\trange 2 TOP\n',
    'CONFIG_TOP=8\nCONFIG_A=8',
    'A',
    '9',
    'its range is 2 to 8 (Kconfig:9)',
  ],
  [
    'a prompt that is hidden, and the default that decides then',
    'config EXPERT\n\tbool "expert"\nconfig A\n\tbool "a" if EXPERT\n\tdefault y\n',
    'CONFIG_A=y',
    'A',
    'n',
    'the prompt of A needs EXPERT (Kconfig:7), which is n; so its default decides (Kconfig:8), which is y',
  ],
  [
    'a menu that is hidden',
    'config A\n\tbool "a"\nmenu "m"\n\tvisible if A\nconfig B\n\tbool "b"\nendmenu\n',
    '',
    'B',
    'y',
    'the prompt of B needs A (Kconfig:7), which is n',
  ],
  [
    'an old name',
    'config NEW\n\tbool "new"\n\tdefault OLD\nconfig OLD\n\tbool\n\ttransitional\n',
    '',
    'OLD',
    'y',
    'it is an old name that Kconfig reads and never writes (Kconfig:7); ask for CONFIG_NEW',
  ],
  [
    'a conditional dependency',
    'config A\n\tbool "a"\nconfig B\n\tbool "b"\nconfig C\n\tbool "c"\n\tdepends on A if B\n',
    'CONFIG_B=y',
    'C',
    'y',
    'C needs A || B = n (Kconfig:10), and A is n, B is y',
  ],
  [
    'symbols that need each other do not go round for ever',
    'config A\n\tbool "a"\n\tdepends on B\nconfig B\n\tbool "b"\n\tdepends on A\n',
    '',
    'A',
    'y',
    'A needs B (Kconfig:6), which is n; B needs A (Kconfig:9), which is n',
  ],
];

for (const [name, text, config, symbol, wanted, expected] of CASES) {
  test(name, () => assert.equal(explained(text, config, symbol, wanted), expected));
}
