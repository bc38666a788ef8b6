import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bufferSource, withFile } from '../../src/suffix/bytes.ts';
import { eachGlobalName, symbolsContaining } from '../../src/suffix/elf-symbols.ts';
import { UserError } from '../../src/values/error.ts';
import { flipBytes } from '../services/flips.ts';
import { testToolchainFolder } from '../services/llvm.ts';

const SOURCE = `#define NAMED(name) __asm__(name)
int work(int) NAMED("work.llvm.18446744073709551615");
int work(int x) { return x * 3; }
extern int table[] NAMED("table.llvm.42");
int table[5] = { 1, 2, 3, 4, 5 };
extern const char text[] NAMED(".str.4.llvm.9");
__attribute__((visibility("hidden"), section(".rodata.text"))) const char text[] = "text";
int absent(void) NAMED("absent.llvm.7");
int plain(void) { return absent() + work(table[2]); }
`;
// Both byte orders and both sizes of an address.
const TARGETS = ['x86_64-linux-gnu', 'i386-linux-gnu', 'powerpc-linux-gnu', 's390x-linux-gnu'];
let folder = '';

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'elf-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function tool(name: string, ...args: string[]): string {
  return execFileSync(path.join(testToolchainFolder(), 'bin', name), args, { cwd: folder, encoding: 'utf8' });
}

function compile(target: string, source = SOURCE, name = 'unit'): string {
  const file = path.join(folder, `${name}-${target}`);
  writeFileSync(`${file}.c`, source);
  tool(
    'clang',
    `--target=${target}`,
    '-O1',
    '-ffreestanding',
    '-fno-pic',
    '-c',
    '-o',
    `${file}.o`,
    `${file}.c`,
  );
  return `${file}.o`;
}

interface ReadelfSymbol {
  readonly Name: { readonly Name: string };
  readonly Section: { readonly Value: number };
  readonly Size: number;
  readonly Value: number;
}

/** What llvm-readelf says of the defined symbols with the marker, in this reader's words. */
function byReadelf(file: string, marker: string) {
  const [listing] = JSON.parse(tool('llvm-readelf', '--elf-output-style=JSON', '-S', '-s', file));
  const sections = new Map<number, string>();
  for (const { Section } of listing.Sections) sections.set(Section.Index, Section.Name.Name);
  const symbols: ReadelfSymbol[] = listing.Symbols.map((entry: { Symbol: ReadelfSymbol }) => entry.Symbol);
  return symbols
    .filter(({ Name, Section }) => Name.Name.includes(marker) && Section.Value !== 0)
    .map(({ Name, Section, Size, Value }) => ({
      name: Name.Name,
      section: sections.get(Section.Value) ?? null,
      size: Size,
      value: BigInt(Value),
    }));
}

for (const target of TARGETS) {
  test(`${target}: the marked symbols are those of llvm-readelf`, () => {
    const file = compile(target);
    const found = withFile(file, (source) => symbolsContaining(source, '.llvm.'));
    const ours = found.map(({ name, section, size, value }) => ({ name, section, size, value }));
    assert.deepEqual(ours, byReadelf(file, '.llvm.'));
    const known = new Map(found.map((symbol) => [symbol.name, symbol]));
    assert.deepEqual([...known.keys()].sort(), [
      '.str.4.llvm.9',
      'table.llvm.42',
      'work.llvm.18446744073709551615',
    ]);
    assert.equal(known.get('work.llvm.18446744073709551615')?.type, 'FUNC');
    assert.equal(known.get('table.llvm.42')?.type, 'OBJECT');
    assert.equal(known.get('table.llvm.42')?.size, 20);
    assert.equal(known.get('table.llvm.42')?.binding, 'GLOBAL');
    assert.equal(known.get('.str.4.llvm.9')?.visibility, 'HIDDEN');
    assert.equal(known.get('.str.4.llvm.9')?.section, '.rodata.text');
  });

  test(`${target}: defined globals are visited, undefined ones and statics are not`, () => {
    const file = compile(
      target,
      'extern int far(void); static int near_by; int *shared = &near_by; int use(void) { return far(); }',
      'globals',
    );
    const names: string[] = [];
    withFile(file, (source) => eachGlobalName(source, (name) => names.push(name)));
    assert.deepEqual(names.sort(), ['shared', 'use']);
  });
}

test('sections beyond the 16 bits of a symbol are named', () => {
  const functions = Array.from(
    { length: 66_000 },
    (_, index) => `.section .t${index},"ax",@progbits\nnop`,
  ).join('\n');
  writeFileSync(
    path.join(folder, 'many.s'),
    `${functions}\n.globl late.llvm.5\n.type late.llvm.5,@function\nlate.llvm.5: nop\n`,
  );
  tool('clang', '--target=x86_64-linux-gnu', '-c', '-o', 'many.o', 'many.s');
  const found = withFile(path.join(folder, 'many.o'), (source) => symbolsContaining(source, '.llvm.'));
  assert.deepEqual(
    found.map(({ name, section }) => [name, section]),
    [['late.llvm.5', '.t65999']],
  );
});

test('a name that starts inside another one is found', () => {
  writeFileSync(
    path.join(folder, 'tail.s'),
    '.globl foo.llvm.3\nfoo.llvm.3: nop\n.globl __pfx_foo.llvm.3\n__pfx_foo.llvm.3: nop\n',
  );
  tool('clang', '--target=x86_64-linux-gnu', '-c', '-o', 'tail.o', 'tail.s');
  const file = path.join(folder, 'tail.o');
  // The assembler lets the shorter name end the longer one.
  assert.equal(readFileSync(file, 'latin1').split('foo.llvm.3').length - 1, 1);
  const names = withFile(file, (source) => symbolsContaining(source, '.llvm.')).map(({ name }) => name);
  assert.deepEqual(names.sort(), ['__pfx_foo.llvm.3', 'foo.llvm.3']);
});

test('a stripped file has no symbols', () => {
  const file = compile('x86_64-linux-gnu', 'int alone(int x) { return x; }', 'stripped');
  tool('llvm-strip', '--strip-all', '-o', 'bare.o', file);
  const bare = path.join(folder, 'bare.o');
  assert.deepEqual(
    withFile(bare, (source) => symbolsContaining(source, 'a')),
    [],
  );
  withFile(bare, (source) => eachGlobalName(source, assert.fail));
});

test('what is no ELF file is refused in one line', () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('\x7fELF'),
    Buffer.from('no ELF file at all, but text'),
  ]) {
    assert.throws(() => symbolsContaining(bufferSource('x.o', bytes), '.llvm.'), UserError);
  }
  assert.throws(() => withFile(path.join(folder, 'missing'), () => 0), UserError);
  assert.throws(() => withFile(folder, () => 0), UserError);
});

test('a changed byte gives an answer or a refusal, at once', () => {
  for (const target of ['x86_64-linux-gnu', 'powerpc-linux-gnu']) {
    const bytes = readFileSync(compile(target));
    const result = flipBytes(bytes, 600, (changed) => {
      const source = bufferSource('x.o', changed);
      eachGlobalName(source, () => undefined);
      return symbolsContaining(source, '.llvm.');
    });
    assert.ok(result.answers > 50 && result.refusals > 50, JSON.stringify(result));
    assert.ok(result.slowest < 2000, `${result.slowest} ms`);
  }
});

test('two million symbols are searched in a moment', () => {
  const count = 2_000_000;
  const bytes = hugeImage(count, 1000);
  const start = performance.now();
  const found = symbolsContaining(bufferSource('huge', bytes), '.llvm.');
  const seconds = (performance.now() - start) / 1000;
  assert.equal(found.length, count / 1000);
  assert.equal(found[1]?.name, 'name1000.llvm.1000');
  assert.ok(seconds < 5, `${seconds} s`);
});

/** An ELF64 image with `count` symbols, each `every`-th of which is suffixed. */
function hugeImage(count: number, every: number): Buffer {
  const symbols = Buffer.alloc(count * 24);
  const names: string[] = [];
  let offset = 1;
  for (let index = 0; index < count; index++) {
    const name = index % every === 0 ? `name${index}.llvm.${index}` : `name${index}`;
    names.push(name);
    symbols.writeUInt32LE(offset, index * 24);
    symbols.writeUInt8(0x12, index * 24 + 4);
    symbols.writeUInt16LE(0xfff1, index * 24 + 6);
    offset += name.length + 1;
  }
  const strings = Buffer.from(`\0${names.join('\0')}\0`, 'latin1');
  const header = Buffer.alloc(64 + 3 * 64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeBigUInt64LE(64n, 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(3, 60);
  section(1, 2, header.length, symbols.length, 2, 24);
  section(2, 3, header.length + symbols.length, strings.length, 0, 0);
  return Buffer.concat([header, symbols, strings]);

  function section(index: number, type: number, at: number, size: number, link: number, entry: number) {
    const start = 64 + index * 64;
    header.writeUInt32LE(type, start + 4);
    header.writeBigUInt64LE(BigInt(at), start + 24);
    header.writeBigUInt64LE(BigInt(size), start + 32);
    header.writeUInt32LE(link, start + 40);
    header.writeBigUInt64LE(BigInt(entry), start + 56);
  }
}
