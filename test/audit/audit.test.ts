import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { type Audit, auditBuild } from '../../src/audit/audit.ts';
import { readObject } from '../../src/suffix/units.ts';
import { UserError } from '../../src/values/error.ts';
import { type SmallBuild, type SmallBuildOptions, smallBuild } from '../services/small-build.ts';

const builds: SmallBuild[] = [];
after(() => {
  for (const build of builds) build.remove();
});

function made(options: SmallBuildOptions): SmallBuild {
  const build = smallBuild(options);
  builds.push(build);
  return build;
}

function audit({ output, tree }: SmallBuild, mode: 'thin' | 'thin-dist' | 'none'): Audit {
  return auditBuild({ output, tree, mode });
}

for (const mode of ['thin', 'thin-dist'] as const) {
  for (const reduction of [true, false]) {
    test(`${mode}, reduction ${reduction ? 'on' : 'off'}: symbols, units and verdict are those of the objects`, async () => {
      const build = made({ mode, reduction });
      const { coverage, reduction: verdict, image } = audit(build, mode);
      assert.deepEqual(coverage, { bitcode: 2, native: 1, suspect: [] });
      assert.equal(verdict.effective, reduction, verdict.evidence.join('; '));

      const listed = build
        .tool('llvm-nm', 'vmlinux')
        .split('\n')
        .filter((line) => line.includes('.llvm.'));
      assert.deepEqual(
        image.symbols.map(({ symbol }) => symbol).sort(),
        listed.map((line) => line.split(' ')[2]).sort(),
      );
      assert.equal(image.totals.all, listed.length);
      for (const { symbol, hash, tu, source } of image.symbols) {
        const words = /<HASH op0=(\d+) op1=(\d+) /.exec(
          build.tool('llvm-bcanalyzer', '--dump', tu ?? 'none'),
        );
        assert.equal(hash, String((BigInt(words?.[1] ?? '') << 32n) | BigInt(words?.[2] ?? '')), symbol);
        assert.equal(source, tu?.replace(/\.o$/, '.c'));
      }
      const names = image.symbols.map(({ name, kind, tu }) => `${kind} ${name} ${tu}`).sort();
      const collision = 'function common lib/two.o';
      assert.ok(names.includes(collision), names.join());
      assert.equal(names.includes('function alone init/one.o'), !reduction);
      assert.equal(names.includes('data counter init/one.o'), !reduction);
      if (!reduction)
        assert.ok(image.totals.unnamed > 0 && image.totals.functions === 3, JSON.stringify(image.totals));
    });
  }
}

test('back ends that rename though the thin link was told not to are seen', async () => {
  const build = made({ mode: 'thin-dist', reduction: false });
  const link = ['--lto-whole-program-visibility', '-mllvm', '-always-rename-promoted-locals=false', '-r'];
  build.tool('ld.lld', ...link, '--thinlto-index-only=vmlinux.thinlto-index', 'init/one.o', 'lib/two.o');
  for (const unit of ['init/one', 'lib/two']) {
    const io = ['-c', '-o', `${unit}.thinlto-native.o`, `${unit}.o`];
    build.tool(
      'clang',
      '--target=x86_64-linux-gnu',
      '-O2',
      '-x',
      'ir',
      `-fthinlto-index=${unit}.o.thinlto.bc`,
      ...io,
    );
  }
  build.tool('ld.lld', '-r', '-o', 'vmlinux.o', '--whole-archive', 'vmlinux.a');
  build.tool('ld.lld', '-o', 'vmlinux', 'vmlinux.o');
  assert.equal(audit(build, 'thin-dist').reduction.effective, false);
});

test('where nothing was promoted, nobody can tell', async () => {
  const build = made({ mode: 'thin', reduction: true });
  build.tool(
    'ld.lld',
    '-mllvm',
    '-import-instr-limit=0',
    '-r',
    '-o',
    'vmlinux.o',
    '--whole-archive',
    'vmlinux.a',
  );
  build.tool('ld.lld', '-o', 'vmlinux', 'vmlinux.o');
  const { reduction, image } = audit(build, 'thin');
  assert.equal(image.totals.all, 0);
  assert.equal(reduction.effective, 'unknown');
  assert.equal(audit(build, 'none').reduction.effective, 'unknown');
});

test('an object that its own command made native is suspect', async () => {
  const build = made({ mode: 'thin', reduction: true });
  build.tool('ld.lld', '-r', '-o', 'native.o', 'init/one.o');
  const saved = path.join(build.output, 'init/.one.o.cmd');
  const line = readFileSync(saved, 'utf8').replace(
    '\n',
    ' ; ld.lld -r -o init/.tmp_one.o init/one.o; mv init/.tmp_one.o init/one.o\n',
  );
  writeFileSync(saved, line);
  writeFileSync(path.join(build.output, 'init/one.o'), readFileSync(path.join(build.output, 'native.o')));
  const { coverage } = audit(build, 'thin');
  assert.equal(coverage.bitcode, 1);
  assert.deepEqual(coverage.suspect, [
    {
      object: 'init/one.o',
      reason:
        'compiled with -flto=thin, but is native ELF; its own command links it again with ld -r, which makes it native',
    },
  ]);
});

test('a native object linked by itself from bitcode is suspect, one without LTO is not', async () => {
  const build = made({ mode: 'thin', reduction: true });
  build.tool('ld.lld', '-r', '-o', 'lib/both.o', 'lib/two.o');
  writeFileSync(
    path.join(build.output, 'lib/.both.o.cmd'),
    'savedcmd_lib/both.o := ld.lld -r -o lib/both.o lib/two.o\n',
  );
  build.compile('init/one.c', '-flto=thin', '-fno-lto');
  rmSync(path.join(build.output, 'vmlinux.a'));
  build.tool('llvm-ar', 'cDPrS', '--thin', 'vmlinux.a', 'init/one.o', 'lib/both.o', 'lib/entry.o');
  assert.deepEqual(audit(build, 'thin').coverage, {
    bitcode: 0,
    native: 2,
    suspect: [{ object: 'lib/both.o', reason: 'linked by itself with ld -r from bitcode (lib/two.o)' }],
  });
});

test('libraries beside vmlinux.a are audited too', async () => {
  const build = made({ mode: 'thin', reduction: true });
  build.tool('llvm-ar', 'cDPrs', '--thin', 'lib/lib.a', 'lib/two.o');
  rmSync(path.join(build.output, 'vmlinux.a'));
  build.tool('llvm-ar', 'cDPrS', '--thin', 'vmlinux.a', 'init/one.o', 'lib/entry.o');
  const link =
    'ld.lld -r -o vmlinux.o --whole-archive vmlinux.a --no-whole-archive --start-group lib/lib.a --end-group';
  writeFileSync(
    path.join(build.output, '.vmlinux.o.cmd'),
    `savedcmd_vmlinux.o := ${link} ; ./objtool vmlinux.o\n`,
  );
  const { objects, coverage } = audit(build, 'thin');
  assert.deepEqual(
    objects.map(({ object }) => object),
    ['init/one.o', 'lib/entry.o', 'lib/two.o'],
  );
  assert.equal(coverage.bitcode, 2);
});

test('a back end that is missing or made no native object is suspect', async () => {
  const build = made({ mode: 'thin-dist', reduction: true });
  const native = path.join(build.output, 'lib/two.thinlto-native.o');
  writeFileSync(native, readFileSync(path.join(build.output, 'lib/two.o')));
  assert.match(audit(build, 'thin-dist').coverage.suspect[0]?.reason ?? '', /is not native$/);
  rmSync(native);
  assert.match(audit(build, 'thin-dist').coverage.suspect[0]?.reason ?? '', /is not there$/);
  rmSync(path.join(build.output, 'vmlinux.a'));
  build.tool('llvm-ar', 'cDPrS', '--thin', 'vmlinux.a', 'init/one.thinlto-native.o', 'lib/entry.o');
  assert.deepEqual(
    audit(build, 'thin-dist').coverage.suspect.map(({ object }) => object),
    ['lib/two.o'],
  );
  writeFileSync(path.join(build.output, 'vmlinux.thinlto-index'), 'lib/two.o\n');
  const seen = audit(build, 'thin-dist').coverage.suspect.map(({ object }) => object);
  assert.deepEqual(seen, ['init/one.o', 'lib/two.o']);
});

test('a build that is not finished is refused in one line', () => {
  const build = made({ mode: 'thin', reduction: true });
  for (const name of ['vmlinux', 'init/one.o', 'vmlinux.a']) {
    const file = path.join(build.output, name);
    const whole = readFileSync(file);
    rmSync(file);
    assert.throws(() => audit(build, 'thin'), UserError, name);
    writeFileSync(file, whole);
  }
});

test('what an object defines is what llvm-nm lists of it', () => {
  const build = made({ mode: 'thin', reduction: true });
  const assembly =
    'asm(".globl set_here; set_here: ret\\n.weak other\\n .set other, set_here\\nhidden:\\n.Lnot: nop"); int a; static int b; int *c(void) { return &b; }';
  writeFileSync(path.join(build.tree, 'init/asm.c'), assembly);
  build.compile('init/asm.c', '-flto=thin');
  for (const object of ['init/one.o', 'lib/two.o', 'lib/entry.o', 'init/asm.o']) {
    const listed = build
      .tool('llvm-nm', '--defined-only', '--no-sort', object)
      .split('\n')
      .flatMap((line) => {
        const [, letter = '', name = ''] = /^\S+ (\S) (.+)$/.exec(line) ?? [];
        const global = letter === letter.toUpperCase() || 'vwu'.includes(letter);
        return name === '' || name.startsWith('.L') ? [] : [`${global ? 'global' : 'local'} ${name}`];
      });
    const { values } = readObject(build.output, object);
    const read = values
      .filter(({ linkage }) => linkage !== 'private')
      .map(({ name, linkage }) => `${linkage} ${name}`);
    assert.deepEqual(read.sort(), listed.sort(), object);
  }
});
