import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CacheStore, chooseStore, folderStore } from '../../src/cache/store.ts';
import { ownerTag } from '../../src/fetch/owner.ts';
import { testHost } from '../services/host.ts';

const CHILD = fileURLToPath(new URL('../services/store-child.ts', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'folder-store-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const newFolder = () => mkdtempSync(path.join(folder, 'cache-'));

/** A folder of files that a build made. */
function make(text: string): string {
  const made = mkdtempSync(path.join(folder, 'made-'));
  writeFileSync(path.join(made, 'entry.json'), text);
  writeFileSync(path.join(made, 'state.tar.zst'), text.repeat(100));
  return made;
}

/** Saves an entry whose time is so many seconds ago. */
async function saveAged(store: CacheStore, key: string, seconds: number): Promise<void> {
  assert.deepEqual(await store.save(key, make(key)), { saved: true, bytes: key.length * 101 });
  const time = new Date(Date.now() - seconds * 1000);
  utimesSync(path.join(store.name, 'entries', key), time, time);
}

async function textOf(store: CacheStore, prefixes: readonly string[]): Promise<string> {
  const result = await store.restore(prefixes);
  return 'found' in result
    ? `${result.found.key}: ${readFileSync(path.join(result.found.folder, 'entry.json'), 'utf8')}`
    : result.none;
}

const entriesOf = (store: CacheStore) => readdirSync(path.join(store.name, 'entries')).sort();
const own = (store: CacheStore) => entriesOf(store).filter((name) => !name.startsWith('.'));

describe('A store in a folder', () => {
  it('finds the first prefix that has an entry, and its newest one, however often others were read', async () => {
    const store = folderStore(testHost(), newFolder());
    await saveAged(store, 'a-1', 30);
    await saveAged(store, 'a-2', 20);
    await saveAged(store, 'b-1', 10);
    assert.equal(await textOf(store, ['a-1']), 'a-1: a-1');
    assert.equal(await textOf(store, ['a-', 'b-']), 'a-2: a-2');
    assert.equal(await textOf(store, ['c-', 'b-', 'a-']), 'b-1: b-1');
    assert.equal(await textOf(store, ['c-', 'd-']), 'no entry begins with c- or d-');
  });

  it('replaces an entry of the same key, and a reader of the old one keeps it', async () => {
    const store = folderStore(testHost(), newFolder());
    await store.save('a-1', make('old'));
    const result = await store.restore(['a-1']);
    await store.save('a-1', make('new'));
    assert.ok('found' in result);
    assert.equal(readFileSync(path.join(result.found.folder, 'entry.json'), 'utf8'), 'old');
    assert.equal(await textOf(store, ['a-']), 'a-1: new');
    assert.deepEqual(own(store), ['a-1']);
  });

  it('keeps the 4 newest of a family and 32 in all, and what is being read', async () => {
    const store = folderStore(testHost(), newFolder());
    for (let index = 0; index < 4; index++) await saveAged(store, `x86_64-a-${index}`, 100 - index);
    await saveAged(store, 'x86_64-b-0', 200);
    const result = await store.restore(['x86_64-a-0']);
    await store.save('x86_64-a-4', make('4'));
    assert.deepEqual(own(store), [1, 2, 3, 4].map((index) => `x86_64-a-${index}`).concat('x86_64-b-0'));
    assert.ok('found' in result);
    assert.equal(readFileSync(path.join(result.found.folder, 'entry.json'), 'utf8'), 'x86_64-a-0');
    for (let index = 0; index < 30; index++) await saveAged(store, `f${index}-0`, 50 - index);
    assert.equal(own(store).length, 32);
    assert.ok(!own(store).includes('x86_64-b-0'));
    assert.ok(own(store).includes('x86_64-a-4'));
  });

  it('copies nothing where the files are on its file system', async () => {
    const store = folderStore(testHost(), newFolder());
    const made = make('text');
    await store.save('a-1', made);
    const result = await store.restore(['a-']);
    assert.ok('found' in result);
    const inode = (file: string) => statSync(path.join(file, 'state.tar.zst')).ino;
    assert.equal(inode(result.found.folder), inode(made));
  });

  it('takes files of another file system', async (context) => {
    const made = mkdtempSync('/dev/shm/folder-store-');
    context.after(() => rmSync(made, { recursive: true }));
    writeFileSync(path.join(made, 'entry.json'), 'far');
    const store = folderStore(testHost(), newFolder());
    assert.notEqual(statSync(made).dev, statSync(store.name).dev);
    assert.deepEqual(await store.save('a-1', made), { saved: true, bytes: 3 });
    assert.equal(await textOf(store, ['a-']), 'a-1: far');
  });

  it('refuses what is no plain file, and takes an older entry instead', async () => {
    const store = folderStore(testHost(), newFolder());
    await saveAged(store, 'a-1', 60);
    const wrong: readonly (readonly [RegExp, (entry: string) => void])[] = [
      [/link in the entry is no plain file/, (entry) => symlinkSync('/etc/passwd', path.join(entry, 'link'))],
      [/pipe in the entry is no plain file/, (entry) => execFileSync('mkfifo', [path.join(entry, 'pipe')])],
      [/folder in the entry is no plain file/, (entry) => mkdirSync(path.join(entry, 'folder'))],
      [/of the name "a\\nb"/, (entry) => writeFileSync(path.join(entry, 'a\nb'), '')],
      [/the entry is empty/, () => undefined],
      [
        /more than 16 files/,
        (entry) => {
          for (let index = 0; index < 17; index++) writeFileSync(path.join(entry, `f${index}`), '');
        },
      ],
    ];
    for (const [reason, plant] of wrong) {
      const entry = path.join(store.name, 'entries/a-2');
      mkdirSync(entry);
      plant(entry);
      assert.match(await textOf(store, ['a-2']), reason);
      assert.equal(await textOf(store, ['a-']), 'a-1: a-1');
      const saved = await store.save('a-3', entry);
      assert.ok(!saved.saved && reason.test(saved.reason), JSON.stringify(saved));
      rmSync(entry, { recursive: true });
    }
    symlinkSync(make('elsewhere'), path.join(store.name, 'entries/a-4'));
    assert.equal(await textOf(store, ['a-4']), 'no entry begins with a-4');
  });

  it('leaves nothing of a read behind once that is released', async () => {
    const store = folderStore(testHost(), newFolder());
    await store.save('a-1', make('one'));
    const result = await store.restore(['a-']);
    assert.ok('found' in result);
    assert.equal(entriesOf(store).length, 2);
    await result.found.release();
    assert.deepEqual(entriesOf(store), ['a-1']);
  });

  it('sweeps what dead runs left, and nothing of those alive', async () => {
    const store = folderStore(testHost(), newFolder());
    const dead = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).trim();
    const machine = ownerTag().split('-')[0];
    const alive = `.reading-${machine}-${process.ppid}-abcdef`;
    for (const name of [`.staging-${machine}-${dead}-abcdef`, `.reading-${machine}-${dead}-abcdef`, alive]) {
      mkdirSync(path.join(store.name, 'entries', name));
    }
    await store.restore(['a-']);
    assert.deepEqual(entriesOf(store), [alive]);
  });

  it('is never torn where two processes save, replace, evict and read', async () => {
    const shared = newFolder();
    const run = promisify(execFile);
    const outputs = await Promise.all(
      ['left', 'right'].map((name) => run(process.execPath, [CHILD, shared, name, '150'])),
    );
    for (const { stdout } of outputs) {
      assert.deepEqual(JSON.parse(stdout), { saved: 150, found: 150, torn: 0, reasons: [] });
    }
    const store = folderStore(testHost(), shared);
    assert.equal(own(store).length, 4);
    await store.restore(['family-']);
    // Only this process is left to have a folder of its own.
    assert.equal(entriesOf(store).filter((name) => name.startsWith('.')).length, 1);
  });

  it('shows nothing of a save that is killed', async () => {
    const shared = newFolder();
    for (let delay = 150; delay < 400; delay += 50) {
      const child = spawn(process.execPath, [CHILD, shared, `killed-${delay}`, '100000'], {
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.on('exit', resolve));
      setTimeout(() => child.kill('SIGKILL'), delay);
      await ended;
    }
    const store = folderStore(testHost(), shared);
    for (const key of own(store)) {
      const files = ['one', 'two', 'three'].map((file) =>
        readFileSync(path.join(shared, 'entries', key, file), 'utf8'),
      );
      assert.equal(new Set(files).size, 1);
    }
    assert.ok((await store.save('family-9', make('after'))).saved);
    assert.equal(await textOf(store, ['family-9']), 'family-9: after');
    assert.deepEqual(
      entriesOf(store).filter((name) => name.startsWith('.staging')),
      [],
    );
  });

  it('is read where it cannot be written, and says why it saves nothing', async () => {
    const shared = newFolder();
    await folderStore(testHost(), shared).save('a-1', make('text'));
    for (const name of ['entries', '.']) chmodSync(path.join(shared, name), 0o555);
    chmodSync(folder, 0o755);
    // For root no folder is read-only.
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65534);
    try {
      const store = folderStore(testHost(), shared);
      assert.match(store.readOnly ?? '', /entries cannot be written \(EACCES/);
      assert.equal(await textOf(store, ['a-']), 'a-1: text');
      assert.deepEqual(await store.save('a-2', shared), { saved: false, reason: store.readOnly });
    } finally {
      if (root) process.seteuid?.(0);
      for (const name of ['.', 'entries']) chmodSync(path.join(shared, name), 0o755);
    }
    assert.deepEqual(own(folderStore(testHost(), shared)), ['a-1']);
  });

  it('that is a file gives nothing and takes nothing, with the reason', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    const store = folderStore(testHost(), file);
    assert.match(store.readOnly ?? '', /ENOTDIR/);
    assert.match(await textOf(store, ['a-']), /cannot be read \(ENOTDIR/);
    assert.ok(!(await store.save('a-1', make('text'))).saved);
  });

  it('throws for cancellation only', async () => {
    const controller = new AbortController();
    const store = folderStore(testHost({ signal: controller.signal }), newFolder());
    await store.save('a-1', make('text'));
    controller.abort(new Error('Cancelled by SIGINT'));
    await assert.rejects(store.restore(['a-']), /^Error: Cancelled by SIGINT$/);
    await assert.rejects(store.save('a-2', make('text')), /^Error: Cancelled by SIGINT$/);
    assert.deepEqual(entriesOf(store), ['a-1']);
  });
});

describe('The store of a run', () => {
  const service = {
    ACTIONS_CACHE_SERVICE_V2: 'True',
    ACTIONS_RESULTS_URL: 'http://127.0.0.1:9/',
    ACTIONS_RUNTIME_TOKEN: 'token',
  };
  const choose = (env: Record<string, string>, given?: string) => {
    const host = testHost({ env, cacheFolder: path.join(folder, 'user') });
    return { name: chooseStore(host, given).name, lines: host.lines };
  };
  const own = path.join(folder, 'user/cache');

  it("is the folder given, GitHub's cache on a runner that has one, else the user's folder", () => {
    const github = { GITHUB_ACTIONS: 'true' };
    assert.deepEqual(choose({ ...github, ...service }, folder), { name: folder, lines: [] });
    assert.deepEqual(choose({ ...github, ...service }), { name: "GitHub's cache", lines: [] });
    assert.deepEqual(choose(service), { name: own, lines: [] });
    assert.ok(existsSync(own));
    assert.deepEqual(choose(github), {
      name: own,
      lines: [`Cache: this runner has no cache service; entries are kept in ${own}`],
    });
  });
});
