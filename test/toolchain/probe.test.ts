import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { probe } from '../../src/toolchain/probe.ts';
import { ARCH_NAMES, archOf } from '../../src/values/arch.ts';
import type { Abilities } from '../../src/values/toolchain.ts';
import { testHost } from '../services/host.ts';
import { testToolchainFolder, toolchainAt } from '../services/llvm.ts';

const TOOLS = ['clang', 'ld.lld', 'llvm-nm'];
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'probe-test-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function scratch(): string {
  return join(folder, 'scratch');
}

function real(tool: string): string {
  return join(testToolchainFolder(), 'bin', tool);
}

/** A folder of the real tools, some of them replaced by shell scripts, or left out. */
function toolsWith(name: string, scripts: Readonly<Record<string, string | undefined>>, suffix = ''): string {
  const bin = join(folder, name);
  mkdirSync(bin);
  for (const tool of TOOLS) {
    const path = join(bin, `${tool}${suffix}`);
    if (!(tool in scripts)) {
      writeFileSync(path, `#!/bin/sh\nexec '${real(tool)}' "$@"\n`);
    } else if (scripts[tool] !== undefined) {
      writeFileSync(path, `#!/bin/sh\n${scripts[tool]}\n`);
    } else {
      continue;
    }
    chmodSync(path, 0o755);
  }
  return bin;
}

function probeX86(bin: string, changes: { suffix?: string } = {}): Promise<Abilities> {
  return probe(testHost(), { ...toolchainAt(bin), ...changes }, archOf('x86_64'), scratch());
}

function answers(abilities: Abilities): boolean[] {
  return [abilities.thin, abilities.thinDist, abilities.reductionThin, abilities.reductionThinDist];
}

for (const name of ARCH_NAMES) {
  test(`LLVM 23 does ThinLTO and suffix reduction in both forms for ${name}, seen in under 3 s`, async () => {
    const started = performance.now();
    const abilities = await probe(
      testHost(),
      toolchainAt(join(testToolchainFolder(), 'bin')),
      archOf(name),
      scratch(),
    );
    const seconds = (performance.now() - started) / 1000;
    assert.deepEqual(answers(abilities), [true, true, true, true], abilities.evidence.join('\n'));
    assert.equal(abilities.target, archOf(name).target);
    assert.equal(abilities.evidence.length, 4);
    assert.match(
      abilities.evidence[3] ?? '',
      /^reduction, distributed: yes: probe_once kept its name, probe_twice and probe_twice\.llvm\.\d+ remain$/,
    );
    assert.deepEqual(readdirSync(scratch()), []);
    assert.ok(seconds < 3, `${seconds} s`);
  });
}

test('programs with a suffix in their names are used by those names', async () => {
  const bin = toolsWith('suffixed', {}, '-23');
  assert.deepEqual(answers(await probeX86(bin, { suffix: '-23' })), [true, true, true, true]);
});

test('a back end that takes the option and renames all the same reduces in-process only', async () => {
  // Compilers built between 27 February and 24 April 2026 are like that.
  const bin = toolsWith('deaf-back-end', {
    clang: `case " $* " in *" -fthinlto-index="*)
  for word; do shift; case $word in -mllvm|-always-rename-promoted-locals=*) ;; *) set -- "$@" "$word";; esac; done;;
esac
exec '${real('clang')}' "$@"`,
  });
  const abilities = await probeX86(bin);
  assert.deepEqual(answers(abilities), [true, true, true, false]);
  assert.match(
    abilities.evidence[3] ?? '',
    /^reduction, distributed: no: the options are taken, but probe_once\.llvm\.\d+ remains$/,
  );
});

test('a linker that does not know the option cannot reduce, and its own words say so', async () => {
  const bin = toolsWith('old-linker', {
    'ld.lld': `case " $* " in *always-rename-promoted-locals*)
  echo "ld.lld: error: -mllvm: ld.lld: Unknown command line argument '-always-rename-promoted-locals=false'.  Try: 'ld.lld --help'" >&2; exit 1;;
esac
exec '${real('ld.lld')}' "$@"`,
  });
  const abilities = await probeX86(bin);
  assert.deepEqual(answers(abilities), [true, true, false, false]);
  assert.equal(
    abilities.evidence[2],
    "reduction, in-process: no: ld.lld ended with code 1: -mllvm: ld.lld: Unknown command line argument '-always-rename-promoted-locals=false'.",
  );
});

test('a toolchain that reduces unasked leaves the question open, which is a no', async () => {
  const bin = toolsWith('always-reduces', {
    'ld.lld': `exec '${real('ld.lld')}' --lto-whole-program-visibility -mllvm -always-rename-promoted-locals=false "$@"`,
  });
  const abilities = await probeX86(bin);
  assert.equal(abilities.thin, true);
  assert.equal(abilities.reductionThin, false);
});

test('objects that are native before the link show that no ThinLTO took place', async () => {
  const bin = toolsWith('no-lto', {
    clang: `case " $* " in *" -flto=thin "*)
  for word; do shift; case $word in -flto=thin|-fsplit-lto-unit) ;; *) set -- "$@" "$word";; esac; done;;
esac
exec '${real('clang')}' "$@"`,
  });
  const abilities = await probeX86(bin);
  assert.deepEqual(answers(abilities), [false, false, false, false]);
  assert.match(abilities.evidence[0] ?? '', /no function was imported/);
});

const BROKEN: readonly [string, Readonly<Record<string, string | undefined>>, RegExp][] = [
  ['a compiler that is missing', { clang: undefined }, /clang/],
  [
    'a compiler without the target',
    { clang: 'echo "error: unable to create target" >&2; exit 1' },
    /unable to create target/,
  ],
  ['a linker that crashes', { 'ld.lld': 'kill -SEGV $$' }, /ld\.lld ended with code 139/],
  ['a linker that a signal ends', { 'ld.lld': 'kill -TERM $$' }, /ld\.lld ended with code 143/],
  ['a linker that is killed', { 'ld.lld': 'kill -KILL $$' }, /ld\.lld was killed/],
  ['a symbol reader that is missing', { 'llvm-nm': undefined }, /llvm-nm/],
  [
    'a symbol reader that prints rubbish',
    { 'llvm-nm': 'head -c 100000 /dev/urandom' },
    /no function was imported/,
  ],
];
for (const [index, [title, scripts, words]] of BROKEN.entries()) {
  test(`${title} makes every ability false, and leaves no file`, async () => {
    const abilities = await probeX86(toolsWith(`broken-${index}`, scripts));
    assert.deepEqual(answers(abilities), [false, false, false, false]);
    for (const line of abilities.evidence) assert.match(line, words);
    assert.deepEqual(readdirSync(scratch()), []);
  });
}

test('a cancelled run is no answer about the toolchain', async () => {
  const cancelled = testHost({ signal: AbortSignal.abort() });
  const bin = join(testToolchainFolder(), 'bin');
  await assert.rejects(probe(cancelled, toolchainAt(bin), archOf('x86_64'), scratch()), {
    name: 'UserError',
    message: 'Cancelled: the toolchain was not probed to the end',
  });
  assert.deepEqual(readdirSync(scratch()), []);
});

test('names in the scratch path that a shell would act on do no harm', async () => {
  const odd = join(folder, "a b;'$(touch x)");
  mkdirSync(odd);
  symlinkSync(join(testToolchainFolder(), 'bin'), join(odd, 'bin'));
  const abilities = await probe(
    testHost(),
    toolchainAt(join(odd, 'bin')),
    archOf('x86_64'),
    join(odd, 'scratch'),
  );
  assert.deepEqual(answers(abilities), [true, true, true, true], abilities.evidence.join('\n'));
});
