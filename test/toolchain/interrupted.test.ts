import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fetchKernelOrg } from '../../src/toolchain/kernel-org.ts';
import type { Fetched } from '../../src/toolchain/source.ts';
import { findTool } from '../../src/toolchain/store.ts';
import { testHost } from '../services/host.ts';
import { contentsOf, LARGE_BYTES, listOf, makeMirror, smallArchive } from '../services/release.ts';
import type { TestEntry } from '../services/tar.ts';

const CHILD = fileURLToPath(new URL('../services/install-child.ts', import.meta.url));
const SMALL = smallArchive('22.1.8');
const LONG_BYTES = 10_000_000;
/** Packs to little, and takes a while to unpack. */
const LONG_ENTRIES: readonly TestEntry[] = Array.from({ length: 40 }, (_, index) => ({
  path: `llvm/share/${index}`,
  content: Buffer.alloc(LONG_BYTES),
}));
const LONG = smallArchive('23.1.4', LONG_ENTRIES);

const mirror = await makeMirror();
for (const { name, data } of [SMALL, LONG]) mirror.serve(name, data);
mirror.serve(
  'sha256sums.asc',
  mirror.key.sign(listOf({ [SMALL.name]: SMALL.digest, [LONG.name]: LONG.digest })),
);

let cacheFolder = '';
beforeEach(() => {
  cacheFolder = mirror.emptyCache();
});
after(() => mirror.close());

function kernelOrg(version = SMALL.version): Promise<Fetched> {
  const request = { version, source: 'kernel-org', mirror: mirror.server.url, key: mirror.keyFile };
  return fetchKernelOrg(testHost({ cacheFolder }), request);
}

/** Installs in a process of its own; `text` is what it printed, `result` the last line of that. */
function install(version = SMALL.version, program: readonly string[] = [process.execPath]) {
  const [command = '', ...args] = [
    ...program,
    CHILD,
    cacheFolder,
    mirror.server.url,
    mirror.keyFile,
    version,
  ];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const text = new Promise<string>((resolve) => {
    let all = '';
    child.stdout.on('data', (data) => {
      all += data;
    });
    child.on('close', () => resolve(all));
  });
  const result = text.then((all) =>
    all === '' ? undefined : JSON.parse(all.trim().split('\n').at(-1) ?? ''),
  );
  return { child, text, result };
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); await sleep(2))
    assert.ok(Date.now() < end, 'waited too long');
}

test('two installs at once, in two processes and in one, all get the same whole toolchain', async () => {
  const children = [install(), install()];
  const [one, two] = await Promise.all([kernelOrg(), kernelOrg()]);
  const results = await Promise.all(children.map((child) => child.result));
  for (const result of results) assert.deepEqual(result, { folder: one.folder });
  assert.equal(one.folder, two.folder);
  assert.equal(statSync(path.join(one.folder, 'lib/large')).size, LARGE_BYTES);
  assert.deepEqual(contentsOf(cacheFolder).tools, [
    `${SMALL.version}-kernel-org.d${SMALL.digest.slice(0, 12)}`,
  ]);
  assert.deepEqual(contentsOf(cacheFolder).downloads, []);
});

test('kill -9 in the middle of a download; the next run goes on from there', async () => {
  mirror.server.faults.set(`/${SMALL.name}`, [{ stallAfter: 1_500_000 }]);
  const { child, result } = install();
  const downloads = path.join(cacheFolder, 'downloads');
  const parts = () => contentsOf(cacheFolder).downloads;
  await until(() => parts().some((name) => statSync(path.join(downloads, name)).size === 1_500_000));
  child.kill('SIGKILL');
  assert.equal(await result, undefined);
  assert.equal(await findTool(testHost({ cacheFolder }), {}), undefined);

  const got = await kernelOrg();
  assert.equal(statSync(path.join(got.folder, 'lib/large')).size, LARGE_BYTES);
  const requests = mirror.server.seen.filter((one) => one.path === `/${SMALL.name}`);
  assert.deepEqual(
    requests.map((one) => one.headers.range),
    [undefined, 'bytes=1500000-'],
  );
  assert.deepEqual(parts(), []);
});

test('kill -9 in the middle of unpacking; the next run starts over, and sweeps', async () => {
  const { child, result } = install(LONG.version);
  const tools = path.join(cacheFolder, 'tools/kernel-thinlto-llvm');
  const staging = () => contentsOf(cacheFolder).tools.find((name) => name.startsWith('.staging-'));
  await until(() => existsSync(path.join(tools, staging() ?? 'none', 'share')));
  child.kill('SIGKILL');
  assert.equal(await result, undefined);
  assert.ok(staging() !== undefined);
  assert.equal(await findTool(testHost({ cacheFolder }), {}), undefined);

  const got = await kernelOrg(LONG.version);
  const sizes = LONG_ENTRIES.map((_, index) => statSync(path.join(got.folder, 'share', String(index))).size);
  assert.deepEqual(new Set(sizes), new Set([LONG_BYTES]));
  assert.equal(staging(), undefined);
  assert.equal(mirror.server.count(`/${LONG.name}`), 1, 'the archive was there, whole');
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
    const [first = '', ...rest] = (await install(SMALL.version, started).text).split('\n');
    assert.notEqual(first, '', 'the test mounts a small disk, which needs root or user namespaces');
    assert.match(
      JSON.parse(first).error,
      /^UserError: .*: cannot be written: no space left on the disk; make room/,
    );
    assert.deepEqual(rest.slice(0, rest.indexOf('')), []);
    assert.match(JSON.parse(rest.at(-2) ?? '').folder, /22\.1\.8-kernel-org/);
  });
}
