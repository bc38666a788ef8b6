import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { download, fetchBytes, isNotFound, isUnreachable } from '../../src/fetch/download.ts';
import { ownerTag } from '../../src/fetch/owner.ts';
import { serveDownloads, sha256 } from '../services/downloads.ts';
import { testHost } from '../services/host.ts';
import { reply, serve } from '../services/http.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'download-test-'));
const CONTENT = randomBytes(6_000_000);
const DIGEST = sha256(CONTENT);
writeFileSync(path.join(folder, 'data'), CONTENT);
const server = await serveDownloads(folder);
const URL_OF_DATA = `${server.url}/data`;
const PATIENCE = { stall: 400, backoff: 10 };
const OPTIONS = { title: 'data', sha256: DIGEST, bytes: CONTENT.length, patience: PATIENCE };
let runs = 0;

after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A folder for one download, which the test looks into afterwards. */
function place() {
  const target = path.join(folder, `run-${++runs}`);
  return { file: path.join(target, 'file'), names: () => readdirSync(target) };
}

test('a file arrives whole, with its digest and its progress', async () => {
  const { file, names } = place();
  const updates: (readonly [number, number | undefined])[] = [];
  let ended = 0;
  const host = testHost({
    progress: () => ({ update: (done, total) => updates.push([done, total]), end: () => ended++ }),
  });
  assert.deepEqual(await download(host, URL_OF_DATA, file, { title: 'data', patience: PATIENCE }), {
    sha256: DIGEST,
    bytes: CONTENT.length,
  });
  assert.deepEqual(readFileSync(file), CONTENT);
  assert.deepEqual(names(), ['file']);
  assert.deepEqual(updates.at(-1), [CONTENT.length, CONTENT.length]);
  assert.equal(ended, 1);
});

test('a server that is busy twice is asked a third time', async () => {
  const { file } = place();
  const before = server.count('/data');
  server.faults.set('/data', [{ status: 503 }, { status: 429, headers: { 'retry-after': '0' } }]);
  await download(testHost(), URL_OF_DATA, file, OPTIONS);
  assert.equal(server.count('/data') - before, 3);
});

test('a connection that breaks is taken up where it broke, more often than there are tries', async () => {
  const { file } = place();
  const from = server.seen.length;
  server.faults.set('/data', Array(5).fill({ cutAfter: 1_100_000 }));
  await download(testHost(), URL_OF_DATA, file, OPTIONS);
  assert.deepEqual(readFileSync(file), CONTENT);
  const requests = server.seen.slice(from);
  assert.equal(requests.length, 6);
  assert.equal(requests[0]?.headers.range, undefined);
  for (const { headers } of requests.slice(1)) {
    assert.match(headers.range ?? '', /^bytes=[1-9]\d*-$/);
    assert.match(String(headers['if-range']), /^"/);
  }
});

test('a server that ignores the range sends the whole again', async () => {
  const { file } = place();
  server.faults.set('/data', [{ cutAfter: 100_000 }, { ignoreRange: true }]);
  await download(testHost(), URL_OF_DATA, file, OPTIONS);
  assert.deepEqual(readFileSync(file), CONTENT);
});

test('a file that changed while the connection was broken is fetched from its start', async () => {
  const { file } = place();
  const changing = path.join(folder, 'changing');
  writeFileSync(changing, Buffer.alloc(CONTENT.length));
  server.faults.set('/changing', [{ cutAfter: 500_000 }]);
  const host = testHost({
    log: { ...testHost().log, debug: () => writeFileSync(changing, CONTENT) },
  });
  await download(host, `${server.url}/changing`, file, OPTIONS);
  assert.deepEqual(readFileSync(file), CONTENT);
});

test('a server that falls silent is asked again', async () => {
  const { file } = place();
  server.faults.set('/data', [{ stallAfter: 50_000 }]);
  await download(testHost(), URL_OF_DATA, file, OPTIONS);
  assert.deepEqual(readFileSync(file), CONTENT);
});

test('a body that is too short is refused, with what was expected and what came', async () => {
  const { file, names } = place();
  const before = server.count('/data');
  server.faults.set('/data', [{ shortBy: 1000 }]);
  await assert.rejects(download(testHost(), URL_OF_DATA, file, OPTIONS), {
    name: 'UserError',
    message: `${URL_OF_DATA}: should have 6000000 bytes, and the server has 5999000; nothing of it was kept`,
  });
  assert.deepEqual(names(), []);
  assert.equal(server.count('/data') - before, 1);
});

test('a body that is too long is refused before it is read', async () => {
  const { file, names } = place();
  server.faults.set('/data', [{ shortBy: -1000 }]);
  await assert.rejects(
    download(testHost(), URL_OF_DATA, file, OPTIONS),
    /should have 6000000 bytes, and the server has 6001000/,
  );
  assert.deepEqual(names(), []);
});

test('a body without a length that does not end in time is cut off', async () => {
  const endless = await serve((_, response) => {
    response.on('error', () => {});
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65536)));
    };
    response.on('drain', more);
    more();
  });
  const { file, names } = place();
  await assert.rejects(
    download(testHost(), `${endless.url}/x`, file, { ...OPTIONS, bytes: 200_000 }),
    /should have 200000 bytes, and more came/,
  );
  assert.deepEqual(names(), []);
  await assert.rejects(
    fetchBytes(testHost(), `${endless.url}/x`, { limit: 100_000 }),
    /more than 100000 bytes/,
  );
  await endless.close();
});

test('a changed byte is refused with both digests, and leaves nothing', async () => {
  const changed = Buffer.from(CONTENT);
  changed[4_000_000] = (changed[4_000_000] ?? 0) ^ 1;
  writeFileSync(path.join(folder, 'changed'), changed);
  const { file, names } = place();
  await assert.rejects(download(testHost(), `${server.url}/changed`, file, OPTIONS), (error: Error) => {
    assert.equal(error.name, 'UserError');
    for (const part of [`${server.url}/changed`, DIGEST, sha256(changed)])
      assert.ok(error.message.includes(part), part);
    return !error.message.includes('\n');
  });
  assert.deepEqual(names(), []);
  assert.equal(server.count('/changed'), 1);
});

test('what is not there is not asked for again, and can be told from what cannot be reached', async () => {
  const { file, names } = place();
  const missing = await download(testHost(), `${server.url}/missing`, file, OPTIONS).catch((error) => error);
  assert.equal(missing.message, `${server.url}/missing: the server answered 404`);
  assert.equal(isNotFound(missing), true);
  assert.equal(isUnreachable(missing), false);
  assert.equal(server.count('/missing'), 1);

  const closed = await serve(() => {});
  await closed.close();
  for (const url of [`${closed.url}/x`, 'http://no-such-name.invalid/x']) {
    const started = performance.now();
    const refused = await fetchBytes(testHost(), url, { limit: 10 }).catch((error) => error);
    assert.match(refused.message, /: cannot be reached \(/);
    assert.equal(isUnreachable(refused), true, url);
    assert.equal(isNotFound(refused), false);
    assert.ok(performance.now() - started < 10_000);
  }
  assert.deepEqual(names(), []);
});

test('a server that stays broken counts as not reachable, after five tries', async () => {
  const before = server.count('/data');
  server.faults.set('/data', Array(5).fill({ status: 502 }));
  const error = await download(testHost(), URL_OF_DATA, place().file, OPTIONS).catch((thrown) => thrown);
  assert.equal(isUnreachable(error), true);
  assert.equal(server.count('/data') - before, 5);
});

test('a cancelled download ends at once', async () => {
  const controller = new AbortController();
  server.faults.set('/data', [{ stallAfter: 1000 }]);
  const host = testHost({ signal: controller.signal });
  const running = download(host, URL_OF_DATA, place().file, {
    ...OPTIONS,
    patience: { stall: 60_000, backoff: 10 },
  });
  setTimeout(() => controller.abort(new Error('Cancelled')), 100);
  const started = performance.now();
  await assert.rejects(running, /Cancelled/);
  assert.ok(performance.now() - started < 2000);
});

test('a token goes to the server that it is for, and not on to another', async () => {
  const seen: (string | undefined)[] = [];
  const other = await serve((request, response) => {
    seen.push(request.headers.authorization);
    reply(response, 200, 'other');
  });
  const first = await serve((request, response, url) => {
    seen.push(request.headers.authorization);
    const location = url.pathname === '/start' ? '/same' : `${other.url}/x`;
    reply(response, 302, '', { location });
  });
  const headers = { authorization: 'Bearer secret' };
  const body = await fetchBytes(testHost(), `${first.url}/start`, { limit: 100, headers });
  assert.equal(body.toString(), 'other');
  assert.deepEqual(seen, ['Bearer secret', 'Bearer secret', undefined]);
  await Promise.all([first.close(), other.close()]);
});

test('redirects have an end, and stay with http', async () => {
  const round = await serve((_, response, url) => {
    const location = url.pathname === '/file' ? 'file:///etc/passwd' : '/again';
    reply(response, 301, '', { location });
  });
  await assert.rejects(fetchBytes(testHost(), `${round.url}/x`, { limit: 9 }), /more than 5 redirects/);
  await assert.rejects(
    fetchBytes(testHost(), `${round.url}/file`, { limit: 9 }),
    /'file:\/\/\/etc\/passwd' is not an http\(s\) URL/,
  );
  await round.close();
});

test('what a dead run left is taken up, whole or half, and thrown away where it is damaged', async () => {
  // Above the largest process id that Linux gives (2^22).
  const dead = `${DIGEST}.${ownerTag().split('-')[0]}-99999999.00000000.part`;
  const damaged = Buffer.from(CONTENT.subarray(0, 1_000_000));
  damaged[17] = (damaged[17] ?? 0) ^ 1;
  for (const [left, ranges] of [
    [CONTENT.subarray(0, 1_000_000), ['bytes=1000000-']],
    [CONTENT, []],
    [damaged, ['bytes=1000000-', undefined]],
    [Buffer.alloc(CONTENT.length), [undefined]],
    [Buffer.concat([CONTENT, CONTENT]), []],
  ] as const) {
    const { file, names } = place();
    mkdirSync(path.dirname(file));
    writeFileSync(path.join(path.dirname(file), dead), left);
    const from = server.seen.length;
    await download(testHost(), URL_OF_DATA, file, OPTIONS);
    assert.deepEqual(readFileSync(file), CONTENT);
    assert.deepEqual(names(), ['file']);
    assert.deepEqual(
      server.seen.slice(from).map((one) => one.headers.range),
      ranges,
    );
  }
});

test('a proxy of the environment is used, but for loopback', async () => {
  const asked: string[] = [];
  const proxy = http.createServer();
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    if (request.url?.startsWith('forbidden')) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy'));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  process.env.http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    const body = await fetchBytes(testHost(), 'http://kernel.invalid/x', { limit: 9 });
    assert.equal(body.toString(), 'proxy');
    await fetchBytes(testHost(), URL_OF_DATA, { limit: CONTENT.length });
    const error = await fetchBytes(testHost(), 'http://forbidden.invalid/x', { limit: 9 }).catch(
      (thrown) => thrown,
    );
    assert.equal(isUnreachable(error), true, String(error));
  } finally {
    delete process.env.http_proxy;
    proxy.close();
    proxy.closeAllConnections();
  }
  assert.deepEqual(asked, ['kernel.invalid:80', 'forbidden.invalid:80', 'forbidden.invalid:80']);
});
