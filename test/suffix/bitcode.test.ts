import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { isBitcode, readBitcode, suffixNumber } from '../../src/suffix/bitcode.ts';
import { bufferSource, withFile } from '../../src/suffix/bytes.ts';
import { UserError } from '../../src/values/error.ts';
import { flipBytes, seededNumbers } from '../services/flips.ts';
import { type SmallBuild, smallBuild } from '../services/small-build.ts';

let build: SmallBuild;
before(() => {
  build = smallBuild({ mode: 'thin', reduction: false });
});
after(() => build.remove());

const bytesOf = (object: string) => readFileSync(path.join(build.output, object));
const read = (bytes: Uint8Array) => readBitcode(bufferSource('x.o', bytes));

test('hash and source file are those that llvm-bcanalyzer and llvm-dis read', () => {
  for (const object of ['init/one.o', 'lib/two.o']) {
    const words = /<HASH op0=(\d+) op1=(\d+) /.exec(build.tool('llvm-bcanalyzer', '--dump', object));
    const source = /^source_filename = "(.*)"$/m.exec(build.tool('llvm-dis', '-o', '-', object));
    const expected = String((BigInt(words?.[1] ?? '') << 32n) | BigInt(words?.[2] ?? ''));
    const [module, ...others] = withFile(path.join(build.output, object), readBitcode);
    assert.deepEqual({ ...module, values: [] }, { hash: expected, sourceFile: source?.[1], values: [] });
    assert.deepEqual(others, []);
  }
});

test('bitcode behind a wrapper header is read', () => {
  const bare = bytesOf('init/one.o');
  const header = Buffer.alloc(20);
  for (const [index, word] of [0x0b17c0de, 0, 20, bare.length, 7].entries())
    header.writeUInt32LE(word, index * 4);
  const wrapped = Buffer.concat([header, bare, Buffer.alloc(12)]);
  assert.ok(isBitcode(wrapped));
  assert.deepEqual(read(wrapped), read(bare));
});

test('each module of a split file is read', () => {
  // A type check splits the part that needs whole-program LTO off (-fsplit-lto-unit).
  writeFileSync(
    path.join(build.tree, 'init/split.cc'),
    'struct A { virtual int f(); }; int A::f() { return 1; } int g(A *a) { return a->f(); }',
  );
  const flags = ['-flto=thin', '-fsplit-lto-unit', '-fwhole-program-vtables', '-fvisibility=hidden'];
  build.tool(
    'clang',
    '--target=x86_64-linux-gnu',
    '-O2',
    ...flags,
    '-c',
    '-o',
    'split.o',
    path.join(build.tree, 'init/split.cc'),
  );
  const modules = withFile(path.join(build.output, 'split.o'), readBitcode);
  assert.equal(modules.length, 2);
  const hashes = build.tool('llvm-bcanalyzer', '--dump', 'split.o').match(/<HASH /g)?.length;
  assert.equal(modules.filter(({ hash }) => hash !== undefined).length, hashes);
});

test('bitcode without a summary has no hash', () => {
  const source = path.join(build.tree, 'init/one.c');
  build.tool('clang', '--target=x86_64-linux-gnu', '-O2', '-emit-llvm', '-c', '-o', 'plain.bc', source);
  const modules = withFile(path.join(build.output, 'plain.bc'), readBitcode);
  assert.equal(modules.length, 1);
  const [{ hash, sourceFile, values } = { hash: 'none', sourceFile: '', values: [] }] = modules;
  assert.deepEqual([hash, sourceFile], [undefined, source]);
  const named = values.filter(({ linkage }) => linkage !== 'private');
  assert.deepEqual(
    named.map(({ name, form, linkage }) => `${linkage} ${form} ${name}`),
    [
      'local variable counter',
      'global function one',
      'local function alone',
      'local function common',
      'global function start_one',
    ],
  );
});

test('only five words make a hash', () => {
  assert.equal(suffixNumber([3373819403, 2691733419, 1, 2, 3]), '14490444001186977707');
  assert.equal(suffixNumber([0, 7, 0, 0, 0]), '7');
  assert.equal(suffixNumber([1, 2, 3, 4]), undefined);
  assert.equal(suffixNumber([1, 2 ** 32, 3, 4, 5]), undefined);
});

test('a changed byte gives an answer or a refusal, at once', () => {
  const result = flipBytes(bytesOf('init/one.o'), 1500, read);
  assert.ok(result.answers > 50 && result.refusals > 50, JSON.stringify(result));
  assert.ok(result.slowest < 2000, `${result.slowest} ms`);
});

test('random words behind the magic give an answer or a refusal', () => {
  const number = seededNumbers(12_345);
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(Array.from({ length: 4096 }, () => number(256)));
    bytes.writeUInt32LE(0xdec04342, 0);
    // Enters a module block as long as the file, so that its records are what is random.
    bytes.writeUInt32LE(0x0c21, 4);
    bytes.writeUInt32LE(1000, 8);
    try {
      read(bytes);
    } catch (error) {
      assert.ok(error instanceof UserError, String(error));
    }
  }
});
