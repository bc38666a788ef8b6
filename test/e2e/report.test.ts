import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { type Built, built, reportOf, VARIANTS, type Variant } from '../services/built.ts';
import { testToolchainFolder } from '../services/llvm.ts';
import { assertFitsSchema } from '../services/report-schema.ts';
import { testTree } from '../services/tree.ts';

const kernels = new Map<Variant, Built>();
let treeBefore = '';

before(() => {
  treeBefore = fingerprint(testTree());
  for (const variant of Object.keys(VARIANTS) as Variant[]) kernels.set(variant, built(variant));
});

const kernel = (variant: Variant) => kernels.get(variant) ?? assert.fail(variant);

for (const [variant, [lto, reduction]] of Object.entries(VARIANTS) as [
  Variant,
  readonly [string, string],
][]) {
  test(`${variant}: the counts are those of llvm-nm, and every suffixed symbol has its TU`, () => {
    const { output } = kernel(variant);
    const report = reportOf(kernel(variant));
    const image = report.images.find((one: { path: string }) => one.path === 'vmlinux');
    const counted = countByTools(path.join(output, 'vmlinux'));
    assert.equal(image.totals.all, counted.all);
    assert.equal(image.totals.functions, counted.functions);
    assert.equal(image.totals.all, image.totals.functions + image.totals.data + image.totals.unnamed);
    assert.equal(image.symbols.length, counted.all);
    for (const symbol of image.symbols) {
      assert.match(symbol.hash, /^\d{1,20}$/);
      assert.ok(symbol.symbol.includes(`.llvm.${symbol.hash}`));
      assert.ok(
        symbol.tu !== null && existsSync(path.join(output, symbol.tu)),
        `${symbol.symbol}: ${symbol.tu}`,
      );
    }
    assertFitsSchema(report);
    assert.equal(report.status, 'ok');
    assert.equal(report.build.lto, lto);
    assert.equal(report.build.arch, 'x86_64');
    assert.equal(report.build.suffixReduction.effective, reduction === 'on');
    assert.equal(report.build.suffixReduction.requested, reduction);
    assert.equal(report.build.lto_coverage.suspect.length ?? report.build.lto_coverage.suspect, 0);
    assert.ok(report.build.lto_coverage.bitcode > 300, 'a tinyconfig has more than 300 TUs');
    const phases = report.build.phases.map((phase: { name: string }) => phase.name);
    const expected =
      lto === 'thin' ? ['front end', 'thin link and back end'] : ['front end', 'thin link', 'back end'];
    for (const name of [...expected, 'link and the rest'])
      assert.ok(phases.includes(name), `${name} in ${phases}`);
    assert.ok(existsSync(path.join(output, 'arch/x86/boot/bzImage')));
  });
}

test('reduction takes every function suffix away, in both modes', () => {
  const functions = (variant: Variant) => reportOf(kernel(variant)).images[0].totals.functions;
  assert.equal(functions('thin-on'), 0);
  assert.equal(functions('thin-dist-on'), 0);
  assert.ok(functions('thin-off') > 100);
  assert.ok(functions('thin-dist-off') > 100);
});

test('the front end compiles the same with and without reduction, in-process or distributed', () => {
  const saved = (variant: Variant) => {
    const text = readFileSync(path.join(kernel(variant).output, 'mm/.page_alloc.o.cmd'), 'utf8');
    return text.split('\n')[0];
  };
  const lines = new Set((Object.keys(VARIANTS) as Variant[]).map(saved));
  assert.equal(lines.size, 1);
});

test('bitcode does not depend on reduction', () => {
  const digest = (variant: Variant) =>
    createHash('sha256')
      .update(readFileSync(path.join(kernel(variant).output, 'mm/page_alloc.o')))
      .digest('hex');
  assert.equal(digest('thin-dist-on'), digest('thin-dist-off'));
  assert.equal(digest('thin-on'), digest('thin-off'));
});

test('nothing in the source tree has changed', () => {
  assert.equal(fingerprint(testTree()), treeBefore);
});

/** What llvm-nm and llvm-readelf, independent of this project's reader, say of the suffixed symbols. */
function countByTools(vmlinux: string): { all: number; functions: number } {
  const tool = (name: string, ...args: string[]) =>
    execFileSync(path.join(testToolchainFolder(), 'bin', name), [...args, vmlinux], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    });
  const all = tool('llvm-nm')
    .split('\n')
    .filter((line) => line.includes('.llvm.')).length;
  const functions = tool('llvm-readelf', '-sW')
    .split('\n')
    .filter((line) => line.includes('.llvm.') && / FUNC /.test(line)).length;
  return { all, functions };
}

/** Every name of the tree with its size and time, folded into one digest. */
function fingerprint(tree: string): string {
  const hash = createHash('sha256');
  const walk = (folder: string) => {
    for (const name of readdirSync(folder).sort()) {
      const file = path.join(folder, name);
      const stat = lstatSync(file);
      hash.update(`${file}\0${stat.size}\0${stat.isDirectory() ? '' : stat.mtimeMs}\n`);
      if (stat.isDirectory()) walk(file);
    }
  };
  walk(tree);
  return hash.digest('hex');
}
