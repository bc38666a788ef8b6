import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { resolveToolchain } from '../../src/toolchain/resolve.ts';
import { findSystem } from '../../src/toolchain/system.ts';
import type { ToolchainRequest } from '../../src/values/toolchain.ts';
import { testHost } from '../services/host.ts';
import { testToolchainFolder } from '../services/llvm.ts';

const NAMES = [
  'clang',
  'ld.lld',
  'llvm-ar',
  'llvm-nm',
  'llvm-objcopy',
  'llvm-objdump',
  'llvm-readelf',
  'llvm-strip',
];
const folder = mkdtempSync(path.join(tmpdir(), 'system-llvm-test-'));
const real = path.join(testToolchainFolder(), 'bin');
let made = 0;
after(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with links to the programs of the tests' LLVM, under names with a suffix. */
function linked(suffix = '', names: readonly string[] = NAMES): string {
  const bin = path.join(folder, `bin-${++made}`);
  mkdirSync(bin);
  for (const name of names) symlinkSync(path.join(real, name), path.join(bin, `${name}${suffix}`));
  return bin;
}

function script(file: string, text: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

function find(PATH: string, request: Partial<ToolchainRequest> = {}) {
  return findSystem(testHost({ env: { PATH } }), { version: '23', source: 'system', ...request });
}

test('programs in PATH are LLVM=1', async () => {
  const bin = linked();
  const found = await find(`relative:${bin}`);
  assert.match(found.version, /^23\.\d+\.\d+$/);
  assert.match(found.digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(
    { ...found, version: '23', digest: '' },
    {
      version: '23',
      source: 'system',
      digest: '',
      bin,
      suffix: '',
      llvm: '1',
      reason: 'clang in PATH is of the wanted version',
      pin: { 'llvm-version': found.version, 'llvm-source': 'system', 'llvm-sha256': found.digest },
    },
  );
});

test('programs in PATH that end in the version are LLVM=-23, and one of another version before them does not count', async () => {
  const [bin, other] = [linked('-23'), linked()];
  script(path.join(other, 'clang'), 'echo "Ubuntu clang version 18.1.3 (1ubuntu1)"');
  script(path.join(other, 'ld.lld'), 'echo "Ubuntu LLD 18.1.3 (compatible with GNU linkers)"');
  const found = await find(`${other}:${bin}`);
  assert.deepEqual([found.bin, found.suffix, found.llvm], [bin, '-23', '-23']);
  const exact = await find(`${other}:${bin}`, { version: found.version });
  assert.equal(exact.digest, found.digest);
});

for (const [how, given] of [
  ['a prefix', () => testToolchainFolder()],
  ['a bin folder', () => real],
] as const) {
  test(`llvm-path can be ${how}; LLVM= ends in a slash then`, async () => {
    const found = await find('/nowhere', { path: given() });
    assert.deepEqual(
      [found.bin, found.suffix, found.llvm, found.reason],
      [real, '', `${real}/`, 'llvm-path names it'],
    );
    assert.equal(found.pin['llvm-path'], given());
  });
}

test('llvm-path can be a suffix, and with source auto it is the only place', async () => {
  const bin = linked('-23');
  const found = await resolveToolchain(testHost({ env: { PATH: bin } }), {
    version: '23',
    source: 'auto',
    path: '-23',
  });
  assert.deepEqual([found.source, found.bin, found.llvm], ['system', bin, '-23']);
  await assert.rejects(
    resolveToolchain(testHost({ env: { PATH: bin } }), { version: '23', source: 'auto', path: '-24' }),
    { name: 'UserError', message: "llvm-path: '-24': there is no clang-24 in PATH" },
  );
});

test('the digest is of the files, whatever their links are called, and of the libraries that they load', async () => {
  const plain = await find(linked());
  assert.equal((await find(linked('-23'))).digest, plain.digest);
  assert.equal((await find('/nowhere', { path: real })).digest, plain.digest);
  const asked = { sha256: plain.digest, path: real };
  assert.equal((await find('/nowhere', asked)).digest, plain.digest);
  await assert.rejects(find('/nowhere', { ...asked, sha256: '0'.repeat(64) }), {
    name: 'UserError',
    message: new RegExp(
      `^llvm-sha256: '0{64}' was asked for, and the programs of \\S+ have ${plain.digest}$`,
    ),
  });
  const changed = linked();
  script(path.join(changed, 'llvm-strip'), 'exit 0');
  assert.notEqual((await find(changed)).digest, plain.digest);
});

test('another libLLVM is another digest, though no program changed', async () => {
  // The thin programs of a distribution, with a library beside them.
  const prefix = path.join(folder, 'prefix');
  for (const name of ['bin', 'lib']) mkdirSync(path.join(prefix, name), { recursive: true });
  for (const name of NAMES) {
    const version = name === 'ld.lld' ? 'LLD 23.1.4' : 'clang version 23.1.4 (2)';
    script(path.join(prefix, 'bin', name), `echo "Debian ${version}"`);
  }
  const digests = new Set<string>();
  for (const content of ['one', 'two']) {
    writeFileSync(path.join(prefix, 'lib/libLLVM.so.23.1'), content);
    writeFileSync(path.join(prefix, 'lib/libunrelated.so'), content);
    digests.add((await find('/nowhere', { path: prefix })).digest);
  }
  assert.equal(digests.size, 2);
  rmSync(path.join(prefix, 'lib/libLLVM.so.23.1'));
  const without = await find('/nowhere', { path: prefix });
  writeFileSync(path.join(prefix, 'lib/libunrelated.so'), 'three');
  assert.equal((await find('/nowhere', { path: prefix })).digest, without.digest);
});

test('a libLLVM that lies elsewhere is found through the loader', async () => {
  const bin = linked();
  const before = (await find(bin)).digest;
  const triple = process.arch === 'x64' ? 'x86_64-linux-gnu' : 'aarch64-linux-gnu';
  const libraries = path.join(path.dirname(realpathSync(path.join(real, 'clang'))), '../..', triple);
  const name = readdirSync(libraries).find((one) => /^libLLVM.*\.so\.\d/.test(one));
  assert.ok(name, `no libLLVM in ${libraries}`);
  const copy = path.join(folder, name);
  copyFileSync(path.join(libraries, name), copy);
  const host = testHost({ env: { PATH: bin, LD_PRELOAD: copy } });
  const digest = async () => (await findSystem(host, { version: '23', source: 'system' })).digest;
  assert.equal(await digest(), before);
  writeFileSync(copy, '\0', { flag: 'a' });
  assert.notEqual(await digest(), before);
});

for (const [what, prepare, message] of [
  [
    'a missing linker and archiver',
    () =>
      linked(
        '',
        NAMES.filter((name) => name !== 'ld.lld' && name !== 'llvm-ar'),
      ),
    /^llvm-version: '23' is not installed: clang in PATH has no ld\.lld, llvm-ar beside it in \S+$/,
  ],
  [
    'a linker of another version',
    () => {
      const bin = linked();
      script(path.join(bin, 'ld.lld'), 'echo "LLD 19.1.7 (compatible with GNU linkers)"');
      return bin;
    },
    /clang in PATH has clang 23\.\S+ and ld\.lld 19\.1\.7, of which one cannot read the other's bitcode$/,
  ],
  [
    'a clang that does not start',
    () => {
      const bin = linked();
      script(path.join(bin, 'clang'), 'echo "libfoo.so.1: cannot open shared object file" >&2; exit 127');
      return bin;
    },
    /clang in PATH does not tell its version \(libfoo\.so\.1: cannot open shared object file\)$/,
  ],
  [
    'another version',
    () => {
      const bin = linked();
      script(path.join(bin, 'clang'), 'echo "clang version 22.1.8 (++20261011 abc)"');
      script(path.join(bin, 'ld.lld'), 'echo "LLD 22.1.8"');
      return bin;
    },
    /clang in PATH is 22\.1\.8$/,
  ],
  ['no clang at all', () => '/nowhere', /is not installed: no clang in PATH, no \/usr\/lib\/llvm-23$/],
] as const) {
  test(`${what} is told in one line`, async () => {
    await assert.rejects(find(prepare()), { name: 'UserError', message });
  });
}

test('a path without a clang, and one with a space, are told', async () => {
  const empty = path.join(folder, 'with space');
  mkdirSync(empty);
  await assert.rejects(
    find('/nowhere', { path: empty }),
    /^UserError: llvm-path: there is no clang in .*with space/,
  );
  script(path.join(empty, 'clang'), 'exit 0');
  await assert.rejects(find('/nowhere', { path: empty }), /has a space in it, which kbuild cannot take$/);
});

test('a version of a snapshot is read without what follows it', async () => {
  const bin = linked();
  script(
    path.join(bin, 'clang'),
    'echo "Debian clang version 24.0.0 (++20261025103442+7e3c57157096-1~exp1)"',
  );
  script(path.join(bin, 'ld.lld'), 'echo "Debian LLD 24.0.0 (compatible with GNU linkers)"');
  assert.equal((await find(bin, { version: '24' })).version, '24.0.0');
});
