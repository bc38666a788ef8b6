import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CCACHE_RELEASES } from '../../src/ccache/github.ts';
import { resolveCcache } from '../../src/ccache/resolve.ts';
import { type Fault, serveDownloads, sha256 } from '../services/downloads.ts';
import { testHost } from '../services/host.ts';
import { makeMinisignKey, type SignatureChanges } from '../services/minisign.ts';
import { CPU } from '../services/release.ts';
import { type TestEntry, tarOf } from '../services/tar.ts';

const root = mkdtempSync(path.join(tmpdir(), 'ccache-github-test-'));
const served = path.join(root, 'served');
const server = await serveDownloads(served);
const key = makeMinisignKey();
const VERSION = '4.14.2';
let cacheFolder = '';
let caches = 0;

beforeEach(() => {
  rmSync(served, { recursive: true, force: true });
  server.seen.length = 0;
  server.faults.clear();
  cacheFolder = path.join(root, `cache-${++caches}`);
  process.env.RUNNER_TOOL_CACHE = path.join(cacheFolder, 'tools');
});
after(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

function nameOf(version: string): string {
  return `ccache-${version}-linux-${CPU}-musl-static.tar.gz`;
}

/** A release as ccache packs it; its program only tells its version. */
function packed(
  version: string,
  entries: readonly TestEntry[] = [],
  program = `ccache version ${version}`,
): Buffer {
  const top = `ccache-${version}-linux-${CPU}-musl-static`;
  const script = `#!/bin/sh\necho '${program}'\n`;
  return gzipSync(
    tarOf([
      { path: `${top}/`, type: 'Directory', mode: 0o755 },
      { path: `${top}/README.md`, content: 'read' },
      { path: `${top}/ccache`, mode: 0o755, content: script },
      ...entries,
    ]),
  );
}

/** Serves an archive and a signature of it, below `/v<version>/`. */
function publish(
  version = VERSION,
  data: Buffer = packed(version),
  signature: string | SignatureChanges = {},
): string {
  const name = nameOf(version);
  const folder = path.join(served, `v${version}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, name), data);
  const comment = `timestamp:1795253013\tfile:${name}\thashed`;
  const text = typeof signature === 'string' ? signature : key.sign(data, { comment, ...signature });
  writeFileSync(path.join(folder, `${name}.minisig`), text);
  return `/v${version}/${name}`;
}

function resolve(version = VERSION) {
  const host = testHost({ cacheFolder });
  const releases = { base: server.url, key: key.publicKey, version };
  return resolveCcache(host, 'github', { releases });
}

/** Throws unless it is refused in one line, and nothing of it is left. */
async function refused(why: RegExp): Promise<void> {
  const error = await resolve().then(
    () => assert.fail('accepted'),
    (thrown: Error) => thrown,
  );
  assert.equal(error.name, 'UserError', error.stack);
  assert.match(error.message, why);
  assert.ok(!error.message.includes('\n'));
  const tools = path.join(cacheFolder, 'tools/kernel-thinlto-ccache');
  assert.deepEqual(existsSync(tools) ? readdirSync(tools) : [], []);
}

test('a signed release is taken into the tool cache, and the second time no server is asked', async () => {
  const data = packed(VERSION);
  const at = publish(VERSION, data);
  const found = await resolve();
  const digest = sha256(data);
  assert.deepEqual(found, {
    version: VERSION,
    source: 'github',
    program: path.join(
      cacheFolder,
      'tools/kernel-thinlto-ccache',
      `${VERSION}-github.d${digest.slice(0, 12)}`,
      process.arch,
      'bin/ccache',
    ),
    digest,
    reason: 'a release of ccache itself',
  });
  assert.deepEqual(readdirSync(path.dirname(found.program)), ['ccache']);
  assert.deepEqual(readdirSync(path.join(path.dirname(found.program), '..')).sort(), [
    'bin',
    'kernel-thinlto.json',
  ]);
  assert.deepEqual(
    server.seen.map((one) => one.path),
    [`${at}.minisig`, at],
  );
  assert.deepEqual({ ...(await resolve()), reason: found.reason }, found);
  assert.equal(server.seen.length, 2);
});

test('a release that is older than the wanted one is not taken from the tool cache', async () => {
  publish('4.13.6');
  publish();
  assert.equal((await resolve('4.13.6')).version, '4.13.6');
  assert.equal((await resolve()).version, VERSION);
  // A newer one is.
  assert.equal((await resolve('4.13.6')).version, VERSION);
  assert.equal(server.seen.length, 4);
});

test("ccache's own key is of minisign's form, and signs none of a stranger's", async () => {
  publish();
  const host = testHost({ cacheFolder });
  await assert.rejects(
    resolveCcache(host, 'github', { releases: { ...CCACHE_RELEASES, base: server.url, version: VERSION } }),
    new RegExp(`signed by the key ${key.id}, and not by 7C55E705DB25EF17$`),
  );
  assert.equal(CCACHE_RELEASES.version, VERSION);
});

test('an archive with a changed byte is refused', async () => {
  const data = packed(VERSION);
  const signature = key.sign(data, { comment: `file:${nameOf(VERSION)}` });
  data[data.length >> 1] = (data[data.length >> 1] ?? 0) ^ 1;
  publish(VERSION, data, signature);
  await refused(
    /\.minisig: not signed as it must be: the signature does not belong to the file, which was changed$/,
  );
});

test('a wrong signature, one by another key, and none at all are refused before the archive is asked for', async () => {
  const data = packed(VERSION);
  const comment = `file:${nameOf(VERSION)}`;
  const changed = key.sign(data, { comment }).split('\n');
  const first = Buffer.from(changed[1] ?? '', 'base64');
  first[40] = (first[40] ?? 0) ^ 1;
  changed[1] = first.toString('base64');
  for (const [signature, why] of [
    [changed.join('\n'), /its trusted comment was changed, or the key is another of the same number$/],
    [
      makeMinisignKey().sign(data, { comment }),
      new RegExp(`signed by the key [0-9A-F]{16}, and not by ${key.id}$`),
    ],
    [makeMinisignKey(key.id).sign(data, { comment }), /the key is another of the same number$/],
    [key.sign(data, { comment, algorithm: 'Ed' }), /it is not over a BLAKE2b digest/],
    ['<html>sign in</html>', /it is no signature of minisign$/],
    ['x'.repeat(20_000), /\.minisig: has more than 16384 bytes$/],
  ] as const) {
    const at = publish(VERSION, data, signature);
    await refused(why);
    assert.equal(server.count(at), 0);
  }
  rmSync(path.join(served, `v${VERSION}`, `${nameOf(VERSION)}.minisig`));
  await refused(/\.tar\.gz\.minisig: is not there, and without it nothing is taken$/);
});

test("another version's archive with its own good signature is refused", async () => {
  const old = packed('4.12.0');
  for (const [comment, what] of [
    [`timestamp:1\tfile:${nameOf('4.12.0')}\thashed`, nameOf('4.12.0')],
    ['timestamp:1\thashed', 'no file'],
    [`file:${nameOf('4.12.0')}\tfile:${nameOf(VERSION)}`, `${nameOf('4.12.0')}, file:${nameOf(VERSION)}`],
    [`file:x\\tfile:${nameOf(VERSION)}`, `x\\tfile:${nameOf(VERSION)}`],
  ] as const) {
    const at = publish(VERSION, old, { comment });
    await refused(/./);
    const error = await resolve().catch((thrown: Error) => thrown.message);
    assert.equal(error, `${server.url}${at}.minisig: is not of ${nameOf(VERSION)}, but of ${what}`);
    assert.equal(server.count(at), 0);
  }
  publish(VERSION, old);
  await refused(/\.tar\.gz: says that it is 4\.12\.0, not 4\.14\.2$/);
});

test('a download that breaks off is begun again, and a short one is refused', async () => {
  const at = publish();
  const short: Fault = { shortBy: 10 };
  server.faults.set(at, [short]);
  await refused(/the signature does not belong to the file, which was changed$/);
  server.faults.set(at, [{ cutAfter: 100 }]);
  assert.equal((await resolve()).version, VERSION);
  assert.equal(server.count(at), 3);
});

test('a signed archive that climbs out, has no program or too much, or does not run is refused', async () => {
  const outside = path.join(root, 'outside');
  const top = `ccache-${VERSION}-linux-${CPU}-musl-static`;
  const bare = (entries: readonly TestEntry[]) => gzipSync(tarOf(entries));
  for (const [data, why] of [
    [
      packed(VERSION, [{ path: `${top}/../../../outside`, content: 'x' }]),
      /entry '.*' is refused: its name climbs out/,
    ],
    [packed(VERSION, [{ path: outside, content: 'x' }]), /entry '.*' is refused: its name is absolute/],
    [
      packed(VERSION, [{ path: `${top}/ccache`, type: 'SymbolicLink', linkpath: '/bin/true' }]),
      /is refused: it points to '\/bin\/true', outside$/,
    ],
    [bare([{ path: 'ccache', content: 'x' }]), /is refused: it does not lie in a top folder$/],
    [bare([{ path: `${top}/README.md`, content: 'x' }]), /\.tar\.gz: has no TOP-FOLDER\/ccache$/],
    [bare([{ path: `${top}/ccache/`, type: 'Directory' }]), /\.tar\.gz: has no TOP-FOLDER\/ccache$/],
    [
      packed(
        VERSION,
        Array.from({ length: 1000 }, (_, at) => ({ path: `${top}/${at}`, content: '' })),
      ),
      /has more than 1000 entries$/,
    ],
    [packed(VERSION).subarray(0, -30), /^\/\S*\.tar\.gz: /],
    [packed(VERSION, [], 'ccache version 4.14.3'), /says that it is 4\.14\.3, not 4\.14\.2$/],
    [packed(VERSION, [], 'Hello'), /bin\/ccache does not tell its version \(code 0\) Hello$/],
    [
      bare([{ path: `${top}/ccache`, content: 'no program' }]),
      /bin\/ccache does not tell its version \(code 127\)/,
    ],
  ] as const) {
    publish(VERSION, data);
    await refused(why);
  }
  assert.ok(!existsSync(outside));
});

test('a server that has no such release, or is not there, is told', async () => {
  await refused(/\.minisig: is not there, and without it nothing is taken$/);
  const releases = { base: 'http://127.0.0.1:9', key: key.publicKey, version: VERSION };
  await assert.rejects(
    resolveCcache(testHost({ cacheFolder }), 'github', { releases }),
    /^UserError: http:\/\/127\.0\.0\.1:9\/v4\.14\.2\/ccache-4\.14\.2-linux-\S+\.minisig: cannot be reached /,
  );
});
