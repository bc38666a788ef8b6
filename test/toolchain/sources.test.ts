import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fetchGithub } from '../../src/toolchain/github.ts';
import { fetchKernelOrg } from '../../src/toolchain/kernel-org.ts';
import type { Fetched } from '../../src/toolchain/source.ts';
import { findTool } from '../../src/toolchain/store.ts';
import { fetchUrl } from '../../src/toolchain/url.ts';
import type { ToolchainRequest } from '../../src/values/toolchain.ts';
import { serveDownloads, sha256 } from '../services/downloads.ts';
import { makeKey } from '../services/gpg.ts';
import { testHost } from '../services/host.ts';
import { packLlvm } from '../services/pack-llvm.ts';
import { CPU, contentsOf, GITHUB_CPU, listOf, makeMirror, smallArchive, xz } from '../services/release.ts';
import { tarOf } from '../services/tar.ts';

const mirror = await makeMirror();
const { root, served, server, key, keyFile } = mirror;
const stranger = makeKey('stranger');
const real = packLlvm(root);
const REAL = real.version;
const REAL_NAME = `llvm-${REAL}-${CPU}.tar.xz`;
renameSync(real.file, path.join(served, REAL_NAME));
const REAL_DIGEST = sha256(readFileSync(path.join(served, REAL_NAME)));
const { version: SMALL, name: SMALL_NAME, data: small } = smallArchive('22.1.8');

const LIST = listOf({
  [`llvm-23.2.0-rc1-${CPU}.tar.xz`]: sha256('rc'),
  'llvm-23.1.99-other.tar.xz': sha256('other'),
  [`llvm-24.1.0-${CPU}.tar.gz`]: sha256('gz'),
  [`../llvm-24.1.0-${CPU}.tar.xz`]: sha256('climbs'),
  [SMALL_NAME]: sha256(small),
  [REAL_NAME]: REAL_DIGEST,
});

let cacheFolder = '';
beforeEach(() => {
  cacheFolder = mirror.emptyCache();
  mirror.serve('sha256sums.asc', key.sign(LIST));
  mirror.serve(SMALL_NAME, small);
});
after(async () => {
  stranger.remove();
  await mirror.close();
});

function kernelOrg(changes: Partial<ToolchainRequest> = {}): Promise<Fetched> {
  const request = { version: SMALL, source: 'kernel-org', mirror: server.url, key: keyFile, ...changes };
  return fetchKernelOrg(testHost({ cacheFolder }), request);
}

/** Throws unless nothing of a toolchain is left of a run that was refused. */
async function nothingLeft(): Promise<void> {
  assert.equal(await findTool(testHost({ cacheFolder }), {}), undefined);
  assert.deepEqual(contentsOf(cacheFolder), { tools: [], downloads: [] });
}

async function refused(work: Promise<unknown>, why: RegExp): Promise<void> {
  const error = await work.then(
    () => assert.fail('accepted'),
    (thrown: Error) => thrown,
  );
  assert.equal(error.name, 'UserError', error.stack);
  assert.match(error.message, why);
  assert.ok(!error.message.includes('\n'));
  await nothingLeft();
}

/** Compiles, links and lists with an installed toolchain: it is whole, and runs from where it lies. */
function works(bin: string): void {
  const folder = mkdtempSync(path.join(root, 'works-'));
  const run = (program: string, args: readonly string[], input = '') =>
    execFileSync(path.join(bin, program), args, { cwd: folder, input, encoding: 'utf8' });
  assert.match(run('clang', ['--version']), new RegExp(`clang version ${REAL.replaceAll('.', '\\.')}`));
  run(
    'clang',
    ['-flto=thin', '-O2', '-ffreestanding', '-x', 'c', '-c', '-o', 'x.o', '-'],
    'int made(void) { return 1; }',
  );
  run('ld.lld', ['-r', '-o', 'y.o', 'x.o']);
  assert.match(run('llvm-nm', ['y.o']), / T made\n/);
}

test('kernel-org: a real LLVM is installed and runs; again, nothing is downloaded', async () => {
  const got = await kernelOrg({ version: '23' });
  assert.deepEqual(
    { ...got, folder: '' },
    {
      folder: '',
      version: REAL,
      source: 'kernel-org',
      digest: REAL_DIGEST,
      pin: {
        'llvm-version': REAL,
        'llvm-source': 'kernel-org',
        'llvm-sha256': REAL_DIGEST,
        'llvm-mirror': server.url,
        'llvm-key': keyFile,
      },
    },
  );
  assert.equal(
    got.folder,
    path.join(
      cacheFolder,
      'tools/kernel-thinlto-llvm',
      `${REAL}-kernel-org.d${REAL_DIGEST.slice(0, 12)}`,
      process.arch,
    ),
  );
  works(path.join(got.folder, 'bin'));
  assert.deepEqual(readdirSync(path.join(cacheFolder, 'downloads')), []);

  assert.deepEqual(await kernelOrg({ version: REAL }), got);
  assert.equal(server.count(`/${REAL_NAME}`), 1);
  const before = server.seen.length;
  assert.deepEqual(await kernelOrg({ version: REAL, sha256: REAL_DIGEST }), got);
  assert.equal(server.seen.length, before, 'a pinned toolchain that is there needs no server');
});

test('github: a real LLVM is installed and runs, and the token stays with the API', async () => {
  const tag = path.join(served, 'github', `llvmorg-${REAL}`);
  const name = `LLVM-${REAL}-Linux-${GITHUB_CPU}.tar.xz`;
  mkdirSync(tag, { recursive: true });
  copyFileSync(path.join(served, REAL_NAME), path.join(tag, name));
  for (const other of ['llvmorg-24.1.0-rc1', 'llvmorg-23.1.0', 'llvmorg-20.1.0', 'not-llvm']) {
    mkdirSync(path.join(served, 'github', other));
  }
  const assets = await serveDownloads(served);
  const api = await serveDownloads(served, assets.url);
  const request = { version: '23', source: 'github', mirror: api.url, githubToken: 'secret' };
  const host = testHost({ cacheFolder });
  try {
    const got = await fetchGithub(host, request);
    assert.equal(got.version, REAL);
    assert.equal(got.digest, REAL_DIGEST);
    works(path.join(got.folder, 'bin'));
    assert.deepEqual(await fetchGithub(host, { ...request, version: REAL }), got);
    assert.equal(api.seen.length, 2);
    assert.ok(api.seen.every((one) => one.headers.authorization === 'Bearer secret'));
    assert.deepEqual(
      assets.seen.map((one) => [one.path, one.headers.authorization]),
      [[`/github/llvmorg-${REAL}/${name}`, undefined]],
    );
  } finally {
    await Promise.all([api.close(), assets.close()]);
    rmSync(path.join(served, 'github'), { recursive: true });
  }
});

test('url: a real LLVM is installed and runs; the digest must be given and fit', async () => {
  const host = testHost({ cacheFolder });
  const url = `${server.url}/${REAL_NAME}`;
  const request = { version: '23', source: url };
  await refused(fetchUrl(host, request), /^llvm-sha256: is not set/);
  await refused(fetchUrl(host, { ...request, sha256: sha256('other') }), /SHA-256 should be/);
  await refused(
    fetchUrl(host, { ...request, source: `file://${served}/${REAL_NAME}`, sha256: REAL_DIGEST }),
    /not an http\(s\) URL/,
  );
  server.seen.length = 0;
  const got = await fetchUrl(host, { ...request, sha256: REAL_DIGEST });
  assert.equal(got.version, REAL);
  assert.deepEqual(got.pin, { 'llvm-version': REAL, 'llvm-source': url, 'llvm-sha256': REAL_DIGEST });
  works(path.join(got.folder, 'bin'));
  assert.deepEqual(await fetchUrl(host, { ...request, sha256: REAL_DIGEST }), got);
  assert.equal(server.seen.length, 1);
  await assert.rejects(
    fetchUrl(host, { ...request, version: '22', sha256: REAL_DIGEST }),
    new RegExp(`^UserError: llvm-version: '22' was asked for, and .* is ${REAL}`),
  );
});

test('kernel-org: a version that is not there is told with those that are', async () => {
  await refused(
    kernelOrg({ version: '23.9' }),
    new RegExp(
      `^llvm-version: '23\\.9' is not at kernel-org \\(${server.url}\\); it has 23\\.2\\.0-rc1, ${REAL}, ${SMALL}$`,
    ),
  );
});

test('kernel-org: a digest of the request must be the one of the list', async () => {
  await refused(
    kernelOrg({ sha256: sha256('other') }),
    /^llvm-sha256: '[0-9a-f]{64}' was asked for, and .* has [0-9a-f]{64}$/,
  );
});

test('kernel-org: a changed byte is refused', async () => {
  const changed = Buffer.from(small);
  changed[1_000_000] = (changed[1_000_000] ?? 0) ^ 1;
  writeFileSync(path.join(served, SMALL_NAME), changed);
  await refused(
    kernelOrg(),
    new RegExp(`/${SMALL_NAME}: SHA-256 should be ${sha256(small)}, and what came has ${sha256(changed)}`),
  );
});

test('kernel-org: a list that was not signed so is refused', async () => {
  const signed = key.sign(LIST);
  const file = path.join(served, 'sha256sums.asc');
  const evil = listOf({ [SMALL_NAME]: sha256('evil') });
  for (const [text, why] of [
    [signed.replace(sha256(small), sha256('evil')), /was changed/],
    [stranger.sign(LIST), /which is none of those that may/],
    [LIST, /does not begin as a clearsigned text/],
    [`${evil}${signed}`, /does not begin as a clearsigned text/],
    [`${signed}${evil}`, /text after its signature/],
    [signed.replace('\n\n', `\n${evil}\n`), /headers/],
    ['', /does not begin/],
  ] as const) {
    writeFileSync(file, text);
    await refused(kernelOrg(), why);
  }
  assert.equal(server.count(`/${SMALL_NAME}`), 0);
  writeFileSync(file, key.sign(listOf({ [REAL_NAME]: REAL_DIGEST })));
  await refused(kernelOrg(), /^llvm-version: '22\.1\.8' is not at/);
  writeFileSync(file, key.sign(`${LIST}${evil}`));
  await refused(kernelOrg(), /has two digests/);
});

test("kernel-org: without llvm-key it is kernel.org's own key that must have signed", async () => {
  const { key: _, ...request } = { version: SMALL, source: 'kernel-org', mirror: server.url, key: keyFile };
  await refused(fetchKernelOrg(testHost({ cacheFolder }), request), /which is none of those that may/);
});

test('github: a download of another length than the API says, or without a digest, is refused', async () => {
  const tag = path.join(served, 'github', `llvmorg-${SMALL}`);
  const name = `LLVM-${SMALL}-Linux-${GITHUB_CPU}.tar.xz`;
  mkdirSync(tag, { recursive: true });
  writeFileSync(path.join(tag, name), small);
  const request = { version: SMALL, source: 'github', mirror: server.url };
  const host = testHost({ cacheFolder });
  const place = `/github/llvmorg-${SMALL}/${name}`;
  server.faults.set(place, [{ shortBy: 1 }, { shortBy: -1 }]);
  await refused(
    fetchGithub(host, request),
    new RegExp(`should have ${small.length} bytes, and the server has ${small.length - 1}`),
  );
  await refused(
    fetchGithub(host, request),
    new RegExp(`should have ${small.length} bytes, and the server has ${small.length + 1}`),
  );
  await refused(
    fetchGithub(host, { ...request, version: '23' }),
    /^llvm-version: '23' is not at github \(http.*\); it has 22\.1\.8$/,
  );
  await refused(
    fetchGithub(host, { ...request, version: '22.1.9' }),
    /^llvm-version: '22\.1\.9' is not at github/,
  );
  await refused(fetchGithub(host, { ...request, sha256: sha256('other') }), /^llvm-sha256: /);
  writeFileSync(path.join(tag, `${name}.no-digest`), '');
  await refused(fetchGithub(host, request), /GitHub has no digest of it; .* llvm-sha256$/);
  assert.equal((await fetchGithub(host, { ...request, sha256: sha256(small) })).version, SMALL);
  rmSync(path.join(served, 'github'), { recursive: true });
});

test('github: an exhausted rate limit is told with the way out', async () => {
  const place = `/repos/llvm/llvm-project/releases/tags/llvmorg-${SMALL}`;
  server.faults.set(place, [{ status: 403, headers: { 'x-ratelimit-remaining': '0' } }]);
  const request = { version: SMALL, source: 'github', mirror: server.url };
  await refused(fetchGithub(testHost({ cacheFolder }), request), /rate limit .* set github-token$/);
});

for (const [name, entry] of [
  ['a name that climbs', { path: 'llvm/../../../../evil', content: 'evil' }],
  ['an absolute name', { path: `${root}/evil`, content: 'evil' }],
  ['a symbolic link to outside', { path: 'llvm/bin/l', type: 'SymbolicLink', linkpath: '../../../../evil' }],
  ['a hard link to outside', { path: 'llvm/bin/l', type: 'Link', linkpath: '/etc/passwd' }],
] as const) {
  test(`kernel-org: an archive with ${name} is refused, signed or not`, async () => {
    const evil = xz(tarOf([{ path: 'llvm/bin/clang', mode: 0o755, content: 'x' }, entry]));
    writeFileSync(path.join(served, SMALL_NAME), evil);
    writeFileSync(path.join(served, 'sha256sums.asc'), key.sign(listOf({ [SMALL_NAME]: sha256(evil) })));
    await refused(kernelOrg(), /entry '.*' is refused: /);
    assert.ok(!existsSync(path.join(root, 'evil')));
  });
}

test('an archive without bin/clang in a top folder is refused', async () => {
  const other = xz(tarOf([{ path: 'a/b/bin/clang', content: 'x' }]));
  writeFileSync(path.join(served, SMALL_NAME), other);
  writeFileSync(path.join(served, 'sha256sums.asc'), key.sign(listOf({ [SMALL_NAME]: sha256(other) })));
  await refused(kernelOrg(), /has no TOP-FOLDER\/bin\/clang/);
});
