import path from 'node:path';
import { withFile } from './bytes.ts';
import { symbolsContaining } from './elf-symbols.ts';
import { kindOf, parseSuffixed, type SymbolKind, type Totals, totalsOf } from './suffixes.ts';
import { type LinkedObject, sourceInTree, unitsByHash } from './units.ts';

/** A symbol that carries `.llvm.N`. */
export interface SuffixedSymbol {
  readonly symbol: string;
  readonly name: string;
  readonly kind: SymbolKind;
  readonly section: string | null;
  /** Bytes. */
  readonly size: number;
  /** N, in decimal. */
  readonly hash: string;
  /** Object of the defining translation unit, relative to the output folder; null where no object has the hash. */
  readonly tu: string | null;
  /** Source file of that unit, relative to the tree (or to the output folder where the build generated it). */
  readonly source: string | null;
}

export interface AnalysedImage {
  /** Relative to the output folder. */
  readonly path: string;
  readonly totals: Totals;
  /** In the order of the symbol table. */
  readonly symbols: readonly SuffixedSymbol[];
}

/**
 * Reads the suffixed symbols of an image and says which translation unit each comes from: the N of `.llvm.N` is
 * the hash of the LLVM module that defines the local. `objects` are those of the link.
 * Throws a UserError for an image that cannot be read.
 */
export function analyseImage(
  output: string,
  tree: string,
  image: string,
  objects: readonly LinkedObject[],
): AnalysedImage {
  const units = unitsByHash(objects);
  const symbols: SuffixedSymbol[] = [];
  for (const found of withFile(path.join(output, image), (file) => symbolsContaining(file, '.llvm.'))) {
    const parsed = parseSuffixed(found.name);
    if (parsed === undefined) continue;
    const unit = units.get(parsed.hash) ?? undefined;
    symbols.push({
      symbol: found.name,
      name: parsed.name,
      kind: kindOf(found.type, parsed.name),
      section: found.section,
      size: found.size,
      hash: parsed.hash,
      tu: unit?.object ?? null,
      source: sourceInTree(unit?.sourceFile, tree, output),
    });
  }
  return { path: image, totals: totalsOf(symbols), symbols };
}
