import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { debianArch } from '../../src/debian/archive.ts';
import { fetchKernelSource } from '../../src/debian/kernel-source.ts';
import { ownerTag } from '../../src/fetch/owner.ts';
import { type TestPackage, writeArchive, xz } from '../services/debian-archive.ts';
import { serveDownloads } from '../services/downloads.ts';
import { makeKey } from '../services/gpg.ts';
import { testHost } from '../services/host.ts';
import { tarOf } from '../services/tar.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kernel-source-test-'));
const key = makeKey('archive');
const keyFile = path.join(folder, 'key.asc');
writeFileSync(keyFile, key.armored);
let made = 0;

/** A package with a tree of one file, as Debian's are laid out. */
function source(series: string, version: string): TestPackage {
  const tree = tarOf([
    { path: `linux-source-${series}/`, type: 'Directory', mode: 0o755 },
    { path: `linux-source-${series}/Makefile`, content: `# ${version}\n` },
  ]);
  const name = `linux-source-${series}`;
  return { name, version, entries: [{ path: `./usr/src/${name}.tar.xz`, content: xz(tree) }] };
}

const archive = path.join(folder, 'archive');
writeArchive(
  archive,
  debianArch(process.arch),
  [
    { name: 'sid', packages: [source('7.2', '7.2.13-1'), { name: 'linux-source', version: '7.2.13-1' }] },
    { name: 'stable', codeName: 'trixie', packages: [] },
    {
      name: 'trixie-backports',
      packages: [
        source('7.2', '7.2.12-1~bpo13+1'),
        source('7.3', '7.3.4-1~bpo13+1'),
        source('7.3', '7.3.10-1~bpo13+1'),
      ],
    },
    { name: 'trixie', packages: [source('6.12', '6.12.94-1'), source('6.12', '6.12.107-1')] },
    { name: 'oldstable', codeName: 'bookworm', packages: [] },
    {
      name: 'bookworm',
      packages: [
        source('6.1', '1:6.1.176-1'),
        { name: 'linux-source-6.2', version: '6.2.1-1', entries: [{ path: './usr/share/doc', content: '' }] },
      ],
    },
  ],
  key.sign,
);
const server = await serveDownloads(archive);
const setting = { mirror: server.url, key: keyFile };

after(async () => {
  await server.close();
  key.remove();
  rmSync(folder, { recursive: true, force: true });
});

function emptyHost() {
  return testHost({ cacheFolder: path.join(folder, `cache-${++made}`) });
}

for (const [wanted, version, indexes] of [
  [{ minimum: '7.2' }, '7.3.10-1~bpo13+1', 2],
  [{ series: '7.2' }, '7.2.13-1', 2],
  [{ series: '6.12' }, '6.12.107-1', 3],
  [{ minimum: '6.1' }, '6.12.107-1', 3],
  [{ series: '6.1' }, '1:6.1.176-1', 4],
] as const) {
  test(`${JSON.stringify(wanted)} is ${version}`, async () => {
    const host = emptyHost();
    const before = server.seen.length;
    const got = await fetchKernelSource(host, wanted, setting);
    const asked = server.seen.slice(before).filter((one) => one.path.includes('/by-hash/'));
    assert.equal(asked.length, indexes);
    assert.equal(got.version, version);
    assert.equal(readFileSync(path.join(got.folder, 'Makefile'), 'utf8'), `# ${version}\n`);
    assert.deepEqual(readdirSync(got.folder), ['Makefile'], 'nothing but the tree is in the tree');
    assert.doesNotMatch(got.folder, /[\s:]/, 'make takes no such name');
    const sources = path.join(host.cacheFolder, 'sources');
    assert.deepEqual(
      readdirSync(sources).filter((name) => name.startsWith('.part')),
      [],
    );
    assert.ok(!readdirSync(path.join(host.cacheFolder, 'debian')).some((name) => name.endsWith('.deb')));
  });
}

test('a tree that was the newest today is taken without asking; a day later the archive is asked', async () => {
  const host = emptyHost();
  const first = await fetchKernelSource(host, { minimum: '7.2' }, setting);
  const before = server.seen.length;
  assert.deepEqual(await fetchKernelSource(host, { minimum: '7.2' }, setting), first);
  assert.equal(server.seen.length, before);
  const stamp = path.join(path.dirname(first.folder), `.newest-${path.basename(first.folder)}`);
  const yesterday = new Date(Date.now() - 25 * 3600 * 1000);
  utimesSync(stamp, yesterday, yesterday);
  assert.deepEqual(await fetchKernelSource(host, { minimum: '7.2' }, setting), first);
  assert.ok(server.seen.length > before);
  assert.ok(
    !server.seen.slice(before).some((one) => one.path.endsWith('.deb')),
    'what is there is not fetched',
  );
});

test('an old tree is taken where the archive cannot be reached, and told', async () => {
  const host = emptyHost();
  const first = await fetchKernelSource(host, { minimum: '7.2' }, setting);
  rmSync(path.join(path.dirname(first.folder), `.newest-${path.basename(first.folder)}`));
  const nobody = { ...setting, mirror: 'http://127.0.0.1:9/debian' };
  assert.deepEqual(await fetchKernelSource(host, { minimum: '7.2' }, nobody), first);
  assert.match(
    host.lines.join('\n'),
    /^warning: http:\/\/127\.0\.0\.1:9\/.* cannot be reached.*; taking what is here$/m,
  );
});

test('what a run that died left is removed, and what one left that runs is not', async () => {
  const host = emptyHost();
  const { folder: tree } = await fetchKernelSource(host, { series: '6.12' }, setting);
  const sources = path.dirname(tree);
  const dead = path.join(sources, `.part-${ownerTag().replace(/\d+$/, '4194304')}`);
  const foreign = path.join(sources, '.part-00000000-1');
  for (const file of [dead, foreign]) writeFileSync(file, '');
  await fetchKernelSource(host, { series: '7.2' }, setting);
  assert.deepEqual([existsSync(dead), existsSync(foreign)], [false, true]);
});

test('a kernel that no suite has is told with where it was looked for', async () => {
  await assert.rejects(fetchKernelSource(emptyHost(), { minimum: '8.0' }, setting), {
    name: 'UserError',
    message:
      'Debian has no linux-source of 8.0 or later in sid, trixie-backports, trixie, bookworm-backports, bookworm',
  });
  await assert.rejects(
    fetchKernelSource(emptyHost(), { series: '5.10' }, setting),
    /no linux-source of 5\.10 in sid/,
  );
});

test('a package without a tarball is told, and nothing of it is kept', async () => {
  const host = emptyHost();
  await assert.rejects(
    fetchKernelSource(host, { series: '6.2' }, setting),
    /has no tarball of a kernel in it$/,
  );
  assert.deepEqual(readdirSync(path.join(host.cacheFolder, 'sources')), []);
});
