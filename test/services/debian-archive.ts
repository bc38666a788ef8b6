import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from './downloads.ts';
import { arOf, type TestEntry, tarOf } from './tar.ts';

/** A package of an archive that a test makes. */
export interface TestPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly provides?: string;
  readonly entries?: readonly TestEntry[];
}

export interface TestSuite {
  /** Name of its folder below `dists/`. */
  readonly name: string;
  /** As its Release says; the folder's name where absent. */
  readonly suite?: string;
  readonly codeName?: string;
  readonly packages: readonly TestPackage[];
  /** Further lines of its Release. */
  readonly lines?: string;
}

/** Lays out a Debian archive below a folder; `sign` makes an InRelease of a Release. */
export function writeArchive(
  folder: string,
  arch: string,
  suites: readonly TestSuite[],
  sign: (text: string) => string,
): void {
  for (const suite of suites) {
    const stanzas = suite.packages.map((one) => writePackage(folder, arch, one));
    const packages = xz(Buffer.from(stanzas.join('\n')));
    const at = path.join(folder, 'dists', suite.name, `main/binary-${arch}`);
    mkdirSync(path.join(at, 'by-hash/SHA256'), { recursive: true });
    writeFileSync(path.join(at, 'by-hash/SHA256', sha256(packages)), packages);
    const release = `Origin: Test
Suite: ${suite.suite ?? suite.name}
Codename: ${suite.codeName ?? suite.name}
Acquire-By-Hash: yes
${suite.lines ?? ''}SHA256:
 ${sha256(packages)} ${packages.length} main/binary-${arch}/Packages.xz
`;
    writeFileSync(path.join(folder, 'dists', suite.name, 'InRelease'), sign(release));
  }
}

/** Path of a package's file below the archive. */
export function poolPath(one: TestPackage, arch: string): string {
  return `pool/main/${one.name[0]}/${one.name}/${one.name}_${one.version.replace(/^\d+:/, '')}_${arch}.deb`;
}

/** What is in a Packages file of a package. */
export function stanzaOf(one: TestPackage, arch: string, deb: Buffer): string {
  return [
    `Package: ${one.name}`,
    `Version: ${one.version}`,
    `Architecture: ${arch}`,
    ...(one.provides === undefined ? [] : [`Provides: ${one.provides}`]),
    ...(one.depends === undefined ? [] : [`Depends: ${one.depends}`]),
    `Filename: ${poolPath(one, arch)}`,
    `Size: ${deb.length}`,
    `SHA256: ${sha256(deb)}`,
    '',
  ].join('\n');
}

/** The bytes as .xz. */
export function xz(data: Buffer): Buffer {
  return execFileSync('xz', ['-c'], { input: data });
}

function writePackage(folder: string, arch: string, one: TestPackage): string {
  const deb = arOf([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar', tarOf([])],
    ['data.tar.xz', xz(tarOf(one.entries ?? []))],
  ]);
  const file = path.join(folder, poolPath(one, arch));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, deb);
  return stanzaOf(one, arch, deb);
}
