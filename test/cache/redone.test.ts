import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { reasonsOf } from '../../src/cache/redone.ts';

test('every object that was made anew has its reason', (t) => {
  const output = mkdtempSync(path.join(tmpdir(), 'redone-'));
  t.after(() => rmSync(output, { recursive: true, force: true }));
  const record = (name: string, source: string, header: string) => {
    mkdirSync(path.join(output, path.dirname(name)), { recursive: true });
    const text = `savedcmd_${name} := clang\n\nsource_${name} := /src/${source}\n\ndeps_${name} := \\\n  /src/${header} \\\n`;
    writeFileSync(path.join(output, path.dirname(name), `.${path.basename(name)}.cmd`), text);
  };
  record('mm/slub.o', 'mm/slub.c', 'include/linux/mm.h');
  record('mm/page.o', 'mm/page.c', 'include/linux/sched.h');
  record('mm/other.o', 'mm/other.c', 'include/linux/mm.h');
  writeFileSync(path.join(output, '.vmlinux.o.cmd'), 'savedcmd_vmlinux.o := ld.lld\n');
  const objects = [
    'mm/slub.o',
    'mm/page.o',
    'mm/other.o',
    'mm/slub.thinlto-native.o',
    'vmlinux.o',
    'mm/lost.o',
  ];
  const changed = new Set(['mm/slub.c', 'include/linux/sched.h']);
  const reasons = (configChanged: boolean, known: ReadonlySet<string> | undefined = changed) =>
    reasonsOf(objects, { tree: '/src', output, changed: known, configChanged }).map(({ reason }) => reason);
  assert.deepEqual(reasons(false).toSorted(), [
    'a generated header or its command line differs',
    'a header that it reads differs',
    'a link of what was made anew',
    'its bitcode or its index differs',
    'its source differs',
    'no record of its command',
  ]);
  assert.ok(reasons(true).includes('the configuration differs (options, or include/generated/autoconf.h)'));
  const first = reasonsOf(objects, { tree: '/src', output, changed: undefined, configChanged: false });
  assert.deepEqual(first, [{ reason: 'nothing to compare with: the first build here', count: 6 }]);
});
