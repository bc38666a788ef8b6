import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStep } from '../../src/build/phases.ts';
import type { Mode } from '../../src/values/mode.ts';

const CASES: readonly [string, Mode, string | undefined, boolean][] = [
  ['  CC      mm/page_alloc.o', 'thin', 'front end', true],
  ['  CC [M]  drivers/net/dummy.o', 'thin', 'front end', true],
  ['  CC      scripts/mod/empty.o', 'thin', undefined, false],
  ['  AS      arch/x86/entry/entry_64.o', 'thin-dist', 'front end', true],
  ['  HOSTCC  scripts/sorttable', 'thin', undefined, false],
  ['  CC      /home/me/out/tools/objtool/check.o', 'thin', undefined, false],
  ['  LD      vmlinux.thinlto-index', 'thin-dist', 'thin link', false],
  ['  CC      mm/page_alloc.thinlto-native.o', 'thin-dist', 'back end', true],
  ['  LD      vmlinux.o', 'thin-dist', 'link and the rest', false],
  ['  LD      vmlinux.o', 'thin', 'thin link and back end', false],
  ['  LD      vmlinux.o', 'full', 'LTO link', false],
  ['  LD      vmlinux.o', 'none', 'link and the rest', false],
  ['  MODPOST vmlinux.symvers', 'thin', 'link and the rest', false],
  ['  CC      arch/x86/boot/compressed/misc.o', 'thin', 'front end', true],
  ['mm/x.c:1:2: error: CC      mm/y.o', 'thin', undefined, false],
  [
    '  clang -fthinlto-index=mm/x.o.thinlto.bc -c -o mm/x.thinlto-native.o mm/x.o',
    'thin-dist',
    'back end',
    true,
  ],
  [
    '  ld.lld -m elf_x86_64 -r --thinlto-index-only=vmlinux.thinlto-index @builtin.order',
    'thin-dist',
    'thin link',
    false,
  ],
  ['  clang -Wp,-MMD,mm/.x.o.d -nostdinc -O2 -c -o mm/x.o ../linux/mm/x.c  ', 'thin', 'front end', true],
  ['', 'thin', undefined, false],
];

for (const [line, mode, phase, compile] of CASES) {
  test(`${mode}: ${line}`, () => assert.deepEqual(readStep(line, mode), { phase, compile }));
}
