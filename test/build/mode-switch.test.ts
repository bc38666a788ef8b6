import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { redoFrontEndsWithoutFlags } from '../../src/build/mode-switch.ts';

const THIN = 'savedcmd_X.o := clang -flto=thin -c -o X.o X.c\n\nsource_X.o := /src/X.c\n';
const DISTRIBUTED = `${THIN}\nsaved_c_flags_X.o := -O2\n`;
const ASSEMBLY = 'savedcmd_a.o := clang -c -o a.o a.S\n\nsource_a.o := /src/a.S\n';

test('front ends of another mode lose their record, and nothing else does', (t) => {
  const output = mkdtempSync(path.join(tmpdir(), 'mode-switch-'));
  t.after(() => rmSync(output, { recursive: true, force: true }));
  const put = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(output, name)), { recursive: true });
    writeFileSync(path.join(output, name), text);
  };
  const has = (name: string) => existsSync(path.join(output, name));
  assert.equal(redoFrontEndsWithoutFlags(output), 0, 'an empty folder');
  put('init/.main.o.cmd', DISTRIBUTED);
  put('mm/.slub.o.cmd', THIN);
  assert.equal(redoFrontEndsWithoutFlags(output), 0, 'a folder of the distributed mode');
  put('init/.main.o.cmd', THIN);
  put('mm/.page_alloc.o.cmd', DISTRIBUTED);
  put('arch/x86/.entry.o.cmd', ASSEMBLY);
  put('.vmlinux.o.cmd', 'savedcmd_vmlinux.o := ld.lld -r\n');
  assert.equal(redoFrontEndsWithoutFlags(output), 2);
  assert.deepEqual(
    [
      'init/.main.o.cmd',
      'mm/.slub.o.cmd',
      'mm/.page_alloc.o.cmd',
      'arch/x86/.entry.o.cmd',
      '.vmlinux.o.cmd',
    ].map(has),
    [false, false, true, true, true],
  );
});
