import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ltoInEffect, relocatableLink, splitCommands } from '../../src/audit/saved-command.ts';

test('a saved command is split as a shell would', () => {
  assert.deepEqual(
    splitCommands(
      `clang -DX='"a b"' -DY="c \\"d\\"" e\\ f -c -o x.o x.c ; ld.lld -r -o t x.o; mv t x.o && true`,
    ),
    [
      ['clang', '-DX="a b"', '-DY=c "d"', 'e f', '-c', '-o', 'x.o', 'x.c'],
      ['ld.lld', '-r', '-o', 't', 'x.o'],
      ['mv', 't', 'x.o'],
      ['true'],
    ],
  );
  assert.deepEqual(splitCommands(`echo $$x ''  "a;b"`), [['echo', '$x', '', 'a;b']]);
  assert.deepEqual(splitCommands(''), []);
  assert.deepEqual(splitCommands(`open 'quote`), [['open', `'quote`]]);
});

test('the last LTO flag of a compile of C by clang is in effect', () => {
  const table: [string, string | undefined][] = [
    ['/llvm/bin/clang -fno-lto -flto=thin -c -o x.o x.c', '-flto=thin'],
    ['clang-23 -flto -c -o x.o x.c', '-flto'],
    ['ccache clang -flto=thin -c -o x.o x.c', '-flto=thin'],
    ['clang -flto=thin -fno-lto -c -o x.o x.c', undefined],
    ['clang -flto=thin -c -o x.o x.S', undefined],
    ['gcc -flto=auto -c -o x.o x.c', undefined],
    ['llvm-objcopy --prefix-symbols=clang -flto=thin x.o', undefined],
    [`clang -DX='-flto=thin' -c -o x.o x.c`, undefined],
  ];
  for (const [line, expected] of table)
    assert.equal(ltoInEffect(splitCommands(line)[0] ?? []), expected, line);
});

test('a relocatable link names its inputs', () => {
  const link = (line: string) => relocatableLink(splitCommands(line)[0] ?? []);
  assert.deepEqual(link('/llvm/bin/ld.lld -m elf_x86_64 -r -o x.o a.o b.o'), { inputs: ['a.o', 'b.o'] });
  assert.equal(link('ld.lld -o vmlinux a.o'), undefined);
  assert.equal(link('llvm-ar -r x.a a.o'), undefined);
});
