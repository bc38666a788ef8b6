import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { codeNameOf, debianArch, readSuite } from '../../src/debian/archive.ts';
import { downloadPackages } from '../../src/debian/debs.ts';
import { findLlvm } from '../../src/debian/llvm-offers.ts';
import type { DebianPackage, PackageIndex } from '../../src/debian/packages.ts';
import { isUnreachable } from '../../src/fetch/download.ts';
import { poolPath, type TestPackage, type TestSuite, writeArchive } from '../services/debian-archive.ts';
import { serveDownloads, sha256 } from '../services/downloads.ts';
import { makeKey } from '../services/gpg.ts';
import { testHost } from '../services/host.ts';

const ARCH = debianArch(process.arch);
const folder = mkdtempSync(path.join(tmpdir(), 'debian-archive-test-'));
const [key, stranger] = [makeKey('archive'), makeKey('stranger')];
const keyFile = path.join(folder, 'key.asc');
writeFileSync(keyFile, key.armored);
let made = 0;

after(() => {
  key.remove();
  stranger.remove();
  rmSync(folder, { recursive: true, force: true });
});

const HELLO: TestPackage = {
  name: 'hello',
  version: '2.10-3',
  entries: [{ path: './usr/bin/hello', content: 'hello' }],
};

/** An archive on loopback, and a host with an empty cache folder. */
async function archiveOf(suites: readonly TestSuite[], sign = key.sign) {
  const place = path.join(folder, `archive-${++made}`);
  const cacheFolder = path.join(folder, `cache-${made}`);
  mkdirSync(cacheFolder);
  writeArchive(place, ARCH, suites, (text) => sign(text));
  const server = await serveDownloads(place);
  after(() => server.close());
  const host = testHost({ cacheFolder });
  return { place, server, host, setting: { mirror: server.url, key: keyFile } };
}

function only(index: PackageIndex | undefined, name: string): DebianPackage {
  const [found] = index?.named(name) ?? [];
  assert.ok(found, `${name} is not in the index`);
  return found;
}

const SID = { name: 'sid', packages: [HELLO] };

test('a suite is read and a package of it downloaded, and the second time both are there', async () => {
  const { host, setting, server, place } = await archiveOf([SID]);
  for (const round of [1, 2]) {
    const index = await readSuite(host, setting, 'sid', ARCH);
    const [file = ''] = await downloadPackages(host, setting, [only(index, 'hello')]);
    assert.deepEqual(readFileSync(file), readFileSync(path.join(place, poolPath(HELLO, ARCH))));
    assert.equal(server.seen.length, round === 1 ? 3 : 4, 'only InRelease is asked for again');
  }
  assert.ok(server.seen.every(({ path: at }) => !at.endsWith('Packages.xz')));
});

test('a package in the cache folder that is another one by now is fetched anew', async () => {
  const { host, setting, place } = await archiveOf([SID]);
  const hello = only(await readSuite(host, setting, 'sid', ARCH), 'hello');
  const [file = ''] = await downloadPackages(host, setting, [hello]);
  writeFileSync(file, readFileSync(file).fill(0, 100, 101));
  await downloadPackages(host, setting, [hello]);
  assert.deepEqual(readFileSync(file), readFileSync(path.join(place, poolPath(HELLO, ARCH))));
});

test('a key that is none of those that may sign is refused', async () => {
  const { host, setting } = await archiveOf([SID], stranger.sign);
  await assert.rejects(readSuite(host, setting, 'sid', ARCH), {
    name: 'UserError',
    message: /dists\/sid\/InRelease: not signed as it must be: signed by the key /,
  });
});

test("without a key of the request only Debian's own may sign", async () => {
  const { host, setting } = await archiveOf([SID]);
  await assert.rejects(readSuite(host, { mirror: setting.mirror }, 'sid', ARCH), /not signed as it must be/);
});

test('a changed InRelease is refused', async () => {
  const { host, setting, place } = await archiveOf([SID]);
  const file = path.join(place, 'dists/sid/InRelease');
  writeFileSync(file, readFileSync(file, 'utf8').replace('Origin: Test', 'Origin: Rest'));
  await assert.rejects(readSuite(host, setting, 'sid', ARCH), /the signature does not belong to the text/);
});

test('the signed InRelease of another suite is refused', async () => {
  const { host, setting } = await archiveOf([{ ...SID, suite: 'oldstable', codeName: 'bookworm' }]);
  await assert.rejects(readSuite(host, setting, 'sid', ARCH), {
    name: 'UserError',
    message: /InRelease: is of the suite bookworm, oldstable, not sid$/,
  });
});

test('an index with a changed byte is refused, and nothing of it is kept', async () => {
  const { host, setting, place } = await archiveOf([SID]);
  const at = path.join(place, `dists/sid/main/binary-${ARCH}/by-hash/SHA256`);
  const file = path.join(at, readdirSync(at)[0] ?? '');
  const bytes = readFileSync(file);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  await assert.rejects(readSuite(host, setting, 'sid', ARCH), /SHA-256 should be /);
  assert.deepEqual(readdirSync(path.join(host.cacheFolder, 'debian')), []);
});

test('a package with a changed byte is refused, and nothing of it is kept', async () => {
  const { host, setting, place } = await archiveOf([
    { ...SID, packages: [HELLO, { ...HELLO, name: 'other' }] },
  ]);
  const index = await readSuite(host, setting, 'sid', ARCH);
  const packages = [only(index, 'hello'), only(index, 'other')];
  const file = path.join(place, poolPath(HELLO, ARCH));
  const bytes = readFileSync(file);
  bytes[bytes.length - 9] = (bytes.at(-9) ?? 0) ^ 1;
  writeFileSync(file, bytes);
  await assert.rejects(downloadPackages(host, setting, packages), {
    name: 'UserError',
    message: /hello_2\.10-3_\w+\.deb: SHA-256 should be /,
  });
  const kept = readdirSync(path.join(host.cacheFolder, 'debian')).filter((name) => !name.endsWith('.xz'));
  assert.deepEqual(kept, [`${packages[1]?.sha256}.deb`]);
});

test('a package that is longer or shorter than the index says is refused', async () => {
  const { host, setting, place } = await archiveOf([SID]);
  const hello = only(await readSuite(host, setting, 'sid', ARCH), 'hello');
  const file = path.join(place, poolPath(HELLO, ARCH));
  const bytes = readFileSync(file);
  for (const changed of [Buffer.concat([bytes, Buffer.from('x')]), bytes.subarray(0, -1)]) {
    writeFileSync(file, changed);
    await assert.rejects(downloadPackages(host, setting, [hello]), /should have \d+ bytes/);
  }
});

test('an index without the processor, and one that is no .xz, are told', async () => {
  const { host, setting, place } = await archiveOf([SID]);
  const other = ARCH === 'amd64' ? 'arm64' : 'amd64';
  await assert.rejects(readSuite(host, setting, 'sid', other), /InRelease: lists no main\/binary-/);
  const broken = Buffer.from('no xz');
  const at = path.join(place, `dists/sid/main/binary-${ARCH}`);
  writeFileSync(path.join(at, 'Packages.xz'), broken);
  const lines = `Codename: sid\nSHA256:\n ${sha256(broken)} 5 main/binary-${ARCH}/Packages.xz\n`;
  writeFileSync(path.join(place, 'dists/sid/InRelease'), key.sign(lines));
  await assert.rejects(
    readSuite(host, setting, 'sid', ARCH),
    /Packages\.xz: cannot be unpacked \(.*not recognized\)$/,
  );
});

test('an index past its date is told, and taken', async () => {
  const lines = 'Valid-Until: Fri, 06 Nov 2020 08:08:01 UTC\n';
  const { host, setting } = await archiveOf([{ ...SID, lines }]);
  only(await readSuite(host, setting, 'sid', ARCH), 'hello');
  assert.match(host.lines.join('\n'), /dists\/sid: its index was to be used until 2020-11-06/);
});

test('an index before its date is taken without a word', async () => {
  const lines = `Valid-Until: ${new Date(Date.now() + 86_400_000).toUTCString().replace('GMT', 'UTC')}\n`;
  const { host, setting } = await archiveOf([{ ...SID, lines }]);
  only(await readSuite(host, setting, 'sid', ARCH), 'hello');
  assert.deepEqual(host.lines, []);
});

test('a suite that is not there is none, and a server that is not there is told', async () => {
  const { host, setting, server } = await archiveOf([SID]);
  assert.equal(await readSuite(host, setting, 'experimental', ARCH), undefined);
  assert.equal(await codeNameOf(host, setting, 'stable'), undefined);
  assert.equal(await codeNameOf(host, setting, 'sid'), 'sid');
  await server.close();
  await assert.rejects(readSuite(host, setting, 'sid', ARCH), isUnreachable);
});

test('all packages share one progress line, which ends full', async () => {
  const packages = Array.from({ length: 9 }, (_, at) => ({
    ...HELLO,
    name: `p${at}`,
    entries: [{ path: './file', content: `${at}` }],
  }));
  const { host, setting } = await archiveOf([{ ...SID, packages }]);
  const index = await readSuite(host, setting, 'sid', ARCH);
  const titles: string[] = [];
  const updates: (readonly [number, number | undefined])[] = [];
  let ended = 0;
  const watched = testHost({
    cacheFolder: host.cacheFolder,
    progress: (title) => {
      titles.push(title);
      return { update: (done, total) => updates.push([done, total]), end: () => ended++ };
    },
  });
  const wanted = packages.map(({ name }) => only(index, name));
  const files = await downloadPackages(watched, setting, wanted);
  const total = wanted.reduce((sum, one) => sum + one.size, 0);
  assert.deepEqual(
    files.map((file) => path.basename(file, '.deb')),
    wanted.map((one) => one.sha256),
  );
  assert.deepEqual([titles, updates.at(-1), ended], [['Debian: 9 packages'], [total, total], 1]);
});

/** What a suite with an LLVM has. */
function llvm(version: string): readonly TestPackage[] {
  const major = /^1:(\d+)/.exec(version)?.[1];
  return ['clang', 'lld', 'llvm'].map((name) => ({ name: `${name}-${major}`, version }));
}
const PATCHELF = { name: 'patchelf', version: '0.18.0-1.4' };
const SUITES: readonly TestSuite[] = [
  { name: 'sid', packages: [...llvm('1:23.1.4-2'), ...llvm('1:22.1.8-3'), PATCHELF] },
  { name: 'experimental', packages: llvm('1:24~++20261025103442+7e3c57157096-1~exp1') },
  { name: 'trixie-backports', packages: llvm('1:23.1.0~rc2-1~bpo13+1') },
  { name: 'stable', codeName: 'trixie', packages: [] },
  { name: 'trixie', packages: [...llvm('1:19.1.7-3'), PATCHELF] },
  { name: 'oldstable', codeName: 'bookworm', packages: [] },
  { name: 'bookworm', packages: [...llvm('1:16.0.6-15'), PATCHELF] },
];

test('the newest suite that has the version serves, and no further index is fetched', async () => {
  for (const [wanted, suite, version, indexes] of [
    ['23', 'sid', '23.1.4', 1],
    ['22.1', 'sid', '22.1.8', 1],
    ['24', 'experimental', '24.0.0-rc0', 2],
    ['23.1.0-rc2', 'trixie-backports', '23.1.0-rc2', 4],
    ['19', 'trixie', '19.1.7', 4],
    ['16.0.6', 'bookworm', '16.0.6', 5],
  ] as const) {
    const { host, setting, server } = await archiveOf(
      SUITES.map((one) => ({ ...one, lines: `Label: ${one.name}\n` })),
    );
    const offer = await findLlvm(host, setting, wanted, ARCH);
    assert.deepEqual([offer.suite, offer.version], [suite, version]);
    assert.deepEqual(offer.roots.map((one) => one.name).sort(), [
      ...['clang', 'lld', 'llvm'].map((name) => `${name}-${offer.major}`),
      'patchelf',
    ]);
    assert.equal(server.seen.filter((one) => one.path.includes('/by-hash/')).length, indexes, wanted);
  }
});

test('a version that no suite has is told with what there is, and the way to it', async () => {
  const { host, setting, server } = await archiveOf(SUITES);
  await assert.rejects(findLlvm(host, setting, '23.1.3', ARCH), {
    name: 'UserError',
    message: `llvm-version: '23.1.3' is not at debian (${server.url}); it has 23.1.4 (sid), 22.1.8 (sid), 24.0.0-rc0 (experimental), 23.1.0-rc2 (trixie-backports), 19.1.7 (trixie), 16.0.6 (bookworm); a version leaves the archive when the next one comes: ask for the series, or name a day of snapshot.debian.org as llvm-mirror`,
  });
  await assert.rejects(findLlvm(host, setting, '25', ARCH), /16\.0\.6 \(bookworm\)$/);
});

test('a suite with clang and without its linker is told', async () => {
  const packages = [
    { name: 'clang-23', version: '1:23.1.4-2' },
    { name: 'lld-23', version: '1:23.1.3-1' },
    PATCHELF,
  ];
  const { host, setting } = await archiveOf([{ ...SID, packages }]);
  await assert.rejects(
    findLlvm(host, setting, '23', ARCH),
    /debian has clang-23 1:23\.1\.4-2 without lld-23 of that version$/,
  );
});
