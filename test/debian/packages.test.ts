import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closureOf } from '../../src/debian/closure.ts';
import { type DebianPackage, type PackageIndex, readPackages } from '../../src/debian/packages.ts';
import { stanzaOf, type TestPackage } from '../services/debian-archive.ts';
import { sha256 } from '../services/downloads.ts';
import { seededNumbers } from '../services/flips.ts';

const DEB = Buffer.from('deb');
const CLANG = { name: 'clang-23', version: '1:23.1.4-2', depends: 'libc6 (>= 2.34)' };

function indexOf(...packages: readonly TestPackage[]): PackageIndex {
  return readPackages(packages.map((one) => stanzaOf(one, 'amd64', DEB)).join('\n'));
}

function root(index: PackageIndex, name: string): DebianPackage {
  const [found] = index.named(name);
  assert.ok(found);
  return found;
}

function names(list: readonly DebianPackage[]): string[] {
  return list.map((one) => `${one.name} ${one.version}`);
}

const follow = () => false;

test('a package is read with what a download needs to know', () => {
  const [clang] = indexOf(CLANG).named('clang-23');
  assert.deepEqual(clang, {
    name: 'clang-23',
    version: '1:23.1.4-2',
    filename: 'pool/main/c/clang-23/clang-23_23.1.4-2_amd64.deb',
    size: 3,
    sha256: sha256(DEB),
    depends: 'libc6 (>= 2.34)',
  });
});

const GOOD = stanzaOf(CLANG, 'amd64', DEB);
for (const [what, stanza] of [
  ['a Filename that climbs', GOOD.replace(/^Filename: .*$/m, 'Filename: pool/main/../../etc/x.deb')],
  ['a Filename elsewhere', GOOD.replace(/^Filename: .*$/m, 'Filename: /etc/x.deb')],
  ['a Filename of another server', GOOD.replace(/^Filename: /m, 'Filename: http://example.org/')],
  ['no Filename', GOOD.replace(/^Filename: .*\n/m, '')],
  ['no Size', GOOD.replace(/^Size: .*\n/m, '')],
  ['a Size of no bytes', GOOD.replace(/^Size: .*$/m, 'Size: 0')],
  ['a Size that is no number', GOOD.replace(/^Size: .*$/m, 'Size: 1e9')],
  ['a huge Size', GOOD.replace(/^Size: .*$/m, 'Size: 9999999999')],
  ['no SHA256', GOOD.replace(/^SHA256: .*\n/m, '')],
  ['a short SHA256', GOOD.replace(/^(SHA256: .{60}).*$/m, '$1')],
  ['no Version', GOOD.replace(/^Version: .*\n/m, '')],
  ['a Version with a slash', GOOD.replace(/^Version: .*$/m, 'Version: 1/2')],
  ['a field that comes twice', `${GOOD.trimEnd()}\nFilename: pool/main/e/evil.deb\n`],
  ['a huge field', `${GOOD.trimEnd()}\nDepends: ${'a, '.repeat(200_000)}\n`],
] as const) {
  test(`a package with ${what} is left out, and the one after it is not`, () => {
    const index = readPackages(`${stanza}\n${stanzaOf({ name: 'next', version: '1' }, 'amd64', DEB)}`);
    assert.deepEqual(index.named('clang-23'), []);
    assert.equal(index.named('next').length, 1);
  });
}

test('names that mean something to JavaScript are names', () => {
  const index = indexOf({ name: 'constructor', version: '1' }, { name: 'tostring', version: '1' });
  assert.equal(index.named('constructor').length, 1);
  assert.deepEqual(index.named('__proto__'), []);
  assert.deepEqual(index.providers('hasownproperty'), []);
});

test('what was changed at random is read or left out, and nothing is thrown', () => {
  const number = seededNumbers(11);
  const text = Array.from({ length: 20 }, (_, at) =>
    stanzaOf({ ...CLANG, name: `p${at}` }, 'amd64', DEB),
  ).join('\n');
  for (let attempt = 0; attempt < 500; attempt++) {
    const changed = Buffer.from(text);
    for (let flip = 0; flip < 5; flip++) changed[number(changed.length)] = number(256);
    const index = readPackages(changed.toString());
    for (const name of index.names()) {
      for (const one of index.named(name)) assert.match(one.filename, /^pool\/[^.]|^pool\/\.(?!\.)/);
    }
  }
});

test('a closure has what is needed, once, and goes in circles only once', () => {
  const index = indexOf(
    { ...CLANG, depends: 'libc6 (>= 2.34), libllvm23 (= 1:23.1.4-2), libgcc-s1' },
    { name: 'libllvm23', version: '1:23.1.4-2', depends: 'libc6, libz:any' },
    { name: 'libc6', version: '2.43-7', depends: 'libgcc-s1' },
    { name: 'libgcc-s1', version: '16', depends: 'libc6' },
    { name: 'libz', version: '1' },
    { name: 'unrelated', version: '1' },
  );
  assert.deepEqual(names(closureOf([index], [root(index, 'clang-23')], follow)), [
    'clang-23 1:23.1.4-2',
    'libc6 2.43-7',
    'libgcc-s1 16',
    'libllvm23 1:23.1.4-2',
    'libz 1',
  ]);
});

test('the first alternative that is there is taken, a virtual one too, and none is taken twice', () => {
  const index = indexOf(
    { name: 'a', version: '1', depends: 'gone | mta, x (>= 2) | y, z | y' },
    { name: 'postfix', version: '1', provides: 'mta' },
    { name: 'x', version: '1' },
    { name: 'y', version: '1' },
    { name: 'z', version: '1' },
  );
  assert.deepEqual(names(closureOf([index], [root(index, 'a')], follow)), ['a 1', 'postfix 1', 'y 1']);
});

test('a version that is provided counts, and one that is not said fulfils no bound', () => {
  const index = indexOf(
    { name: 'a', version: '1', depends: 'abi (>= 2)' },
    { name: 'b', version: '1', provides: 'abi' },
    { name: 'c', version: '1', provides: 'abi (= 2.1), other' },
  );
  assert.deepEqual(names(closureOf([index], [root(index, 'a')], follow)), ['a 1', 'c 1']);
});

test('what is not to be followed is not, and need not be there', () => {
  const index = indexOf(
    { name: 'a', version: '1', depends: 'gone-dev (>= 9), b | more-dev' },
    { name: 'b', version: '1' },
  );
  const found = closureOf([index], [root(index, 'a')], (name) => name.endsWith('-dev'));
  assert.deepEqual(names(found), ['a 1']);
});

test('an overlay is asked only for what the suite below has not', () => {
  const below = indexOf({ name: 'libc6', version: '2.43' }, { name: 'lib', version: '1' });
  const overlay = indexOf(
    { name: 'a', version: '2', depends: 'libc6, lib (>= 2)' },
    { name: 'libc6', version: '2.44' },
    { name: 'lib', version: '2' },
  );
  assert.deepEqual(names(closureOf([below, overlay], [root(overlay, 'a')], follow)), [
    'a 2',
    'lib 2',
    'libc6 2.43',
  ]);
});

test('a later need of a newer version moves an earlier choice', () => {
  const below = indexOf({ name: 'lib', version: '1' });
  const overlay = indexOf(
    { name: 'a', version: '1', depends: 'lib, b' },
    { name: 'b', version: '1', depends: 'lib (>= 2)' },
    { name: 'lib', version: '2' },
  );
  assert.deepEqual(names(closureOf([below, overlay], [root(overlay, 'a')], follow)), ['a 1', 'b 1', 'lib 2']);
});

for (const [what, depends, message] of [
  ['a package that is not there', 'gone', /^Debian: a 1 needs 'gone', which the archive has not$/],
  ['a version that is not there', 'b (>> 1)', /^Debian: a 1 needs 'b >> 1', which the archive has not$/],
  ['two versions at once', 'b (<< 2), b (>= 2)', /needs 'b >= 2'/],
  ['what is no dependency', 'b; rm -rf /', /^Debian: a 1 needs /],
] as const) {
  test(`a need of ${what} is told`, () => {
    const index = indexOf({ name: 'a', version: '1', depends }, { name: 'b', version: '1' });
    assert.throws(() => closureOf([index], [root(index, 'a')], follow), { name: 'UserError', message });
  });
}

test('a closure that grows without end is refused', () => {
  const chain = Array.from({ length: 600 }, (_, at) => ({
    name: `p${at}`,
    version: '1',
    depends: `p${at + 1}`,
  }));
  const index = indexOf(...chain);
  assert.throws(() => closureOf([index], [root(index, 'p0')], follow), /need more than 500 packages/);
});
