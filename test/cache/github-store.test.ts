import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { githubStore } from '../../src/cache/store.ts';
import { type CacheService, serveCache } from '../services/cache-service.ts';
import { testHost } from '../services/host.ts';
import { type CacheScope, runtimeToken } from '../services/runtime-token.ts';

const SCRIPT = fileURLToPath(new URL('../services/store-call.ts', import.meta.url));
const BOUNDS = { stallMs: 20_000, totalMs: 30_000, maxBytes: 1024 ** 3 };
const folder = mkdtempSync(path.join(tmpdir(), 'github-store-'));
const entry = path.join(folder, 'made');

before(() => {
  mkdirSync(entry);
  writeFileSync(path.join(entry, 'entry.json'), '{"made":1}');
  writeFileSync(path.join(entry, 'state.tar.zst'), randomBytes(300_000));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A folder of files to save; each save needs one of its own. */
function made(): string {
  const copy = mkdtempSync(path.join(folder, 'made-'));
  cpSync(entry, copy, { recursive: true });
  return copy;
}

/** A run of its own, with its own RUNNER_TEMP. */
function run(
  service: CacheService,
  settings: {
    readonly scopes?: readonly CacheScope[];
    readonly env?: Record<string, string>;
    readonly bounds?: typeof BOUNDS;
    readonly signal?: AbortSignal;
  } = {},
) {
  const temp = mkdtempSync(path.join(folder, 'temp-'));
  const env = {
    PATH: process.env.PATH,
    GITHUB_ACTIONS: 'true',
    ACTIONS_CACHE_SERVICE_V2: 'True',
    ACTIONS_RESULTS_URL: `${service.url}/`,
    ACTIONS_RUNTIME_TOKEN: runtimeToken(undefined, settings.scopes),
    RUNNER_TEMP: temp,
    ...settings.env,
  };
  const host = testHost({
    env,
    self: [process.execPath, SCRIPT],
    ...(settings.signal && { signal: settings.signal }),
  });
  const store = githubStore(host, settings.bounds ?? BOUNDS);
  return { store, host, temp };
}

/** A service of its own for each test, with one entry in it where asked. */
async function withService(
  saved: string | undefined,
  test: (service: CacheService) => Promise<void>,
): Promise<void> {
  const service = await serveCache();
  try {
    if (saved !== undefined) {
      assert.deepEqual(await run(service).store.save(saved, made()), { saved: true, bytes: 300_010 });
    }
    await test(service);
  } finally {
    await service.close();
  }
}

async function reasonOf(work: Promise<object>, boundMs: number): Promise<string> {
  const started = performance.now();
  const result = await work;
  const elapsed = performance.now() - started;
  assert.ok(elapsed <= boundMs, `${elapsed} ms, more than ${boundMs}`);
  const reason = 'none' in result ? result.none : 'reason' in result ? result.reason : undefined;
  assert.ok(typeof reason === 'string' && reason !== '', JSON.stringify(result));
  assert.doesNotMatch(reason, /[\r\n]|::|sig=/);
  return reason;
}

describe("GitHub's cache, version 2", { concurrency: 6 }, () => {
  it('gives back what was saved, to a runner with another folder', () =>
    withService('x86_64-a-1', async (service) => {
      const { store, host } = run(service);
      const result = await store.restore(['x86_64-a-']);
      assert.ok('found' in result, JSON.stringify(result));
      assert.equal(result.found.key, 'x86_64-a-1');
      assert.equal(result.found.bytes, 300_010);
      for (const name of ['entry.json', 'state.tar.zst']) {
        assert.deepEqual(
          readFileSync(path.join(result.found.folder, name)),
          readFileSync(path.join(entry, name)),
        );
      }
      assert.deepEqual(host.lines, []);
    }));

  it('takes the first prefix that has an entry, and its newest one', () =>
    withService('a-1', async (service) => {
      for (const key of ['b-1', 'a-2']) assert.ok((await run(service).store.save(key, made())).saved);
      const found = async (prefixes: readonly string[]) => {
        const result = await run(service).store.restore(prefixes);
        return 'found' in result ? result.found.key : result.none;
      };
      assert.equal(await found(['a-', 'b-']), 'a-2');
      assert.equal(await found(['c-', 'b-']), 'b-1');
      assert.equal(await found(['c-', 'd-']), 'no entry begins with c- or d-');
    }));

  it('never replaces an entry, and says that it is there', () =>
    withService('a-1', async (service) => {
      const reason = await reasonOf(run(service).store.save('a-1', made()), 10_000);
      assert.match(reason, /already exists/);
      assert.equal(service.stored.length, 1);
    }));

  it('uploads a large entry in blocks', () =>
    withService(undefined, async (service) => {
      const large = path.join(folder, 'large');
      mkdirSync(large);
      const bytes = 140 * 1024 * 1024;
      writeFileSync(path.join(large, 'state.tar.zst'), randomBytes(bytes));
      assert.deepEqual(await run(service).store.save('large-1', large), { saved: true, bytes });
      assert.equal(service.blockLists, 1);
      const result = await run(service).store.restore(['large-1']);
      assert.ok('found' in result, JSON.stringify(result));
      const restored = readFileSync(path.join(result.found.folder, 'state.tar.zst'));
      assert.ok(restored.equals(readFileSync(path.join(large, 'state.tar.zst'))));
    }));

  it("reads through Azure's own client where the blob is on Azure's host", () =>
    withService('a-1', async (service) => {
      service.blobBase = 'http://account.blob.core.windows.net';
      const proxy = { http_proxy: service.url, HTTP_PROXY: service.url };
      const result = await run(service, { env: { ...proxy, no_proxy: '127.0.0.1' } }).store.restore(['a-']);
      assert.ok('found' in result, JSON.stringify(result));
      assert.equal(result.found.bytes, 300_010);
    }));

  it('lets a pull request read its base branch and write only its own scope', () =>
    withService('a-1', async (service) => {
      const pull = { Scope: 'refs/pull/7/merge', Permission: 3 } as const;
      const scopes = [pull, { Scope: 'refs/heads/main', Permission: 1 } as const];
      assert.ok('found' in (await run(service, { scopes }).store.restore(['a-'])));
      assert.ok((await run(service, { scopes }).store.save('a-2', made())).saved);
      assert.deepEqual(
        service.stored.map(({ key, scope }) => `${key} ${scope}`),
        ['a-1 refs/heads/main', 'a-2 refs/pull/7/merge'],
      );
      const main = await run(service).store.restore(['a-']);
      assert.ok('found' in main && main.found.key === 'a-1');
    }));

  it('tells of a token that may not write, of one that may not read, and of an invalid one', () =>
    withService('a-1', async (service) => {
      const scope = (Permission: 1 | 2) => ({ scopes: [{ Scope: 'refs/heads/main', Permission }] });
      const writing = await reasonOf(run(service, scope(1)).store.save('a-2', made()), 10_000);
      assert.match(writing, /cache write denied: the token of this run is read-only/);
      const reading = await reasonOf(run(service, scope(2)).store.restore(['a-']), 10_000);
      assert.match(reading, /cache read denied: the token has no readable scope/);
      const env = { ACTIONS_RUNTIME_TOKEN: 'a.b.c' };
      assert.match(
        await reasonOf(run(service, { env }).store.restore(['a-']), 10_000),
        /\(401\).*invalid token/,
      );
    }));
});

describe("ACTIONS_CACHE_MODE with GitHub's cache", { concurrency: 6 }, () => {
  for (const [mode, reads, writes] of [
    ['', true, true],
    ['write', true, true],
    ['no such mode', true, true],
    [' Read ', true, false],
    ['write-only', false, true],
    ['none', false, false],
  ] as const) {
    it(`${JSON.stringify(mode)}: ${reads ? 'reads' : 'reads nothing'}, ${writes ? 'writes' : 'writes nothing'}`, () =>
      withService('a-1', async (service) => {
        const { store } = run(service, { env: { ACTIONS_CACHE_MODE: mode } });
        const before = service.requests.length;
        const restored = await store.restore(['a-']);
        const saved = await store.save('a-2', made());
        const why = `ACTIONS_CACHE_MODE is ${mode.trim().toLowerCase()}`;
        assert.equal('found' in restored ? undefined : restored.none, reads ? undefined : why);
        assert.equal(saved.saved ? undefined : saved.reason, writes ? undefined : why);
        assert.equal(store.readOnly, writes ? undefined : why);
        assert.equal(service.requests.length - before, (reads ? 2 : 0) + (writes ? 3 : 0));
      }));
  }
});

describe("A failing service of GitHub's cache", { concurrency: 6 }, () => {
  const short = { ...BOUNDS, stallMs: 3000, totalMs: 8000 };
  const cases = [
    ['lookup', { status: 429 }, /Rate limited: Failed request: \(429\)/, 0],
    ['lookup', { status: 429, retryAfter: 3600 }, /Rate limited: Failed request: \(429\)/, 0],
    ['lookup', { status: 500 }, /^no byte for 3 s; Attempt . of 5 .*\(500\)/, 3000],
    ['lookup', { status: 503 }, /^no byte for 3 s; Attempt . of 5 .*\(503\)/, 3000],
    ['lookup', 'reset', /ECONNRESET/, 0],
    ['lookup', 'reset in the middle', /its client ended without an answer: the connection was cut/, 0],
    ['lookup', 'stall', /^no byte for 3 s$/, 3000],
    ['lookup', 'stall in the middle', /^no byte for 3 s$/, 3000],
    ['lookup', 'broken', /^no byte for 3 s; Attempt . of 5 .*JSON/, 3000],
    ['lookup', { answer: { ok: true } }, /Invalid URL/, 0],
    ['download', { status: 429 }, /^tar ended with code 2 \(/, 0],
    ['download', { status: 500 }, /500/, 0],
    ['download', { status: 503 }, /^no byte for 3 s$/, 3000],
    ['download', 'reset', /^no byte for 3 s$/, 3000],
    ['download', 'reset in the middle', /aborted|ECONNRESET/, 0],
    ['download', 'stall', /^no byte for 3 s$/, 3000],
    ['download', 'trickle', /^not done after 8 s$/, 8000],
    ['download', 'stall in the middle', /^no byte for 3 s$/, 3000],
    ['download', 'broken', /^tar ended with code 2 \(/, 0],
    ['reserve', { status: 429 }, /Rate limited: Failed request: \(429\)/, 0],
    ['reserve', { status: 503 }, /^no byte for 3 s; Attempt . of 5 .*\(503\)/, 3000],
    ['reserve', 'reset', /ECONNRESET/, 0],
    ['reserve', 'stall', /^no byte for 3 s$/, 3000],
    ['reserve', 'broken', /^no byte for 3 s; Attempt . of 5 .*JSON/, 3000],
    ['reserve', { answer: { ok: false, message: 'not\n::error::now' } }, /^not/, 0],
    ['reserve', { answer: { ok: false } }, /Response was not ok/, 0],
    ['upload', { status: 500 }, /^no byte for 3 s$/, 3000],
    ['upload', { status: 403 }, /failing as asked/, 0],
    ['upload', 'reset in the middle', /^no byte for 3 s$/, 3000],
    ['upload', 'stall in the middle', /^no byte for 3 s$/, 3000],
    ['finalize', { status: 400 }, /\(400\)/, 0],
    ['finalize', 'stall', /^no byte for 3 s$/, 3000],
    ['finalize', { answer: { ok: false } }, /Unable to finalize/, 0],
  ] as const;
  for (const [kind, how, expected, waits] of cases) {
    it(`${kind}: ${typeof how === 'string' ? how : JSON.stringify(how)}`, async (context) => {
      const saving = !['lookup', 'download'].includes(kind);
      await withService(saving ? undefined : 'a-1', async (service) => {
        service.fail(kind, how);
        const { store, host, temp } = run(service, { bounds: short });
        const started = performance.now();
        const work = saving ? store.save('a-1', made()) : store.restore(['a-']);
        const reason = await reasonOf(work, waits + 5000);
        context.diagnostic(`${Math.round(performance.now() - started)} ms: ${reason}`);
        assert.match(reason, expected);
        assert.deepEqual(host.lines, []);
        assert.deepEqual(readdirSync(temp), []);
      });
    });
  }
});

describe("A hostile entry of GitHub's cache", { concurrency: 6 }, () => {
  const outside = path.join(folder, 'outside');
  const victim = path.join(outside, 'victim');
  const archives: readonly (readonly [string, (make: string) => readonly string[], RegExp])[] = [
    [
      'a file with an absolute name',
      () => {
        writeFileSync(path.join(outside, 'planted'), '1');
        return ['--transform', `s,^planted$,${outside}/absolute,`, '-C', outside, 'planted'];
      },
      /other things than an entry/,
    ],
    [
      'a file above the folder',
      () => ['--transform', 's,^planted$,entry/../../planted,', '-C', outside, 'planted'],
      /^tar ended with code 2 \(/,
    ],
    [
      'a file through a link of the archive',
      (make) => {
        mkdirSync(path.join(make, 'entry'));
        symlinkSync(outside, path.join(make, 'entry/link'));
        return [
          '-C',
          make,
          'entry',
          '--transform',
          's,^planted$,entry/link/through,',
          '-C',
          outside,
          'planted',
        ];
      },
      /^tar ended with code 2 \(|is no plain file/,
    ],
    [
      'a symbolic link',
      (make) => {
        mkdirSync(path.join(make, 'entry'));
        symlinkSync(victim, path.join(make, 'entry/state.tar.zst'));
        return ['-C', make, 'entry'];
      },
      /state\.tar\.zst in the entry is no plain file/,
    ],
    [
      'a hard link to a file outside',
      (make) => {
        mkdirSync(path.join(make, 'entry'));
        writeFileSync(path.join(make, 'first'), '1');
        linkSync(path.join(make, 'first'), path.join(make, 'entry/state.tar.zst'));
        return ['--transform', `flags=h;s,^first$,${victim},`, '-C', make, 'first', 'entry'];
      },
      /^tar ended with code 2 \(|other things than an entry/,
    ],
    [
      'a pipe',
      (make) => {
        mkdirSync(path.join(make, 'entry'));
        execFileSync('mkfifo', [path.join(make, 'entry/entry.json')]);
        return ['-C', make, 'entry'];
      },
      /entry\.json in the entry is no plain file/,
    ],
    [
      'an odd name',
      (make) => {
        mkdirSync(path.join(make, 'entry'));
        writeFileSync(path.join(make, 'entry/a\nb'), '1');
        return ['-C', make, 'entry'];
      },
      /a file of the name "a\\nb"/,
    ],
    [
      'a link in place of the folder',
      (make) => {
        symlinkSync(outside, path.join(make, 'entry'));
        return ['-C', make, 'entry'];
      },
      /the entry is no folder/,
    ],
  ];
  before(() => {
    mkdirSync(outside);
    writeFileSync(victim, 'as it was');
    writeFileSync(path.join(outside, 'planted'), '1');
  });
  for (const [name, make, expected] of archives) {
    it(`${name} is refused, and nothing is written outside`, () =>
      withService('a-1', async (service) => {
        const made = mkdtempSync(path.join(folder, 'hostile-'));
        const archive = `${made}.tzst`;
        execFileSync('tar', ['-P', '--zstd', '-cf', archive, ...make(made)]);
        await putArchive(service, 'a-2', readFileSync(archive));
        const { store, temp } = run(service);
        assert.match(await reasonOf(store.restore(['a-']), 10_000), expected);
        assert.deepEqual(readdirSync(outside).sort(), ['planted', 'victim']);
        assert.equal(readFileSync(victim, 'utf8'), 'as it was');
        assert.deepEqual(readdirSync(temp), []);
      }));
  }

  it('more bytes than the bound are neither saved nor restored', () =>
    withService('a-1', async (service) => {
      const { store } = run(service, { bounds: { ...BOUNDS, maxBytes: 100_000 } });
      assert.match(await reasonOf(store.save('a-2', made()), 5000), /300010 bytes, more than 100000/);
      assert.match(await reasonOf(store.restore(['a-']), 10_000), /more than 100000/);
    }));

  it('an entry that was not asked for is refused', () =>
    withService('a-1', async (service) => {
      const blob = service.stored[0]?.url;
      service.fail('lookup', { answer: { ok: true, signed_download_url: blob, matched_key: '../b-1' } });
      assert.match(await reasonOf(run(service).store.restore(['a-']), 10_000), /was not asked for/);
    }));
});

describe("A cancelled call to GitHub's cache", () => {
  it('throws why within 5 s, and leaves nothing behind', () =>
    withService('a-1', async (service) => {
      service.fail('download', 'stall');
      const controller = new AbortController();
      const { store, temp } = run(service, { signal: controller.signal });
      const started = performance.now();
      setTimeout(() => controller.abort(new Error('Cancelled by SIGINT')), 1000);
      await assert.rejects(store.restore(['a-']), /^Error: Cancelled by SIGINT$/);
      assert.ok(performance.now() - started < 6000);
      assert.deepEqual(readdirSync(temp), []);
    }));

  it('of a key that is none is a defect of the caller', async () => {
    const store = githubStore(testHost());
    for (const key of ['', 'a,b', '../a', 'a/b', '.a', 'a b', 'a'.repeat(201)]) {
      await assert.rejects(store.save(key, entry), /not a key of the cache/);
      await assert.rejects(store.restore(['a', key]), /not a key of the cache/);
    }
  });
});

/** Stores an archive as it is, as another client could. */
async function putArchive(service: CacheService, key: string, archive: Buffer): Promise<void> {
  const version = service.stored[0]?.version;
  const call = async (name: string, body: object) => {
    const response = await fetch(`${service.url}/twirp/github.actions.results.api.v1.CacheService/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${runtimeToken()}` },
      body: JSON.stringify({ key, version, ...body }),
    });
    assert.equal(response.status, 200);
    return (await response.json()) as { signed_upload_url: string };
  };
  const { signed_upload_url } = await call('CreateCacheEntry', {});
  const headers = { 'x-ms-blob-type': 'BlockBlob' };
  const put = await fetch(signed_upload_url, { method: 'PUT', headers, body: new Uint8Array(archive) });
  assert.equal(put.status, 201);
  await call('FinalizeCacheEntryUpload', { size_bytes: String(archive.length) });
}
