import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { reductionMakefile } from '../../src/build/reduction-makefile.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'reduction-'));
after(() => rmSync(folder, { recursive: true }));

const OPTIONS = '--lto-whole-program-visibility -mllvm -always-rename-promoted-locals=false';

// The rules of scripts/Makefile.vmlinux_a, Makefile.thinlto and Makefile.lib that the options must reach, or must not.
const KBUILD = `
single-obj-m := alone.ko.o
all: vmlinux.thinlto-index mm/x.thinlto-native.o part.o alone.ko.o mm/x.o
vmlinux.thinlto-index part.o alone.ko.o: ; @echo '$@: $(LD) $(KBUILD_LDFLAGS)'
cmd_cc_o_bc = $(CC) $(own) -x ir -o $@
%.thinlto-native.o: ; @echo '$@: $(cmd_cc_o_bc)'
mm/x.o: ; @echo '$@: $(CC) -c'
`;

function build(makefile: string | undefined, ldflags: string, own = ''): ReadonlyMap<string, string> {
  const [rules, extra] = [path.join(folder, 'Makefile'), path.join(folder, 'reduction.mk')];
  writeFileSync(rules, KBUILD.replace('$(own)', own));
  writeFileSync(extra, makefile ?? '');
  const env = {
    PATH: process.env.PATH ?? '',
    MAKEFILES: extra,
    KBUILD_LDFLAGS: ldflags,
    CC: 'clang',
    LD: 'ld.lld',
  };
  // As in kbuild, a make below another one.
  const result = spawnSync('make', ['-rR', '-f', rules], { encoding: 'utf8', env });
  assert.equal(result.status, 0, result.stderr);
  return new Map(
    result.stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' ').split(': ') as [string, string]),
  );
}

test('on: the thin link and multi-object kernel modules get the options once, whatever the tree did', () => {
  const makefile = reductionMakefile('thin-dist', true, { builtIn: [] });
  for (const tree of [
    '-m elf_x86_64 -mllvm -import-instr-limit=5',
    `-m elf_x86_64 ${OPTIONS} -mllvm -import-instr-limit=5`,
  ]) {
    const lines = build(makefile, tree);
    for (const target of ['vmlinux.thinlto-index', 'part.o']) {
      assert.equal(lines.get(target), `ld.lld -m elf_x86_64 -mllvm -import-instr-limit=5 ${OPTIONS}`);
    }
    // A kernel module of one object is linked in the front end's own command.
    assert.equal(lines.get('alone.ko.o')?.trim(), 'ld.lld -m elf_x86_64 -mllvm -import-instr-limit=5');
  }
});

test('on: each back end gets its option once, the front end never', () => {
  const makefile = reductionMakefile('thin-dist', true, { builtIn: [] });
  const bare = build(makefile, '');
  assert.equal(
    bare.get('mm/x.thinlto-native.o'),
    'clang -mllvm -always-rename-promoted-locals=false -x ir -o mm/x.thinlto-native.o',
  );
  assert.equal(bare.get('mm/x.o'), 'clang -c');
  const own = build(makefile, '', '-mllvm -always-rename-promoted-locals=false');
  assert.equal(own.get('mm/x.thinlto-native.o'), bare.get('mm/x.thinlto-native.o'));
});

test('off: what the tree adds is taken out', () => {
  const lines = build(
    reductionMakefile('thin', false, { builtIn: ['thin'] }),
    `-m elf_x86_64 ${OPTIONS} -mllvm -import-instr-limit=5`,
  );
  assert.equal(lines.get('vmlinux.thinlto-index'), 'ld.lld -m elf_x86_64 -mllvm -import-instr-limit=5');
  assert.equal(lines.get('mm/x.thinlto-native.o'), 'clang -x ir -o mm/x.thinlto-native.o');
});

test('no file where there is nothing to do', () => {
  assert.equal(reductionMakefile('thin-dist', false, { builtIn: ['thin'] }), undefined);
  assert.equal(reductionMakefile('full', false, { builtIn: ['thin'] }), undefined);
  assert.equal(reductionMakefile('none', false, { builtIn: [] }), undefined);
});
