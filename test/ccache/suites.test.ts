import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { findCcache } from '../../src/ccache/debian.ts';
import { versionPackaged, versionSaid } from '../../src/ccache/version.ts';
import { debianArch } from '../../src/debian/archive.ts';
import { type TestSuite, writeArchive } from '../services/debian-archive.ts';
import { serveDownloads } from '../services/downloads.ts';
import { makeKey } from '../services/gpg.ts';
import { testHost } from '../services/host.ts';

const ARCH = debianArch(process.arch);
const folder = mkdtempSync(path.join(tmpdir(), 'ccache-suites-test-'));
const key = makeKey('archive');
const keyFile = path.join(folder, 'key.asc');
writeFileSync(keyFile, key.armored);
let made = 0;
after(() => {
  key.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** An archive with these versions of ccache by suite, and what findCcache says of it. */
async function found(versions: Readonly<Record<string, string>>) {
  const place = path.join(folder, String(++made));
  const named = Object.entries(versions).map(
    ([name, version]): TestSuite => ({ name, packages: version === '' ? [] : [{ name: 'ccache', version }] }),
  );
  const stable = { name: 'stable', codeName: 'trixie', packages: [] };
  writeArchive(place, ARCH, [...named, stable], (text) => key.sign(text));
  const server = await serveDownloads(place);
  after(() => server.close());
  const host = testHost({ cacheFolder: path.join(place, 'cache') });
  const offer = await findCcache(host, { mirror: server.url, key: keyFile }, ARCH).catch(
    (error: Error) => `${error.name}: ${error.message.replace(server.url, 'URL')}`,
  );
  return typeof offer === 'string' ? offer : [offer.suite, offer.version, offer.indexes.length];
}

test('the newest suite whose ccache caches back ends serves', async () => {
  const old = { sid: '4.12-1', testing: '4.11.2-2', 'trixie-backports': '4.13.1-1~bpo13+1' };
  assert.deepEqual(await found({ ...old, sid: '4.13.2-1' }), ['sid', '4.13.2', 1]);
  assert.deepEqual(await found({ ...old, sid: '4.20+really4.12.3-1', testing: '4.14-1' }), [
    'testing',
    '4.14.0',
    1,
  ]);
  const whole = { ...old, 'trixie-backports': '4.14.1-1~bpo13+1', trixie: '4.11.2-2' };
  assert.deepEqual(await found(whole), ['trixie-backports', '4.14.1', 2]);
  assert.deepEqual(await found({ ...old, trixie: '5.0.1-2' }), ['trixie', '5.0.1', 1]);
});

test('where no suite has one, what they have is told', async () => {
  assert.equal(
    await found({ sid: '4.12-1', testing: '', trixie: '4.8+really4.7.5-1' }),
    'UserError: ccache: debian (URL) has none from 4.13.2 on; it has 4.12.0 (sid), 4.7.5 (trixie)',
  );
  assert.match(String(await found({ sid: '' })), /it has none for this machine$/);
});

test("versions are read with all their numbers, out of what ccache says and of Debian's", () => {
  for (const [text, version] of [
    ['ccache version 4.14.2\nFeatures: file-storage http-storage\n', '4.14.2'],
    ['ccache version 4.14\n', '4.14.0'],
    ['ccache version 4.13.2+4_g0123456\n', '4.13.2'],
    ['a warning\nccache version 5.0.1\n', '5.0.1'],
    ['ccache version 4\n', undefined],
    ['ccache version 4.14.2.1\n', undefined],
    ['ccache version 99999.1\n', undefined],
    ['sccache 0.10.0\n', undefined],
    ['clang version 23.1.4\n', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(versionSaid(text), version, text);
  }
  for (const [text, version] of [
    ['4.14.2', '4.14.2'],
    ['4.14', '4.14.0'],
    ['4.14.1+ds', '4.14.1'],
    ['4.8+really4.7.5', '4.7.5'],
    ['4.8+really4.7.5+ds', '4.7.5'],
    ['4.15~rc1', undefined],
    ['20260101', undefined],
  ] as const) {
    assert.equal(versionPackaged(text), version, text);
  }
});
