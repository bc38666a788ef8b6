import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { type MakeSetting, makeCall, makeEnvironment } from '../../src/build/make.ts';
import { type Configured, configure, type Make, readConfigRequest } from '../../src/kernel/configure.ts';
import { readTree } from '../../src/kernel/tree.ts';
import { archOf } from '../../src/values/arch.ts';
import { UserError } from '../../src/values/error.ts';
import type { Mode } from '../../src/values/mode.ts';
import type { KernelTree } from '../../src/values/tree.ts';
import { testHost } from '../services/host.ts';
import { folderOf } from '../services/kconfig-tree.ts';
import { testToolchainFolder } from '../services/llvm.ts';
import { testTree } from '../services/tree.ts';

let tree: KernelTree;
/** Kconfig's own program is built once and then used by all. */
let output: string;
/** A file of tinyconfig, the base of most tests: from a file one pass of Kconfig is enough, tinyconfig takes four. */
let base: string;
let first: Run;
before(async () => {
  tree = await readTree(testHost(), testTree());
  output = folderOf({});
  const fragment = '# mine\nCONFIG_PRINTK=y\nCONFIG_LOCALVERSION="-t"\nCONFIG_TTY=n\n';
  first = await run({
    config: ['tinyconfig'],
    configFragments: [path.join(folderOf({ 'my.config': fragment }), 'my.config')],
    kconfig: ['CONFIG_64BIT=y', 'CONFIG_LOG_BUF_SHIFT=15'],
  });
  base = path.join(folderOf({ base: first.text }), 'base');
});

interface Asked {
  readonly config?: readonly string[];
  readonly configFragments?: readonly string[];
  readonly kconfig?: readonly string[];
  readonly mode?: Mode;
}

interface Run {
  readonly configured: Configured;
  readonly text: string;
  readonly calls: readonly string[];
  readonly log: readonly string[];
}

const ARCH = archOf('x86_64');

/** Configures for real, with the tree of the tests and its toolchain. */
async function run(asked: Asked, make?: Make): Promise<Run> {
  const host = testHost();
  const calls: string[] = [];
  const request = readConfigRequest(
    {
      config: asked.config ?? [base],
      configFragments: asked.configFragments ?? [],
      kconfig: asked.kconfig ?? [],
    },
    tree,
    ARCH,
    asked.mode ?? 'thin-dist',
    true,
  );
  const setting: MakeSetting = {
    source: tree.path,
    output,
    arch: ARCH,
    llvm: `${testToolchainFolder()}/bin/`,
    jobs: 2,
    makeArgs: [],
    timestamp: tree.timestamp,
    makefile: undefined,
  };
  const real: Make = (...targets) => {
    calls.push(targets.join(' '));
    const call = makeCall(setting, targets);
    return host.run('make', call.args, { env: makeEnvironment(call, host.env) });
  };
  const configured = await configure(host, request, tree, ARCH, output, make ?? real);
  return { configured, text: readFileSync(configured.file, 'utf8'), calls, log: host.lines };
}

async function refusal(asked: Asked, make?: Make): Promise<string> {
  const error: unknown = await run(asked, make).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof UserError, String(error));
  assert.doesNotMatch(error.message, /\n/);
  return error.message;
}

test('tinyconfig in thin-dist: requests and mode stand in the final .config', () => {
  const { configured, text, calls } = first;
  assert.deepEqual(calls, ['tinyconfig', 'olddefconfig']);
  assert.equal(configured.file, path.join(output, '.config'));
  assert.equal(configured.digest, createHash('sha256').update(text).digest('hex'));
  const lines = ['CONFIG_PRINTK=y', 'CONFIG_LOCALVERSION="-t"', 'CONFIG_LOG_BUF_SHIFT=15'];
  for (const line of ['CONFIG_LTO_CLANG_THIN_DIST=y', ...lines])
    assert.ok(text.includes(`\n${line}\n`), line);
  assert.equal(configured.values.get('64BIT'), 'y');
  assert.equal(configured.values.get('TTY'), undefined);
});

test('the same configuration again leaves the time of .config as it was', async () => {
  const asked = { kconfig: ['CONFIG_PRINTK=y'] };
  const { configured } = await run(asked);
  utimesSync(configured.file, 1_700_000_000, 1_700_000_000.25);
  const again = await run(asked);
  assert.equal(again.configured.digest, configured.digest);
  assert.equal(statSync(configured.file).mtimeMs, 1_700_000_000_250);
  const other = await run({ kconfig: ['CONFIG_PRINTK=n'] });
  assert.notEqual(other.configured.digest, configured.digest);
  assert.ok(statSync(configured.file).mtimeMs > 1_700_000_000_250);
  assert.ok(!readdirSync(output).some((name) => name.includes('kernel-thinlto')));
});

test('each of the other modes, over a file that has another', async () => {
  for (const [mode, symbol] of [
    ['none', 'LTO_NONE'],
    ['thin', 'LTO_CLANG_THIN'],
    ['full', 'LTO_CLANG_FULL'],
  ] as const) {
    const found = await run({ mode });
    assert.deepEqual(found.calls, ['olddefconfig']);
    assert.equal(found.configured.values.get(symbol), 'y');
    assert.equal(found.configured.values.get('LTO_CLANG_THIN_DIST'), undefined);
  }
});

test('an option that keeps the mode from holding is found through the symbols between', async () => {
  const kconfig = ['CONFIG_64BIT=y', 'CONFIG_DEBUG_FS=y', 'CONFIG_GCOV_KERNEL=y'];
  assert.match(
    await refusal({ kconfig }),
    /^lto: thin-dist: 'CONFIG_LTO_CLANG_THIN_DIST=y' did not hold in the final \.config: LTO_CLANG_THIN_DIST needs HAS_LTO_CLANG \(arch\/Kconfig:\d+\), which is n; HAS_LTO_CLANG needs !GCOV_KERNEL \(arch\/Kconfig:\d+\), and GCOV_KERNEL is y$/,
  );
});

test('options that Kconfig drops are told, the first with its cause', async () => {
  assert.match(
    await refusal({
      kconfig: [
        'CONFIG_E1000=y',
        'CONFIG_NO_SUCH_THING=y',
        'CONFIG_LOG_BUF_SHIFT=99',
        '# CONFIG_X86 is not set',
      ],
    }),
    /^kconfig: 'CONFIG_E1000=y' did not hold .*: E1000 needs NETDEVICES \(.*\), which is n; NETDEVICES needs NET \(.*\), which is n; nor did CONFIG_NO_SUCH_THING, CONFIG_LOG_BUF_SHIFT$/,
  );
  assert.match(
    await refusal({ kconfig: ['CONFIG_PRINTK=y', 'CONFIG_LOG_BUF_SHIFT=99'] }),
    /^kconfig: 'CONFIG_LOG_BUF_SHIFT=99' did not hold .*: its range is 12 to 25 \(init\/Kconfig:\d+\)$/,
  );
  assert.match(
    await refusal({ kconfig: ['# CONFIG_X86 is not set'] }),
    /^kconfig: '# CONFIG_X86 is not set' did not hold .*: it has no prompt \(arch\/x86\/Kconfig:\d+\)/,
  );
  const file = path.join(folderOf({ f: '\nCONFIG_KERNEL_GZIP=y\nCONFIG_KERNEL_ZSTD=y\n' }), 'f');
  assert.match(
    await refusal({ configFragments: [file] }),
    /^config-fragment: .*\/f:2: 'CONFIG_KERNEL_GZIP=y' did not hold .*: one member of its choice \(init\/Kconfig:\d+\) is y, and that is KERNEL_ZSTD$/,
  );
});

test('what Kconfig warns of is logged', async () => {
  const odd = path.join(folderOf({ odd: 'CONFIG_PRINTK=m\nCONFIG_TTY=y\nCONFIG_TTY=n\n' }), 'odd');
  const { log } = await run({ config: [odd] });
  assert.ok(
    log.some((line) => /^warning: .*symbol value 'm' invalid for PRINTK/.test(line)),
    log.join('\n'),
  );
  assert.ok(
    log.some((line) => /^warning: .*override: reassigning to symbol TTY/.test(line)),
    log.join('\n'),
  );
});

test('a make that fails is told by its telling line', async () => {
  const failing: Make = async () => ({
    code: 2,
    stdout: '',
    stderr:
      'make[1]: Entering directory\n***\n*** Sorry, this C compiler is not supported.\n***\nmake: *** [Makefile:1: x] Error 2\n',
  });
  assert.equal(
    await refusal({ config: ['tinyconfig'] }, failing),
    'config: make tinyconfig failed with exit code 2: *** Sorry, this C compiler is not supported.',
  );
});

test('an output folder that cannot be written is told as one', async () => {
  const kept = output;
  try {
    output = path.join(folderOf({ file: '' }), 'file/out');
    assert.match(await refusal({}), /^output: .*\/file\/out cannot be written \(ENOTDIR/);
    output = folderOf({});
    mkdirSync(path.join(output, '.config'));
    assert.match(await refusal({}), /^output: .*\/\.config is not a file$/);
  } finally {
    output = kept;
  }
});

test('nothing was written into the tree', () => {
  writeFileSync(path.join(output, 'probe'), '');
  for (const name of ['.config', 'include/config', 'include/generated', 'scripts/kconfig/conf']) {
    assert.equal(statSync(path.join(tree.path, name), { throwIfNoEntry: false }), undefined, name);
  }
});
