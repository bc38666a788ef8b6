import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOf, parseSuffixed, totalsOf } from '../../src/suffix/suffixes.ts';
import { sourceInTree, unitsByHash } from '../../src/suffix/units.ts';

test('a suffixed name is taken apart', () => {
  const table: [string, string, string, string][] = [
    ['m_stop.llvm.14490444001186977707', 'm_stop', '14490444001186977707', ''],
    ['__pfx_foo.llvm.1', '__pfx_foo', '1', ''],
    ['.str.4.llvm.9', '.str.4', '9', ''],
    ['foo.llvm.123.cold', 'foo', '123', '.cold'],
    ['f.constprop.0.llvm.5', 'f.constprop.0', '5', ''],
    ['idt_invalidate.idt.llvm.0', 'idt_invalidate.idt', '0', ''],
    ['foo.llvm.1.llvm.2.part.3', 'foo', '2', '.part.3'],
  ];
  for (const [symbol, name, hash, rest] of table)
    assert.deepEqual(parseSuffixed(symbol), { name, hash, rest });
});

test('what only looks like a suffix is none', () => {
  for (const symbol of [
    'foo',
    'foo.llvm.',
    'foo.llvm.x',
    '.llvm.5',
    'foo.llvm.123456789012345678901',
    'foollvm.1',
    'f.llvm.01',
  ]) {
    assert.equal(parseSuffixed(symbol), undefined, symbol);
  }
});

test('a kind is the ELF type, but for what only the compiler named', () => {
  assert.equal(kindOf('FUNC', 'foo'), 'function');
  assert.equal(kindOf('IFUNC', 'foo'), 'function');
  assert.equal(kindOf('OBJECT', 'identity_domain'), 'data');
  assert.equal(kindOf('NOTYPE', 'foo'), 'data');
  assert.equal(kindOf('OBJECT', '__func__.foo'), 'data');
  for (const name of ['.str', '.str.12', '.compoundliteral', '__const.f.v', 'switch.table.f']) {
    assert.equal(kindOf('OBJECT', name), 'unnamed', name);
  }
});

test('totals are the sum of their parts', () => {
  const symbols = [{ kind: 'function' }, { kind: 'data' }, { kind: 'unnamed' }, { kind: 'unnamed' }] as const;
  assert.deepEqual(totalsOf(symbols), { all: 4, functions: 1, data: 1, unnamed: 2 });
});

test('a hash that two objects share belongs to neither', () => {
  const object = (name: string, ...hashes: string[]) =>
    ({ object: name, format: 'bitcode', hashes, sourceFile: undefined, values: [] }) as const;
  const units = unitsByHash([object('a.o', '1', '2'), object('b.o', '3'), object('c.o', '3')]);
  assert.equal(units.get('2')?.object, 'a.o');
  assert.equal(units.get('3'), null);
  assert.equal(units.get('4'), undefined);
});

test('a source file is shown relative to the tree, or to the output folder', () => {
  assert.equal(sourceInTree('/src/linux/mm/a.c', '/src/linux', '/out'), 'mm/a.c');
  assert.equal(sourceInTree('../src/mm/a.c', '/w/src', '/w/out'), 'mm/a.c');
  assert.equal(sourceInTree('lib/made.c', '/src/linux', '/out'), 'lib/made.c');
  assert.equal(sourceInTree('lib/made.c', '/src/linux', '/src/linux/out'), 'lib/made.c');
  assert.equal(sourceInTree('/else/a.c', '/src/linux', '/out'), null);
  assert.equal(sourceInTree(undefined, '/src/linux', '/out'), null);
});
