import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { buildsFolder, COMMAND, oldestNode } from '../services/built.ts';
import { testToolchainFolder } from '../services/llvm.ts';
import { assertFitsSchema } from '../services/report-schema.ts';
import { oldTree, testTree } from '../services/tree.ts';

let scratch = '';
before(() => {
  scratch = mkdtempSync(path.join(buildsFolder(), 'bad-'));
});
after(() => {
  spawnSync('umount', [path.join(scratch, 'small')], { stdio: 'ignore' });
  rmSync(scratch, { recursive: true, force: true });
});

interface Refusal {
  readonly code: number | null;
  readonly line: string;
  readonly text: string;
}

/** Runs a build that must fail, and gives the last line, which is what the user is told. */
function refused(flags: readonly string[]): Refusal {
  const result = spawnSync(oldestNode(), [COMMAND, 'build', ...flags], {
    encoding: 'utf8',
    env: { ...process.env, CI: '' },
  });
  const text = result.stderr;
  assert.doesNotMatch(text, /^\s+at .*\.(js|ts):\d+/m, `a stack trace for a user's mistake:\n${text}`);
  return { code: result.status, line: text.trim().split('\n').at(-1) ?? '', text };
}

const inScratch = (name: string) => path.join(scratch, name);
const llvm = () => ['--llvm-path', testToolchainFolder()];
const tiny = (name: string, source = testTree()) => [
  ...['--source', source, '--output', inScratch(name), '--arch', 'x86_64', '--config', 'tinyconfig'],
  ...llvm(),
];

const CASES: readonly [string, () => readonly string[], RegExp, number?][] = [
  [
    'no such folder',
    () => ['--source', '/nowhere/linux', ...llvm()],
    /^source: .*\/nowhere\/linux.*(no such|does not exist|not there)/i,
  ],
  [
    'a folder that is no kernel',
    () => ['--source', scratch, ...llvm()],
    /^source: .*(no|not a) (Linux )?kernel/i,
  ],
  [
    'unknown architecture',
    () => ['--source', testTree(), '--arch', 'vax'],
    /^arch: 'vax' is not an architecture/,
    2,
  ],
  [
    'unknown mode',
    () => ['--source', testTree(), '--lto', 'fat'],
    /^lto: 'fat' is not one of auto, thin, thin-dist/,
    2,
  ],
  [
    'thin-dist on a 6.12 tree',
    () => [...tiny('old', oldTree()), '--lto', 'thin-dist'],
    /^lto: thin-dist is not in Linux 6\.12\.\d+.*use lto thin, or a tree of Linux 7\.2 or later/,
  ],
  [
    'reduction on with LLVM 19',
    () => [
      ...tiny('llvm19').slice(0, -2),
      '--llvm-path',
      process.env.KERNEL_THINLTO_TEST_LLVM19 ?? '',
      '--lto',
      'thin',
      '--suffix-reduction',
      'on',
    ],
    /^suffix-reduction: on is not possible in thin with LLVM 19\.\d.*use LLVM 23 or later, or suffix-reduction auto$/,
  ],
  [
    'a dropped Kconfig option',
    () => [
      ...tiny('dropped'),
      '--kconfig',
      'CONFIG_64BIT=y',
      '--kconfig',
      'CONFIG_GCOV_KERNEL=y',
      '--kconfig',
      'CONFIG_DEBUG_FS=y',
      '--lto',
      'thin-dist',
    ],
    /LTO_CLANG_THIN_DIST.*HAS_LTO_CLANG.*!GCOV_KERNEL/,
  ],
  ['a malformed kconfig line', () => [...tiny('line'), '--kconfig', 'FOO y'], /^kconfig: .*'?FOO y'?/],
  [
    'a fragment that is not there',
    () => [...tiny('fragment'), '--config-fragment', '/nowhere/my.config'],
    /^config-fragment: .*\/nowhere\/my\.config/,
  ],
  [
    'a version that no source has',
    () => [...tiny('version').slice(0, -2), '--llvm-version', '97', '--llvm-source', 'debian'],
    /^llvm-version: '97' .*debian/i,
  ],
  [
    'an output folder that cannot be written',
    () => {
      writeFileSync(inScratch('file'), '');
      return [...tiny('file/out')];
    },
    /^output: .*file\/out/,
  ],
];

for (const [name, flags, line, code] of CASES) {
  test(name, () => {
    const result = refused(flags());
    assert.match(result.line.replace(/^(error|kernel-thinlto): /i, ''), line, result.text);
    assert.equal(result.code, code ?? 1);
  });
}

test('a source tree that was already built in place', () => {
  const tree = linkedTree('in-place');
  writeFileSync(path.join(tree, '.config'), '');
  mkdirSync(path.join(tree, 'include/config'), { recursive: true });
  const result = refused(tiny('in-place-out', tree));
  assert.match(result.line, /source: .*in-place.*make .*mrproper/);
  assert.equal(result.code, 1);
});

test('a compile error in the tree is told with its file and line', () => {
  const tree = linkedTree('broken');
  const file = path.join(tree, 'init/version.c');
  const text = readFileSync(file, 'utf8');
  rmSync(file);
  writeFileSync(file, `${text}\nint broken(void) { return undeclared_thing; }\n`);
  const lines = text.split('\n').length + 1;
  const result = refused([...tiny('broken-out', tree), '--targets', 'init/']);
  assert.match(
    result.line,
    new RegExp(`init/version\\.c:${lines}: .*undeclared.*'undeclared_thing'`),
    result.text,
  );
  assert.equal(result.code, 1);
  const report = JSON.parse(readFileSync(inScratch('broken-out/thinlto-report/report.json'), 'utf8'));
  assertFitsSchema(report);
  assert.equal(report.status, 'failed');
  assert.ok(existsSync(inScratch('broken-out/thinlto-report/build.log')));
});

test('a full disk is told as one', () => {
  const small = inScratch('small');
  mkdirSync(small);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small], { encoding: 'utf8' });
  assert.equal(mounted.status, 0, `${mounted.stderr} (the test needs root to mount a small disk)`);
  const result = refused([...tiny('small/out'), '--report-dir', inScratch('small-report')]);
  assert.match(result.line, /no space left/i, result.text);
  assert.equal(result.code, 1);
});

test('nothing of the above wrote into the trees', () => {
  for (const tree of [testTree(), oldTree()]) {
    assert.ok(
      !readdirSync(tree).some((name) => name === '.config' || name === 'vmlinux' || name === 'out'),
      tree,
    );
  }
});

/** A copy of the tree made of hard links, in which a test replaces files of its own. */
function linkedTree(name: string): string {
  const tree = inScratch(name);
  try {
    execFileSync('cp', ['-al', testTree(), tree], { stdio: 'ignore' });
  } catch {
    // Another file system: a copy without links is the same, only slower.
    cpSync(testTree(), tree, { recursive: true });
  }
  return tree;
}
