import path from 'node:path';
import { UserError } from '../values/error.ts';
import { type BitcodeValue, isBitcode, readBitcode } from './bitcode.ts';
import { type ByteSource, readBytes, withFile } from './bytes.ts';
import { isElf } from './elf.ts';
import { eachSymbolOf } from './elf-symbols.ts';

/** One object of the link, told by what stands in it. */
export interface LinkedObject {
  /** Path relative to the output folder: `mm/page_alloc.o`. */
  readonly object: string;
  readonly format: 'bitcode' | 'native' | 'other';
  /** Numbers that suffixes of its promoted locals carry: one for each LLVM module in it that has a hash. */
  readonly hashes: readonly string[];
  /** The source file as the compiler was given it, relative to the output folder or absolute. */
  readonly sourceFile: string | undefined;
  /** What it defines, in its order. */
  readonly values: readonly BitcodeValue[];
}

/** Where a suffixed symbol comes from. */
export interface Provenance {
  /** Object of the defining translation unit, relative to the output folder. */
  readonly object: string;
  readonly sourceFile: string | undefined;
}

/** Reads what an object below the output folder is; of bitcode its hashes. Throws a UserError for a damaged one. */
export function readObject(output: string, object: string): LinkedObject {
  return withFile(path.join(output, object), (source) => describe(source, object));
}

function describe(source: ByteSource, object: string): LinkedObject {
  const start = readBytes(source, 0, Math.min(4, source.size));
  const nothing = { hashes: [], sourceFile: undefined };
  if (isElf(start)) return { object, format: 'native', ...nothing, values: nativeValues(source) };
  if (!isBitcode(start)) return { object, format: 'other', ...nothing, values: [] };
  const modules = readBitcode(source);
  if (modules.length === 0) throw new UserError(`${source.name}: has no LLVM module in it; build it again`);
  return {
    object,
    format: 'bitcode',
    hashes: modules.flatMap((module) => module.hash ?? []),
    sourceFile: modules.find((module) => module.sourceFile !== undefined)?.sourceFile,
    values: modules.flatMap((module) => module.values),
  };
}

function nativeValues(source: ByteSource): readonly BitcodeValue[] {
  const values: BitcodeValue[] = [];
  eachSymbolOf(source, ({ name, type, binding }) => {
    const form =
      type === 'FUNC' || type === 'IFUNC' ? 'function' : type === 'OBJECT' ? 'variable' : 'assembly';
    if (name !== '') values.push({ name, form, linkage: binding === 'LOCAL' ? 'local' : 'global' });
  });
  return values;
}

/**
 * The translation unit of each hash. A hash that two objects share says nothing about either, and maps to null:
 * it is the same source compiled twice.
 */
export function unitsByHash(objects: readonly LinkedObject[]): ReadonlyMap<string, Provenance | null> {
  const units = new Map<string, Provenance | null>();
  for (const { object, hashes, sourceFile } of objects) {
    for (const hash of hashes) units.set(hash, units.has(hash) ? null : { object, sourceFile });
  }
  return units;
}

/**
 * A source file as the report shows it: relative to the tree; where the build generated it, relative to the output
 * folder; null where it lies in neither.
 */
export function sourceInTree(sourceFile: string | undefined, tree: string, output: string): string | null {
  if (sourceFile === undefined) return null;
  const absolute = path.resolve(output, sourceFile);
  // The output folder may lie in the tree, or the tree in it: the nearer one is meant.
  const candidates = [tree, output]
    .map((folder) => path.relative(folder, absolute))
    .filter((relative) => relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative));
  return candidates.reduce<string | null>(
    (best, relative) => (best === null || relative.length < best.length ? relative : best),
    null,
  );
}
