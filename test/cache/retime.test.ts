import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { listOutput } from '../../src/cache/output-files.ts';
import { restoreTimes, retime } from '../../src/cache/retime.ts';

function folders(t: TestContext) {
  const root = mkdtempSync(path.join(tmpdir(), 'retime-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const tree = path.join(root, 'tree');
  const output = path.join(root, 'out');
  mkdirSync(tree);
  mkdirSync(output);
  const put = (folder: string, name: string, seconds: number) => {
    writeFileSync(path.join(folder, name), name);
    utimesSync(path.join(folder, name), seconds, seconds);
  };
  const time = (folder: string, name: string) => lstatSync(path.join(folder, name), { bigint: true }).mtimeNs;
  return { tree, output, put, time };
}

test('outputs keep their order and are newer than the sources, but for those that changed', (t) => {
  const { tree, output, put, time } = folders(t);
  const now = Date.now() / 1000;
  // As a fresh checkout is: newer than everything in the restored folder.
  for (const name of ['same.c', 'changed.c', 'before.c']) put(tree, name, now - 5);
  put(output, 'first.o', 1000);
  put(output, 'second.o', 2000);
  put(output, 'alike.o', 2000);
  const outputs = listOutput(output, []);
  const between = 1500n * 1_000_000_000n;
  const last = 3000n * 1_000_000_000n;
  const changed = new Map([
    ['changed.c', last],
    ['before.c', between],
  ]);
  const result = retime(tree, ['same.c', 'changed.c', 'before.c'], output, outputs, changed);
  assert.ok(time(tree, 'same.c') < time(output, 'first.o'));
  assert.ok(time(output, 'first.o') < time(tree, 'before.c'));
  assert.ok(time(tree, 'before.c') < time(output, 'second.o'));
  assert.equal(time(output, 'second.o'), time(output, 'alike.o'));
  assert.ok(time(output, 'second.o') < time(tree, 'changed.c'));
  assert.ok(time(tree, 'changed.c') < BigInt(Date.now()) * 1_000_000n);
  assert.deepEqual(
    [...result.touched.keys()],
    ['changed.c', 'before.c'],
    'only those that need it are touched',
  );
  assert.deepEqual([...result.changedAt.keys()], ['changed.c', 'before.c']);
  // The same again from the new times: nothing turns around.
  const again = retime(
    tree,
    ['same.c', 'changed.c', 'before.c'],
    output,
    listOutput(output, []),
    result.changedAt,
  );
  assert.ok(time(output, 'first.o') < time(tree, 'before.c'));
  assert.ok(time(output, 'second.o') < time(tree, 'changed.c'));
  assert.deepEqual(restoreTimes(tree, again.touched), []);
});

test('the times of sources are set back, but not over what somebody wrote meanwhile', (t) => {
  const { tree, output, put, time } = folders(t);
  put(tree, 'a.c', 1700000000.25);
  put(tree, 'b.c', 1700000000.25);
  put(output, 'a.o', 1000);
  const before = time(tree, 'a.c');
  const last = 3000n * 1_000_000_000n;
  const changed = new Map([
    ['a.c', last],
    ['b.c', last],
  ]);
  const { touched } = retime(tree, ['a.c', 'b.c'], output, listOutput(output, []), changed);
  put(tree, 'b.c', 1800000000);
  assert.deepEqual(restoreTimes(tree, touched), ['b.c']);
  assert.equal(time(tree, 'a.c'), before);
  assert.equal(time(tree, 'b.c'), 1_800_000_000_000_000_000n);
});

test('a source file whose time lies in the future is older than the outputs for as long as the build takes', (t) => {
  const { tree, output, put, time } = folders(t);
  const future = Math.floor(Date.now() / 1000) + 86400;
  put(tree, 'a.c', future);
  put(output, 'a.o', 1000);
  const { touched } = retime(tree, ['a.c'], output, listOutput(output, []), new Map());
  assert.ok(time(tree, 'a.c') < time(output, 'a.o'));
  restoreTimes(tree, touched);
  assert.equal(time(tree, 'a.c'), BigInt(future) * 1_000_000_000n);
});

test('a tree whose times cannot be set says so, and keeps those that it had', (t) => {
  const { tree, output, put, time } = folders(t);
  put(tree, 'a.c', 1000);
  put(output, 'a.o', 500);
  // A file of root's, as another user.
  const sources = [path.join(tree, 'a.c').slice(1), 'etc/passwd'];
  const changed = new Map(sources.map((name) => [name, 9n] as const));
  const outputs = listOutput(output, []);
  const isRoot = process.geteuid?.() === 0;
  chmodSync(path.dirname(tree), 0o755);
  if (isRoot) {
    chownSync(path.join(tree, 'a.c'), 65534, 65534);
    process.seteuid?.(65534);
  }
  try {
    assert.throws(() => retime('/', sources, output, outputs, changed), /times of its files cannot be set/);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
  assert.equal(time(tree, 'a.c'), 1000n * 1_000_000_000n);
});
