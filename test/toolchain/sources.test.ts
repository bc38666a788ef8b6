import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
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
import { tarOf } from '../services/tar.ts';

const root = mkdtempSync(path.join(tmpdir(), 'sources-test-'));
const served = path.join(root, 'served');
const key = makeKey('autosigner');
const stranger = makeKey('stranger');
const keyFile = path.join(root, 'key.asc');
writeFileSync(keyFile, key.armored);

const CPU = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? '';
const GITHUB_CPU = { x64: 'X64', arm64: 'ARM64' }[process.arch as string] ?? '';
const CHILD = fileURLToPath(new URL('../services/install-child.ts', import.meta.url));

mkdirSync(served);
const real = packLlvm(root);
const REAL = real.version;
const REAL_NAME = `llvm-${REAL}-${CPU}.tar.xz`;
renameSync(real.file, path.join(served, REAL_NAME));
const REAL_DIGEST = sha256(readFileSync(path.join(served, REAL_NAME)));
/** A small thing in the form of a toolchain, of so many bytes that do not pack. */
const SMALL_BYTES = 3_000_000;
const SMALL = '22.1.8';
const SMALL_NAME = `llvm-${SMALL}-${CPU}.tar.xz`;
const small = xz(
  tarOf([
    { path: 'llvm/bin/clang', mode: 0o755, content: `#!/bin/sh\necho clang version ${SMALL}\n` },
    { path: 'llvm/lib/large', content: randomBytes(SMALL_BYTES) },
  ]),
);
writeFileSync(path.join(served, SMALL_NAME), small);

function xz(data: Buffer): Buffer {
  return execFileSync('xz', ['-0', '-c'], { input: data, maxBuffer: 1 << 28 });
}

/** The list of digests as kernel.org has it. */
function listOf(digests: Readonly<Record<string, string>>): string {
  return Object.entries(digests)
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .join('');
}
const LIST = listOf({
  [`llvm-23.2.0-rc1-${CPU}.tar.xz`]: sha256('rc'),
  [`llvm-23.1.99-other.tar.xz`]: sha256('other'),
  [`llvm-24.1.0-${CPU}.tar.gz`]: sha256('gz'),
  [`../llvm-24.1.0-${CPU}.tar.xz`]: sha256('climbs'),
  [SMALL_NAME]: sha256(small),
  [REAL_NAME]: REAL_DIGEST,
});
const server = await serveDownloads(served);

let runs = 0;
let cacheFolder = '';
beforeEach(() => {
  cacheFolder = path.join(root, `run-${++runs}`);
  process.env.RUNNER_TOOL_CACHE = path.join(cacheFolder, 'tools');
  writeFileSync(path.join(served, 'sha256sums.asc'), key.sign(LIST));
  writeFileSync(path.join(served, SMALL_NAME), small);
  server.seen.length = 0;
  server.faults.clear();
});
after(async () => {
  await server.close();
  key.remove();
  stranger.remove();
  rmSync(root, { recursive: true, force: true });
});

function kernelOrg(changes: Partial<ToolchainRequest> = {}): Promise<Fetched> {
  const request = { version: SMALL, source: 'kernel-org', mirror: server.url, key: keyFile, ...changes };
  return fetchKernelOrg(testHost({ cacheFolder }), request);
}

/** Throws unless nothing of a toolchain is left of a run that was refused. */
async function nothingLeft(): Promise<void> {
  assert.equal(await findTool(testHost({ cacheFolder }), {}), undefined);
  const tools = path.join(cacheFolder, 'tools/kernel-thinlto-llvm');
  assert.deepEqual(existsSync(tools) ? readdirSync(tools) : [], []);
  const downloads = path.join(cacheFolder, 'downloads');
  assert.deepEqual(existsSync(downloads) ? readdirSync(downloads) : [], []);
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

test('two installs at once, in two processes and in one, all get the same whole toolchain', async () => {
  const children = [install(), install()];
  const [one, two] = await Promise.all([kernelOrg(), kernelOrg()]);
  const results = await Promise.all(children.map((child) => child.result));
  for (const result of results) assert.deepEqual(result, { folder: one.folder });
  assert.equal(one.folder, two.folder);
  assert.equal(statSync(path.join(one.folder, 'lib/large')).size, SMALL_BYTES);
  assert.deepEqual(readdirSync(path.join(cacheFolder, 'tools/kernel-thinlto-llvm')), [
    `${SMALL}-kernel-org.d${sha256(small).slice(0, 12)}`,
  ]);
  assert.deepEqual(readdirSync(path.join(cacheFolder, 'downloads')), []);
});

/** Installs in a process of its own. */
function install(version = SMALL, program: readonly string[] = [process.execPath]) {
  const [command = '', ...args] = [...program, CHILD, cacheFolder, server.url, keyFile, version];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
  });
  const result = new Promise<unknown>((resolve) => {
    child.on('close', () =>
      resolve(text === '' ? undefined : JSON.parse(text.trim().split('\n').at(-1) ?? '')),
    );
  });
  return { child, result };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await sleep(2))
    assert.ok(Date.now() < end, 'waited too long');
}

test('kill -9 in the middle of a download; the next run goes on from there', async () => {
  server.faults.set(`/${SMALL_NAME}`, [{ stallAfter: 1_500_000 }]);
  const { child, result } = install();
  const downloads = path.join(cacheFolder, 'downloads');
  const parts = () => (existsSync(downloads) ? readdirSync(downloads) : []);
  await until(() => parts().some((name) => statSync(path.join(downloads, name)).size === 1_500_000));
  child.kill('SIGKILL');
  assert.equal(await result, undefined);
  assert.equal(await findTool(testHost({ cacheFolder }), {}), undefined);

  const got = await kernelOrg();
  assert.equal(statSync(path.join(got.folder, 'lib/large')).size, SMALL_BYTES);
  const requests = server.seen.filter((one) => one.path === `/${SMALL_NAME}`);
  assert.deepEqual(
    requests.map((one) => one.headers.range),
    [undefined, 'bytes=1500000-'],
  );
  assert.deepEqual(parts(), []);
});

test('kill -9 in the middle of unpacking; the next run starts over, and sweeps', async () => {
  const { child, result } = install(REAL);
  const tools = path.join(cacheFolder, 'tools/kernel-thinlto-llvm');
  const staging = () =>
    (existsSync(tools) ? readdirSync(tools) : []).find((name) => name.startsWith('.staging-'));
  await until(() => existsSync(path.join(tools, staging() ?? 'none', 'lib')));
  child.kill('SIGKILL');
  assert.equal(await result, undefined);
  assert.ok(staging() !== undefined);
  assert.equal(await findTool(testHost({ cacheFolder }), {}), undefined);

  const got = await kernelOrg({ version: REAL });
  works(path.join(got.folder, 'bin'));
  assert.equal(staging(), undefined);
  assert.equal(server.count(`/${REAL_NAME}`), 1, 'the archive was there, whole');
});

for (const [where, full] of [
  ['for the download', (folder: string) => folder],
  ['for the toolchain', (folder: string) => path.join(folder, 'tools')],
] as const) {
  test(`a full disk ${where} is told, and leaves nothing; with room it goes on`, async () => {
    const disk = full(cacheFolder);
    mkdirSync(disk, { recursive: true });
    // A file system of the child's own, which is gone with it.
    const script = `mount -t tmpfs -o size=2m tmpfs "$1" && shift && "$@" && find "$0" ! -type d && echo && mount -o remount,size=64m "$0" && "$@"`;
    const started = [
      'unshare',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      script,
      disk,
      disk,
      process.execPath,
    ];
    const [command = '', ...args] = [...started, CHILD, cacheFolder, server.url, keyFile, SMALL];
    const text = execFileSync(command, args, { encoding: 'utf8' });
    const [first = '', ...rest] = text.split('\n');
    assert.match(
      JSON.parse(first).error,
      /^UserError: .*: cannot be written: no space left on the disk; make room/,
    );
    assert.deepEqual(rest.slice(0, rest.indexOf('')), []);
    assert.match(JSON.parse(rest.at(-2) ?? '').folder, /22\.1\.8-kernel-org/);
  });
}
