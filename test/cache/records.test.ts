import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { listOutput } from '../../src/cache/output-files.ts';
import { forgetOutdatedRecords } from '../../src/cache/records.ts';
import type { Sources } from '../../src/cache/sources.ts';

const sources = (...names: string[]): Sources => ({
  kind: 'git',
  ids: new Map(names.map((name) => [name, '100644 1'])),
});
const BEFORE = ['mm/slub.c', 'include/linux/mm.h', 'mm/internal.h', 'fs/internal.h', 'fs/namei.c'];

function built(t: TestContext) {
  const output = mkdtempSync(path.join(tmpdir(), 'records-'));
  t.after(() => rmSync(output, { recursive: true, force: true }));
  const record = (name: string, source: string, ...headers: string[]) => {
    const file = path.join(output, path.dirname(name), `.${path.basename(name)}.cmd`);
    mkdirSync(path.dirname(file), { recursive: true });
    const deps = headers.map((header) => `  ${header} \\\n`).join('');
    writeFileSync(
      file,
      `savedcmd_${name} := clang\n\nsource_${name} := ${source}\n\ndeps_${name} := \\\n${deps}`,
    );
    return file;
  };
  const slub = record('mm/slub.o', '/src/mm/slub.c', '/src/include/linux/mm.h', '/src/mm/internal.h');
  const namei = record('fs/namei.o', '/src/fs/namei.c', '/src/fs/internal.h', 'include/generated/bounds.h');
  const forget = (...now: string[]) =>
    forgetOutdatedRecords(output, listOutput(output, []), '/src', sources(...BEFORE), sources(...now));
  return { slub: () => existsSync(slub), namei: () => existsSync(namei), forget };
}

test('nothing gone and nothing new: every record stays', (t) => {
  const { slub, namei, forget } = built(t);
  assert.equal(forget(...BEFORE), 0);
  assert.equal(forget(...BEFORE, 'mm/new.c'), 0, 'a new C file hides nothing');
  assert.equal(forget(...BEFORE, 'include/linux/entirely_new.h'), 0);
  assert.deepEqual([slub(), namei()], [true, true]);
});

test('a header that is gone: what read it is made again', (t) => {
  const { slub, namei, forget } = built(t);
  assert.equal(forget(...BEFORE.filter((name) => name !== 'include/linux/mm.h')), 1);
  assert.deepEqual([slub(), namei()], [false, true]);
});

test('a new header: what read one of its name is made again, a generated one too', (t) => {
  const first = built(t);
  assert.equal(first.forget(...BEFORE, 'drivers/internal.h'), 2);
  const second = built(t);
  assert.equal(second.forget(...BEFORE, 'fs/bounds.h'), 1);
  assert.deepEqual([second.slub(), second.namei()], [true, false]);
});
