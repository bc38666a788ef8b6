import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { countFrontEnd } from '../../src/build/front-end-count.ts';
import { archOf } from '../../src/values/arch.ts';
import { testHost } from '../services/host.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'front-end-count-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const BASE: Readonly<Record<string, string>> = {
  'scripts/Makefile.build': 'src := $(srcroot)/$(obj)\n',
  'arch/x86/Makefile':
    'core-y += arch/x86/\nlibs-y += arch/x86/lib/\ndrivers-$(CONFIG_PCI) += arch/x86/pci/\n',
  Kbuild: 'obj-y += init/\nobj-y += $(ARCH_CORE) $(ARCH_LIB) $(ARCH_DRIVERS)\nobj-$(CONFIG_NET) += net/\n',
  'init/Makefile': 'obj-y := main.o version.o\n',
  'arch/x86/Kbuild': 'obj-y := entry.o\n',
  'arch/x86/lib/Makefile': 'lib-y := copy.o copy.o memset.o\n',
  'arch/x86/pci/Makefile': 'obj-y := direct.o\n',
  'net/Makefile': 'obj-y := socket.o\nobj-$(CONFIG_WIFI) += wifi.o\n',
};
/** main, version, entry, copy, memset. */
const BASE_COUNT = 5;

function tree(files: Readonly<Record<string, string>>, config: string): { treePath: string; output: string } {
  const treePath = join(folder, 'tree');
  for (const [name, text] of Object.entries({ ...BASE, ...files })) {
    mkdirSync(dirname(join(treePath, name)), { recursive: true });
    writeFileSync(join(treePath, name), text);
  }
  const output = join(folder, 'out');
  mkdirSync(output);
  writeFileSync(join(output, '.config'), config);
  return { treePath, output };
}

function count(
  files: Readonly<Record<string, string>>,
  config: string,
  changes: { modules?: boolean; environment?: Record<string, string> } = {},
): Promise<number | undefined> {
  return countFrontEnd(testHost(), {
    ...tree(files, config),
    arch: archOf('x86_64'),
    modules: changes.modules ?? true,
    environment: changes.environment ?? { PATH: process.env.PATH ?? '' },
  });
}

const CASES: readonly [string, Readonly<Record<string, string>>, string, number][] = [
  ['objects and libraries of the folders, each once', {}, '', 0],
  ['a folder that an option adds', {}, 'CONFIG_NET=y\n', 1],
  ['a folder of the architecture that an option adds', {}, 'CONFIG_PCI=y\n', 1],
  ['kernel modules', {}, 'CONFIG_NET=y\nCONFIG_WIFI=m\n', 2],
  [
    'a composite object by its parts',
    { 'net/Makefile': 'obj-y := net.o\nnet-y := a.o b.o\nnet-objs := c.o\n' },
    'CONFIG_NET=y\n',
    3,
  ],
  [
    'a composite kernel module with built-in and module parts',
    { 'net/Makefile': 'obj-m := net.o\nnet-y := a.o\nnet-m := b.o\nnet- := c.o\n' },
    'CONFIG_NET=y\n',
    2,
  ],
  [
    'parts of one folder that have the name of an object of another',
    {
      'init/Makefile': 'obj-y := core.o version.o\ncore-y := a.o b.o\n',
      'net/Makefile': 'obj-y := core.o\n',
    },
    'CONFIG_NET=y\n',
    2,
  ],
  [
    'folders below folders, by obj and by subdir',
    {
      'net/Makefile': 'obj-y := one/\nsubdir-y := two\n',
      'net/one/Makefile': 'obj-y := one.o three/\n',
      'net/one/three/Kbuild': 'obj-y := x.o y.o\n',
      'net/two/Makefile': 'extra-y := head.o head.lds\n',
    },
    'CONFIG_NET=y\n',
    4,
  ],
  [
    'text options without their quotes',
    { 'net/Makefile': 'obj-y := $(CONFIG_EXTRA)\n' },
    'CONFIG_NET=y\nCONFIG_EXTRA="a.o b.o"\n',
    2,
  ],
  [
    'objects that objcopy makes not at all',
    { 'net/Makefile': 'obj-y := a.pi.o b.stub.o\nextra-y := a.o b.o\n' },
    'CONFIG_NET=y\n',
    2,
  ],
  [
    'files that src names',
    { 'net/Makefile': 'include $(src)/list\n', 'net/list': 'obj-y := a.o b.o\n' },
    'CONFIG_NET=y\n',
    2,
  ],
  [
    'files that src names in a tree before 6.10',
    {
      'scripts/Makefile.build': 'src := $(obj)\n',
      'net/Makefile': 'include $(srctree)/$(src)/list\n',
      'net/list': 'obj-y := a.o\n',
    },
    'CONFIG_NET=y\n',
    1,
  ],
  ['a folder that is not there as nothing', { Kbuild: `${BASE.Kbuild}obj-y += gone/\n` }, '', 0],
  [
    'folders that name each other, up to a bound',
    { 'net/Makefile': 'obj-y := a.o\nsubdir-y := ../net\n' },
    'CONFIG_NET=y\n',
    12,
  ],
];
for (const [title, files, config, more] of CASES) {
  test(`counts ${title}`, async () => {
    assert.equal(await count(files, config), BASE_COUNT + more);
  });
}

test('kernel modules are left out of a build of vmlinux alone', async () => {
  assert.equal(await count({}, 'CONFIG_NET=y\nCONFIG_WIFI=m\n', { modules: false }), BASE_COUNT + 1);
});

test('no command of a Kbuild file runs, and no rule of it is followed', async () => {
  const trap = join(folder, 'trap');
  const line = `$(shell touch ${trap})`;
  const files = {
    'init/Makefile': `SHELL := /bin/sh\n${line}x != touch ${trap}\nobj-y := main.o version.o\n-include ${trap}.mk\n${trap}.mk:\n\ttouch ${trap}\n`,
  };
  assert.equal(await count(files, ''), BASE_COUNT);
  assert.equal(existsSync(trap), false);
  assert.deepEqual(readdirSync(join(folder, 'out')), ['.config']);
  assert.deepEqual(readdirSync(join(folder, 'tree', 'init')), ['Makefile']);
});

const FAILURES: readonly [string, Readonly<Record<string, string>>, Record<string, string> | undefined][] = [
  ['a Kbuild file that ends with an error', { 'init/Makefile': '$(error no)\n' }, undefined],
  ['a Kbuild file that is no makefile', { 'init/Makefile': 'ifeq (\n' }, undefined],
  [
    'a tree before 6.1, whose top Makefile names the folders',
    { Kbuild: 'always-y := bounds.h\n' },
    undefined,
  ],
  ['a machine without make', {}, { PATH: '/nonexistent' }],
];
test('an output folder without a configuration gives no count', async () => {
  const { treePath, output } = tree({}, '');
  rmSync(join(output, '.config'));
  const query = {
    treePath,
    output,
    arch: archOf('x86_64'),
    modules: true,
    environment: { PATH: process.env.PATH ?? '' },
  };
  assert.equal(await countFrontEnd(testHost(), query), undefined);
});

test('a tree without the architecture gives no count', async () => {
  const paths = tree({}, '');
  const query = {
    ...paths,
    arch: archOf('arm64'),
    modules: true,
    environment: { PATH: process.env.PATH ?? '' },
  };
  assert.equal(await countFrontEnd(testHost(), query), undefined);
});

for (const [title, files, environment] of FAILURES) {
  test(`${title} gives no count, and no exception`, async () => {
    assert.equal(await count(files, '', environment === undefined ? {} : { environment }), undefined);
  });
}
