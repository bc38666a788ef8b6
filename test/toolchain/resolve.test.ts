import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { presentToolchain, resolveToolchain } from '../../src/toolchain/resolve.ts';
import { landTool } from '../../src/toolchain/store.ts';
import type { ToolchainSource } from '../../src/values/toolchain.ts';
import { testHost } from '../services/host.ts';
import { testToolchainFolder } from '../services/llvm.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'resolve-test-'));
process.env.RUNNER_TOOL_CACHE = path.join(folder, 'tools');
after(() => rmSync(folder, { recursive: true, force: true }));

const NOBODY = 'http://127.0.0.1:9';
const bare = testHost({ env: { PATH: '/nowhere' }, cacheFolder: folder });

/** Puts something into the tool cache. */
async function land(version: string, source: ToolchainSource, digest: string): Promise<string> {
  return landTool(bare, { version, source, digest, arch: process.arch }, async (staging) => {
    mkdirSync(path.join(staging, 'bin'));
    writeFileSync(path.join(staging, 'bin/clang'), '');
  });
}

const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];
const debian = await land('15.0.1', 'debian', A);
const kernelOrg = await land('15.0.0', 'kernel-org', B);
await land('15.0.2', 'url', C);
await land('14.0.0', 'url', D);

test('auto takes what the tool cache has, and nothing is asked', async () => {
  const found = await resolveToolchain(bare, { version: '15', source: 'auto', mirror: NOBODY });
  const bin = path.join(kernelOrg, 'bin');
  assert.deepEqual([found.bin, found.llvm, found.suffix], [bin, `${bin}/`, '']);
  assert.deepEqual(
    [found.version, found.source, found.digest, found.pin],
    [
      '15.0.0',
      'kernel-org',
      B,
      { 'llvm-version': '15.0.0', 'llvm-source': 'kernel-org', 'llvm-sha256': B, 'llvm-mirror': NOBODY },
    ],
  );
  const exact = await resolveToolchain(bare, { version: '15.0.1', source: 'auto', mirror: NOBODY });
  assert.equal(exact.bin, path.join(debian, 'bin'));
});

test('auto does not take what once came from a URL, which it could not pin', async () => {
  await assert.rejects(resolveToolchain(bare, { version: '14', source: 'auto', mirror: NOBODY }), {
    name: 'UserError',
    message:
      /^llvm-version: '14' was not found: not system: .*; not the tool cache: it has none; not kernel-org: .*; not debian: /,
  });
});

test('auto takes an installed LLVM of the wanted version before all others, and says why', async () => {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const real = path.join(testToolchainFolder(), 'bin');
  const names = [
    'clang',
    'ld.lld',
    'llvm-ar',
    'llvm-nm',
    'llvm-objcopy',
    'llvm-objdump',
    'llvm-readelf',
    'llvm-strip',
  ];
  for (const name of names) symlinkSync(path.join(real, name), path.join(bin, `${name}-23`));
  const host = testHost({ env: { PATH: bin }, cacheFolder: folder });
  const request = { version: '23', source: 'auto', mirror: NOBODY };
  const found = await resolveToolchain(host, request);
  assert.deepEqual(
    [found.source, found.llvm, found.reason],
    ['system', '-23', 'clang-23 in PATH is of the wanted version'],
  );
  assert.match(
    host.lines.join('\n'),
    /^LLVM 23\.\S+ from system: \S+ \(clang-23 in PATH is of the wanted version\)$/m,
  );
  assert.match(
    host.lines.join('\n'),
    new RegExp(`^To pin exactly this one: .*llvm-sha256: ${found.digest}$`, 'm'),
  );
  // Asked for by its digest, the installed one is refused where it is another, and the next way is gone.
  const other = await resolveToolchain(host, { ...request, version: '15', sha256: A });
  assert.match(other.reason, /^it is in the tool cache; not system: /);
  assert.equal(other.digest, A);
});

test('what is here already is found for each source, and nothing is fetched', async () => {
  const found = async (source: string, version = '15', sha256?: string) =>
    (
      await presentToolchain(bare, {
        version,
        source,
        mirror: NOBODY,
        ...(sha256 !== undefined && { sha256 }),
      })
    )?.version;
  assert.equal(await found('debian'), '15.0.1');
  assert.equal(await found('kernel-org'), '15.0.0');
  assert.equal(await found('github'), undefined);
  assert.equal(await found('https://example.org/llvm.tar.xz', '15', C), '15.0.2');
  assert.equal(await found('https://example.org/llvm.tar.xz', '15', D), undefined);
  assert.equal(await found('auto', '13'), undefined);
});

test('a source that is none is told', async () => {
  for (const source of ['constructor', '__proto__', 'ftp://example.org/llvm.tar.xz']) {
    await assert.rejects(resolveToolchain(bare, { version: '15', source }), {
      name: 'UserError',
      message: `llvm-source: '${source}' is not an http(s) URL`,
    });
  }
});
