import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';
import { configTargets, readConfigRequest } from '../../src/kernel/config-request.ts';
import { readTree } from '../../src/kernel/tree.ts';
import { archOf } from '../../src/values/arch.ts';
import { UserError } from '../../src/values/error.ts';
import type { Mode } from '../../src/values/mode.ts';
import type { KernelTree } from '../../src/values/tree.ts';
import { testHost } from '../services/host.ts';
import { folderOf } from '../services/kconfig-tree.ts';
import { testTree } from '../services/tree.ts';

let tree: KernelTree;
before(async () => {
  tree = await readTree(testHost(), testTree());
});

interface Asked {
  readonly config?: readonly string[];
  readonly configFragments?: readonly string[];
  readonly kconfig?: readonly string[];
  readonly mode?: Mode;
  readonly arch?: string;
  readonly reduction?: boolean;
  readonly of?: KernelTree;
}

const read = (asked: Asked) =>
  readConfigRequest(
    {
      config: asked.config ?? ['defconfig'],
      configFragments: asked.configFragments ?? [],
      kconfig: asked.kconfig ?? [],
    },
    asked.of ?? tree,
    archOf(asked.arch ?? 'x86_64'),
    asked.mode ?? 'thin-dist',
    asked.reduction ?? true,
  );

function refusal(asked: Asked): string {
  try {
    read(asked);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
  return assert.fail(`taken: ${JSON.stringify(asked)}`);
}

test('targets of the tree are taken, and are the calls of make', () => {
  for (const [arch, config] of [
    ['x86_64', ['defconfig', 'kvm_guest.config']],
    ['x86_64', ['tinyconfig']],
    ['x86_64', ['i386_defconfig', 'hardening.config', 'xen.config']],
    ['arm64', ['defconfig', 'virt.config']],
    ['arm64', ['virtconfig']],
    ['riscv', ['rv32_defconfig', '64-bit.config']],
    ['loongarch', ['loongson64_defconfig']],
  ] as const) {
    const request = read({ config, arch });
    assert.deepEqual(configTargets(request), [config, ['olddefconfig']]);
  }
});

test('what is no configuration target never reaches make', () => {
  const hostile = [
    '-f',
    '-C/tmp',
    '--eval=x',
    'clean',
    'mrproper',
    'all',
    'vmlinux',
    'O=/tmp',
    'CC=evil',
    '../x.config',
    '.config',
    '',
  ];
  hostile.push(
    'a b',
    '$(shell id)',
    'menuconfig',
    'oldconfig',
    'savedefconfig',
    'config',
    'x/../../defconfig',
    'no_such_defconfig',
  );
  hostile.push('virtconfig', 'nothere.config', 'tinyconfig\n', 'scripts/config', 'PHONY');
  for (const word of hostile) {
    const message = refusal({ config: [word] });
    assert.match(
      message,
      /^config: '.*' is no configuration target of Linux 7\.[\d.]+ for x86_64; use defconfig/s,
      word,
    );
  }
  assert.match(refusal({ config: ['defconfg'] }), /; did you mean defconfig\?$/);
  assert.match(refusal({ config: [] }), /^config: '' names no configuration/);
});

test('a file is a base, alone', () => {
  const file = path.join(folderOf({ 'my.config': 'CONFIG_A=y\n' }), 'my.config');
  const request = read({ config: [file] });
  assert.deepEqual(request.base, { file });
  assert.deepEqual(configTargets(request), [['olddefconfig']]);
  assert.match(refusal({ config: ['defconfig', file] }), /^config: the file .*my\.config stands alone/);
  assert.match(
    refusal({ config: ['/nowhere/my.config'] }),
    /^config: \/nowhere\/my\.config cannot be read \(ENOENT/,
  );
});

const lines = (asked: Asked) => read(asked).lines.map(({ symbol, value }) => `${symbol}=${value}`);

test('the mode sets its symbol, and takes the others of the tree away', () => {
  assert.deepEqual(lines({ mode: 'thin-dist' }).sort(), [
    'LTO_CLANG_FULL=n',
    'LTO_CLANG_THIN=n',
    'LTO_CLANG_THIN_DIST=y',
    'LTO_NONE=n',
  ]);
  assert.equal(lines({ mode: 'none' }).at(-1), 'LTO_NONE=y');
  const older: KernelTree = { ...tree, modes: ['none', 'full', 'thin'] };
  assert.deepEqual(lines({ mode: 'thin', of: older }).sort(), [
    'LTO_CLANG_FULL=n',
    'LTO_CLANG_THIN=y',
    'LTO_NONE=n',
  ]);
  assert.deepEqual(lines({ mode: 'none', of: { ...tree, modes: ['none'] } }), []);
});

test('a symbol for the reduction is set where the tree has one', () => {
  const fork: KernelTree = { ...tree, reduction: { builtIn: [], symbol: 'REDUCE' } };
  assert.ok(lines({ mode: 'thin', of: fork }).includes('REDUCE=y'));
  assert.ok(lines({ mode: 'thin', of: fork, reduction: false }).includes('REDUCE=n'));
  assert.ok(lines({ mode: 'thin-dist', of: fork, reduction: false }).includes('REDUCE=n'));
  assert.ok(!lines({ mode: 'thin-dist', of: fork }).some((line) => line.startsWith('REDUCE')));
  assert.ok(!lines({ mode: 'thin' }).some((line) => line.startsWith('REDUCE')));
});

test('an option against the mode is an error, one that agrees is none', () => {
  assert.equal(
    refusal({ kconfig: ['CONFIG_LTO_CLANG_FULL=y'] }),
    "kconfig: 'CONFIG_LTO_CLANG_FULL=y' speaks against lto: thin-dist, which sets '# CONFIG_LTO_CLANG_FULL is not set'; leave one of them out",
  );
  assert.match(refusal({ kconfig: ['CONFIG_LTO_CLANG_THIN_DIST=n'] }), /speaks against lto: thin-dist/);
  assert.deepEqual(read({ kconfig: ['CONFIG_LTO_CLANG_THIN_DIST=y', 'CONFIG_LTO_NONE=n'] }).warnings, []);
});

test('requests that contradict each other are warned of, and the later counts', () => {
  const file = path.join(folderOf({ f: 'CONFIG_A=y\nCONFIG_B=y\nCONFIG_LTO_NONE=y\n' }), 'f');
  const request = read({ configFragments: [file, file], kconfig: ['CONFIG_A=m', 'CONFIG_B=y'] });
  assert.deepEqual(request.warnings, [
    `kconfig: 'CONFIG_A=m' replaces 'CONFIG_A=y' of config-fragment: ${file}:1`,
    `lto: thin-dist: '# CONFIG_LTO_NONE is not set' replaces 'CONFIG_LTO_NONE=y' of config-fragment: ${file}:3`,
  ]);
  assert.equal(request.lines.findLast(({ symbol }) => symbol === 'A')?.value, 'm');
});
