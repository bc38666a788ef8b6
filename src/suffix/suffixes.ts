/** The name of a promoted local, taken apart. */
export interface SuffixedName {
  /** The name before the promotion, as the translation unit has it: `foo`, `.str.4`, `__pfx_foo`. */
  readonly name: string;
  /** The number behind `.llvm.`, in decimal: up to 20 digits, more than a double can hold. */
  readonly hash: string;
  /** What later passes put behind the number: `.cold`; mostly nothing. */
  readonly rest: string;
}

/** What a symbol is: code, an object that the source names, or a constant that only the compiler named. */
export type SymbolKind = 'function' | 'data' | 'unnamed';

export interface Totals {
  readonly all: number;
  readonly functions: number;
  readonly data: number;
  readonly unnamed: number;
}

const SUFFIX = /\.llvm\.(0|[1-9][0-9]{0,19})(?![0-9])/g;
// `.str.4`, `.compoundliteral`; `__const.f.v` is the initialiser of v in f, `switch.table.f` a switch made a table.
// `__func__.f` is data: the language gives it its name.
const UNNAMED = /^(?:\.|__const\.|switch\.table\.|anon\.[0-9a-f]{32}\.)/;

/**
 * Takes a symbol's name apart; undefined where it has no `.llvm.N`. Where it has more than one (a local that was
 * promoted in two links), the name is what stands before the first and the hash is that of the last.
 */
export function parseSuffixed(symbol: string): SuffixedName | undefined {
  const found = [...symbol.matchAll(SUFFIX)];
  const first = found[0];
  const last = found.at(-1);
  if (first === undefined || last?.[1] === undefined || first.index === 0) return undefined;
  return {
    name: symbol.slice(0, first.index),
    hash: last[1],
    rest: symbol.slice(last.index + last[0].length),
  };
}

/**
 * The kind of a symbol by its ELF type, not by its section: an object in a text section is data. A constant that
 * the compiler named is `unnamed`.
 */
export function kindOf(elfType: string, name: string): SymbolKind {
  if (elfType === 'FUNC' || elfType === 'IFUNC') return 'function';
  return UNNAMED.test(name) ? 'unnamed' : 'data';
}

/** How many symbols there are of each kind. */
export function totalsOf(symbols: readonly { readonly kind: SymbolKind }[]): Totals {
  const count = (kind: SymbolKind) => symbols.filter((symbol) => symbol.kind === kind).length;
  return {
    all: symbols.length,
    functions: count('function'),
    data: count('data'),
    unnamed: count('unnamed'),
  };
}
