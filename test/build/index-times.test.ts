import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { keepIndexTimes } from '../../src/build/index-times.ts';

const ARGS = ['-m', 'elf_x86_64', '-r', '--thinlto-index-only=vmlinux.thinlto-index', '@builtin.order'];

function built(t: TestContext) {
  const folder = mkdtempSync(path.join(tmpdir(), 'index-times-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, 'mm'));
  const put = (name: string, text: string, seconds?: number) => {
    writeFileSync(path.join(folder, name), text);
    if (seconds !== undefined) utimesSync(path.join(folder, name), seconds, seconds);
  };
  put('vmlinux.thinlto-index', 'mm/slub.o\nmm/new.o\nmm/same.o\n', 1000);
  put('mm/slub.o.thinlto.bc', 'old', 1000);
  put('mm/same.o.thinlto.bc', 'same', 1000.25);
  const time = (name: string) => statSync(path.join(folder, name)).mtimeMs;
  const link = () => {
    put('vmlinux.thinlto-index', 'mm/slub.o\nmm/new.o\nmm/same.o\n');
    put('mm/slub.o.thinlto.bc', 'new');
    put('mm/new.o.thinlto.bc', 'new');
    put('mm/same.o.thinlto.bc', 'same');
  };
  return { folder, time, link };
}

test('an index that came out as it was keeps its time, and no other file does', (t) => {
  const { folder, time, link } = built(t);
  const code = keepIndexTimes(folder, ARGS, () => {
    link();
    return 0;
  });
  assert.equal(code, 0);
  assert.equal(time('mm/same.o.thinlto.bc'), 1000250);
  for (const name of ['mm/slub.o.thinlto.bc', 'mm/new.o.thinlto.bc', 'vmlinux.thinlto-index']) {
    assert.ok(time(name) > 1_000_000_000_000, `${name}: kbuild goes on by its time`);
  }
});

test('a thin link that failed, and a link of another kind, change no times', (t) => {
  const { folder, time, link } = built(t);
  const failed = keepIndexTimes(folder, ARGS, () => {
    link();
    return 1;
  });
  assert.equal(failed, 1);
  assert.ok(time('mm/same.o.thinlto.bc') > 1_000_000_000_000);
  assert.equal(
    keepIndexTimes(folder, ['-r', '-o', 'vmlinux.o'], () => 7),
    7,
  );
});
