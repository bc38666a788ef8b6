import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { listFolders, listOutput } from '../../src/cache/output-files.ts';
import {
  type Carried,
  carryOutput,
  endBuild,
  type OutputSetting,
  STATE_PART,
} from '../../src/cache/output-level.ts';
import { digestOutside } from '../../src/cache/outside.ts';
import { emptyFolder, packFiles, writeManifest } from '../../src/cache/pack.ts';
import { readSources } from '../../src/cache/sources.ts';
import { CARRIED_FILE, type Identity, markBuilding } from '../../src/cache/state.ts';
import { testHost } from '../services/host.ts';

const IDENTITY: Omit<Identity, 'source' | 'output'> = {
  arch: 'x86_64',
  toolchain: 'a'.repeat(64),
  host: 'debian-12',
};
const RESULT = {
  mode: 'thin-dist',
  config: 'c',
  configRequest: 'r',
  cost: { frontEnd: 1, backEnd: null },
  embedding: ['kernel/configs.c'],
  outside: { paths: [], digest: digestOutside([]) },
  ok: true,
  trusted: true,
} as const;

/** A tree and an output folder with one build in it, and its packed entry. */
async function scene(t: TestContext) {
  const root = mkdtempSync(path.join(tmpdir(), 'output-level-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const tree = path.join(root, 'tree');
  const output = path.join(root, 'out');
  const entry = path.join(root, 'entry');
  const host = testHost();
  mkdirSync(path.join(tree, 'mm'), { recursive: true });
  for (const name of ['Makefile', 'mm/slub.c', 'mm/page.c']) writeFileSync(path.join(tree, name), name);
  const setting = async (changes: Partial<Identity> = {}): Promise<OutputSetting> => ({
    tree,
    output,
    without: [path.join(output, 'report')],
    identity: { ...IDENTITY, source: tree, output, ...changes },
    sources: await readSources(host, tree, [output]),
  });
  const none = async () => ({ none: 'no entry begins with x-' });
  const found = async () => ({
    found: {
      key: 'x-1',
      folder: entry,
      bytes: statSync(path.join(entry, STATE_PART)).size,
      release: async () => {},
    },
  });
  let last: OutputSetting;
  const carry = async (find = none as typeof found | typeof none, changes: Partial<Identity> = {}) => {
    last = await setting(changes);
    return carryOutput(host, last, last.sources, find);
  };
  const make = () => {
    mkdirSync(path.join(output, 'mm'), { recursive: true });
    mkdirSync(path.join(output, 'arch/x86/entry/syscalls'), { recursive: true });
    for (const name of ['.config', 'mm/slub.o', 'mm/.slub.o.cmd', 'mm/page.o', 'notes.txt'])
      writeFileSync(path.join(output, name), name);
  };
  const end = (carried: Carried) => endBuild(last, carried, RESULT);
  const pack = async () => {
    await emptyFolder(entry);
    const { identity } = await setting();
    const names = [
      ...listFolders(output, []),
      ...listOutput(output, []).map(({ name }) => name),
      CARRIED_FILE,
    ];
    const part = await packFiles(host, output, names, 1, path.join(entry, STATE_PART));
    await writeManifest(entry, { identity, parts: new Map([[STATE_PART, part]]) });
  };
  const time = (folder: string, name: string) => statSync(path.join(folder, name)).mtimeMs;
  const first = await carry();
  assert.match(first.status, /^not restored: no entry begins with/);
  make();
  end(first);
  await pack();
  return { root, tree, output, entry, carry, none, found, make, end, pack, time };
}

test('a folder that this program left is gone on from, and only what differs is newer', async (t) => {
  const { tree, output, carry, time, end } = await scene(t);
  // As a checkout does: new times for all.
  for (const name of ['Makefile', 'mm/slub.c', 'mm/page.c'])
    utimesSync(path.join(tree, name), new Date(), new Date());
  writeFileSync(path.join(tree, 'mm/slub.c'), 'edited');
  const carried = await carry();
  assert.equal(carried.status, 'kept: 1 of 3 source files differ');
  assert.deepEqual(carried.changed, ['mm/slub.c']);
  assert.ok(time(tree, 'mm/slub.c') > time(output, 'mm/slub.o'));
  assert.ok(time(tree, 'mm/page.c') < time(output, 'mm/page.o'));
  // A build that did not come to make mm/slub.o: it stays older than its source in all that follow.
  end(carried);
  const again = await carry();
  assert.equal(again.status, 'kept: 0 of 3 source files differ');
  assert.ok(time(tree, 'mm/slub.c') > time(output, 'mm/slub.o'));
});

test('an entry is restored, empty folders too, and only what differs is newer', async (t) => {
  const { tree, output, carry, found, time } = await scene(t);
  rmSync(output, { recursive: true });
  writeFileSync(path.join(tree, 'mm/page.c'), 'edited');
  const carried = await carry(found);
  assert.equal(carried.status, 'restored from x-1: 1 of 3 source files differ');
  assert.ok(existsSync(path.join(output, 'arch/x86/entry/syscalls')));
  assert.ok(time(tree, 'mm/page.c') > time(output, 'mm/page.o'));
  assert.ok(time(tree, 'mm/slub.c') < time(output, 'mm/slub.o'));
  assert.deepEqual(carried.before?.embedding, ['kernel/configs.c']);
});

for (const [change, reason] of [
  [{ toolchain: 'b'.repeat(64) }, /made with another toolchain \(a{12}, now b{12}\)/],
  [{ arch: 'arm64' }, /made for x86_64/],
  [{ source: '/other' }, /made from a tree in another path/],
  [{ output: '/other' }, /made in another path/],
  [{ host: 'ubuntu-24.04' }, /made on another host system \(debian-12, now ubuntu-24.04\)/],
] as const) {
  const [name] = Object.keys(change);
  test(`another ${name}: neither an entry nor a kept folder is trusted, and the user's files stay`, async (t) => {
    const { output, carry, none, found } = await scene(t);
    const kept = await carry(none, change);
    assert.match(kept.status, /^what .* held was removed: /);
    assert.match(kept.status, reason);
    assert.equal(existsSync(path.join(output, 'mm/slub.o')), false);
    assert.equal(existsSync(path.join(output, 'mm/.slub.o.cmd')), false);
    assert.equal(existsSync(path.join(output, 'notes.txt')), true);
    rmSync(output, { recursive: true });
    const restored = await carry(found, change);
    assert.match(restored.status, /^not restored from x-1: /);
    assert.match(restored.status, reason);
    assert.equal(restored.before, undefined);
    assert.equal(existsSync(path.join(output, 'mm/slub.o')), false);
  });
}

const damage: Record<string, (entry: string) => void> = {
  'a truncated archive': (entry) => truncateSync(path.join(entry, STATE_PART), 100),
  'an empty archive': (entry) => truncateSync(path.join(entry, STATE_PART), 0),
  'a flipped byte of the archive': (entry) => flip(path.join(entry, STATE_PART), 60),
  'no archive': (entry) => rmSync(path.join(entry, STATE_PART)),
  'an empty manifest': (entry) => truncateSync(path.join(entry, 'entry.json'), 0),
  'no manifest': (entry) => rmSync(path.join(entry, 'entry.json')),
};
for (const [name, spoil] of Object.entries(damage)) {
  test(`${name}: not restored, nothing of it stays, and the reason is one line`, async (t) => {
    const { output, entry, carry } = await scene(t);
    rmSync(output, { recursive: true });
    spoil(entry);
    const carried = await carry(async () => ({
      found: { key: 'x-1', folder: entry, bytes: 1, release: async () => {} },
    }));
    assert.match(carried.status, /^not restored from x-1: [^\n]{10,300}$/);
    assert.equal(carried.before, undefined);
    assert.deepEqual(
      listOutput(output, []).map((file) => file.name),
      [],
    );
  });
}

test('no flipped byte of a manifest brings anything back but the whole entry', async (t) => {
  const { root, output, entry, carry } = await scene(t);
  const size = statSync(path.join(entry, 'entry.json')).size;
  for (let at = 0; at < size; at += 7) {
    rmSync(output, { recursive: true });
    const copy = path.join(root, `copy-${at}`);
    cpSync(entry, copy, { recursive: true });
    flip(path.join(copy, 'entry.json'), at);
    const carried = await carry(async () => ({
      found: { key: 'x-1', folder: copy, bytes: 1, release: async () => {} },
    }));
    const whole = existsSync(path.join(output, 'mm/slub.o'));
    assert.equal(whole, carried.before !== undefined, `byte ${at}`);
    if (whole) assert.equal(readFileSync(path.join(output, 'mm/slub.o'), 'utf8'), 'mm/slub.o');
  }
});

test('a build that was ended by force is not gone on from', async (t) => {
  const { output, carry, make } = await scene(t);
  markBuilding(output);
  make();
  const carried = await carry();
  assert.match(carried.status, /its build was ended by force; not restored/);
  assert.equal(existsSync(path.join(output, 'mm/slub.o')), false);
});

test('a folder that something else built in or changed is left to kbuild', async (t) => {
  const { output, carry, found } = await scene(t);
  writeFileSync(path.join(output, 'mm/slub.o'), 'by hand');
  const carried = await carry(found);
  assert.match(carried.status, /^not used: mm\/slub\.o of .* was changed by something else/);
  assert.equal(readFileSync(path.join(output, 'mm/slub.o'), 'utf8'), 'by hand');
  rmSync(path.join(output, '.kernel-thinlto'), { recursive: true });
  const foreign = await carry(found);
  assert.match(foreign.status, /holds a build that is not of this cache/);
  assert.equal(readFileSync(path.join(output, 'mm/slub.o'), 'utf8'), 'by hand');
});

test('a source file that was written to while make ran counts as changed the next time', async (t) => {
  const { tree, carry, end } = await scene(t);
  const carried = await carry();
  writeFileSync(path.join(tree, 'mm/slub.c'), 'edited meanwhile');
  end(carried);
  const next = await carry();
  assert.deepEqual(next.changed, ['mm/slub.c']);
});

test('the private key that signs kernel modules is in no entry', async (t) => {
  const { output } = await scene(t);
  mkdirSync(path.join(output, 'certs'));
  writeFileSync(path.join(output, 'certs/signing_key.pem'), 'secret');
  // Empty where no module is signed; what is made from it would be made anew.
  writeFileSync(path.join(output, 'certs/signing_key.x509'), 'public');
  assert.deepEqual(
    listOutput(output, []).flatMap(({ name }) => (name.startsWith('certs/') ? [name] : [])),
    ['certs/signing_key.x509'],
  );
});

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0x01;
  writeFileSync(file, bytes);
}
