import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readTree, refuseUnbuildable } from '../../src/kernel/tree.ts';
import { archOf } from '../../src/values/arch.ts';
import { UserError } from '../../src/values/error.ts';
import { testHost } from '../services/host.ts';
import { folderOf } from '../services/kconfig-tree.ts';
import { oldTree, testTree } from '../services/tree.ts';

const OPTIONS = '--lto-whole-program-visibility -mllvm -always-rename-promoted-locals=false';
const MAKEFILE = `VERSION = 7
PATCHLEVEL = 4
SUBLEVEL = 0
EXTRAVERSION = -rc1
NAME = Test
`;

const smallTree = (changes: Readonly<Record<string, string>> = {}) =>
  folderOf({
    Makefile: MAKEFILE,
    Kconfig: '',
    'scripts/Makefile.build': '',
    'arch/Kconfig':
      'config LTO_NONE\nconfig LTO_CLANG_FULL\nconfig LTO_CLANG_THIN\nconfig LTO_CLANG_THIN_DIST\n',
    'arch/x86/Kconfig': '',
    'arch/arm64/Kconfig': '',
    'arch/empty/file': '',
    ...changes,
  });

const refusal = async (folder: string): Promise<string> => {
  const error: unknown = await readTree(testHost(), folder).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof UserError, String(error));
  assert.doesNotMatch(error.message, /\n/);
  return error.message;
};

test('the tree of the tests has ThinLTO in both forms, and reduces in-process', async () => {
  const tree = await readTree(testHost(), testTree());
  assert.match(tree.version, /^7\.\d+\.\d+$/);
  assert.deepEqual([...tree.modes].sort(), ['full', 'none', 'thin', 'thin-dist']);
  assert.deepEqual(tree.reduction, { builtIn: ['thin'] });
  for (const name of ['x86', 'arm64', 'riscv', 'loongarch']) assert.ok(tree.srcArches.includes(name), name);
  const release = new Date(tree.timestamp * 1000).getUTCFullYear();
  assert.ok(release >= 2026 && release <= new Date().getUTCFullYear(), String(release));
  refuseUnbuildable(tree, archOf('x86_64'));
});

test('the old tree has in-process ThinLTO only, and does not reduce', async () => {
  const tree = await readTree(testHost(), oldTree());
  assert.match(tree.version, /^6\.12\.\d+$/);
  assert.deepEqual([...tree.modes].sort(), ['full', 'none', 'thin']);
  assert.deepEqual(tree.reduction, { builtIn: [] });
});

test('version, architectures and modes come from the files', async () => {
  const tree = await readTree(testHost(), smallTree());
  assert.equal(tree.version, '7.4.0-rc1');
  assert.deepEqual(tree.srcArches, ['arm64', 'x86']);
  assert.equal(tree.commit, undefined);
});

test('the forms of reduction are told from the text of the Makefile and of Kconfig', async () => {
  const line = `KBUILD_LDFLAGS += $(call ld-option,${OPTIONS})\n`;
  const under = (condition: string, body: string) => `${condition}\n${body}endif\n`;
  const cases: readonly [string, readonly string[]][] = [
    [under('ifdef CONFIG_LTO_CLANG', under('ifdef CONFIG_LTO_CLANG_THIN', line)), ['thin']],
    [
      under('ifdef CONFIG_LTO_CLANG', `ifdef CONFIG_LTO_CLANG_FULL\nelse\n${line}endif\n`),
      ['thin', 'thin-dist'],
    ],
    [
      `ifdef CONFIG_LTO_CLANG_THIN\n${line}else ifdef CONFIG_LTO_CLANG_THIN_DIST\n${line}endif\n`,
      ['thin', 'thin-dist'],
    ],
    [under('ifneq ($(CONFIG_LTO_CLANG_THIN)$(CONFIG_LTO_CLANG_THIN_DIST),)', line), ['thin', 'thin-dist']],
    [under('ifdef CONFIG_LTO_CLANG_THIN_DIST', line), ['thin-dist']],
    [under('ifdef CONFIG_LTO_CLANG_THIN', `# ${line}`), []],
    [under('ifdef CONFIG_LTO_CLANG_THIN', line.replace('+= ', '+= \\\n\t')), ['thin']],
  ];
  for (const [text, expected] of cases) {
    const { reduction } = await readTree(testHost(), smallTree({ Makefile: MAKEFILE + text }));
    assert.deepEqual(reduction, { builtIn: expected }, text);
  }
  // The patch as first posted.
  const fork = smallTree({
    Makefile:
      MAKEFILE +
      under('ifdef CONFIG_LTO_CLANG_THIN', under('ifdef CONFIG_LTO_CLANG_THIN_SUFFIX_REDUCTION', line)),
    'arch/Kconfig': 'config LTO_CLANG_THIN\n\tbool\nconfig LTO_CLANG_THIN_SUFFIX_REDUCTION\n\tbool "x"\n',
  });
  const tree = await readTree(testHost(), fork);
  assert.deepEqual(tree.modes, ['none', 'thin']);
  assert.deepEqual(tree.reduction, { builtIn: [], symbol: 'LTO_CLANG_THIN_SUFFIX_REDUCTION' });
});

test('what is no kernel tree is refused in one line that says why', async () => {
  const folder = folderOf({ file: '', 'with space/Makefile': '' });
  assert.match(await refusal(path.join(folder, 'nowhere')), /^source: .*\/nowhere: no such folder; /);
  assert.match(await refusal(path.join(folder, 'file')), /^source: .*\/file is a file, not a folder/);
  assert.match(
    await refusal(path.join(folder, 'file/below')),
    /^source: .*\/file\/below cannot be read \(ENOTDIR/,
  );
  assert.match(
    await refusal(path.join(folder, 'with space')),
    /^source: '.*\/with space' has a space or colon in it/,
  );
  assert.match(
    await refusal(folder),
    /^source: .* is no kernel tree: it has no Makefile, Kconfig, arch, arch\/Kconfig, scripts\/Makefile\.build$/,
  );
  for (const makefile of ['all:\n', 'VERSION = 7\n', 'VERSION = $(shell x)\nPATCHLEVEL = 1\n']) {
    assert.match(
      await refusal(smallTree({ Makefile: makefile })),
      /its Makefile sets no VERSION and PATCHLEVEL$/,
    );
  }
});

test('a link to the tree is resolved, also where that shows a path that kbuild refuses', async () => {
  const folder = folderOf({ 'a:b/Makefile': '' });
  const tree = smallTree();
  symlinkSync(tree, path.join(folder, 'good'));
  symlinkSync('a:b', path.join(folder, 'bad'));
  assert.equal((await readTree(testHost(), path.join(folder, 'good'))).path, tree);
  assert.match(await refusal(path.join(folder, 'bad')), /a:b' has a space or colon/);
});

test('what kbuild takes for a tree built in place is refused, with the way out', async () => {
  for (const left of ['.config', 'include/config/auto.conf', 'arch/x86/include/generated/asm/x.h']) {
    const tree = await readTree(testHost(), smallTree({ [left]: '' }));
    assert.throws(
      () => refuseUnbuildable(tree, archOf('x86_64')),
      (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(
          error.message,
          /^source: .* was built in place .*'make -C .* ARCH=x86_64 mrproper'.*clean checkout$/,
        );
        return true;
      },
    );
  }
  const other = await readTree(testHost(), smallTree({ 'arch/x86/include/generated/x.h': '' }));
  refuseUnbuildable(other, archOf('arm64'));
  assert.throws(
    () => refuseUnbuildable(other, archOf('riscv')),
    /^UserError: arch: riscv: .* it has arm64, x86$/,
  );
});

test('the time is that of the newest top-level file, whatever lies deeper', async () => {
  const tree = smallTree({ CREDITS: '', MAINTAINERS: '' });
  const names = readdirSync(tree).filter((name) => /^[A-Z]/.test(name));
  for (const name of names) utimesSync(path.join(tree, name), 1_700_000_000, 1_700_000_000);
  utimesSync(path.join(tree, 'CREDITS'), 1_700_000_123, 1_700_000_123.9);
  assert.equal((await readTree(testHost(), tree)).timestamp, 1_700_000_123);
});

test('the commit and its time come from git, also for a checkout of another user', async () => {
  const tree = smallTree();
  const env = { ...process.env, GIT_COMMITTER_DATE: '1750000000 +0200', GIT_CONFIG_GLOBAL: '/dev/null' };
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', tree, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      env,
      encoding: 'utf8',
    });
  git('init', '-q');
  assert.equal((await readTree(testHost(), tree)).commit, undefined, 'a repository without a commit');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  const commit = git('rev-parse', 'HEAD').trim();
  if (process.getuid?.() === 0) {
    for (const name of ['.', '.git']) chownSync(path.join(tree, name), 65534, 65534);
  }
  // As in a git hook, whose variables lead elsewhere.
  const host = testHost({ env: { ...process.env, GIT_DIR: '/nowhere', GIT_CONFIG_GLOBAL: '/dev/null' } });
  const found = await readTree(host, tree);
  assert.equal(found.commit, commit);
  assert.equal(found.timestamp, 1_750_000_000);

  // Inside a repository that does not hold it.
  const inner = path.join(tree, 'untracked');
  mkdirSync(inner);
  execFileSync('cp', [
    '-r',
    ...['Makefile', 'Kconfig', 'scripts', 'arch'].map((name) => path.join(tree, name)),
    inner,
  ]);
  assert.equal((await readTree(host, inner)).commit, undefined);
});

test('without git the tree is read all the same', async () => {
  const found = await readTree(testHost({ env: { PATH: '/nowhere' } }), smallTree());
  assert.equal(found.commit, undefined);
  assert.ok(found.timestamp > 1_700_000_000);
});

test('a huge or strange file in the tree does no harm', async () => {
  const tree = smallTree();
  appendFileSync(path.join(tree, 'arch/Kconfig'), Buffer.alloc(5 << 20, '\n'));
  assert.deepEqual((await readTree(testHost(), tree)).modes, ['none']);
  writeFileSync(path.join(tree, 'Makefile'), Buffer.alloc(1 << 20, 0xff));
  assert.match(await refusal(tree), /sets no VERSION/);
});
