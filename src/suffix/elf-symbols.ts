import { UserError } from '../values/error.ts';
import { type ByteSource, readBytes } from './bytes.ts';
import { type ElfFile, nameAt, openElf, type SymbolTable, sectionNames, symbolTable } from './elf.ts';

export type ElfSymbolType = 'NOTYPE' | 'OBJECT' | 'FUNC' | 'COMMON' | 'TLS' | 'IFUNC' | 'other';

/** A symbol of an ELF file, in ELF's own words. */
export interface ElfSymbol {
  readonly name: string;
  readonly type: ElfSymbolType;
  readonly binding: 'LOCAL' | 'GLOBAL' | 'WEAK' | 'other';
  readonly visibility: 'DEFAULT' | 'INTERNAL' | 'HIDDEN' | 'PROTECTED';
  /** Null for an absolute symbol, a common one, and one whose section the file does not name. */
  readonly section: string | null;
  /** Bytes. */
  readonly size: number;
  readonly value: bigint;
}

const TYPES: readonly (ElfSymbolType | undefined)[] = [
  'NOTYPE',
  'OBJECT',
  'FUNC',
  // Names of sections and of source files are no symbols of the program.
  undefined,
  undefined,
  'COMMON',
  'TLS',
  'other',
  'other',
  'other',
  'IFUNC',
];
const BINDINGS = ['LOCAL', 'GLOBAL', 'WEAK'] as const;
const VISIBILITIES = ['DEFAULT', 'INTERNAL', 'HIDDEN', 'PROTECTED'] as const;
const SHN_UNDEF = 0;
const STB_GLOBAL = 1;
const NAME_LIMIT = 65_536;
const NAMES_LIMIT = 256 * 1024 * 1024;
const COUNT_LIMIT = 2_000_000;
const PIECE = 65_536;

/**
 * The defined symbols whose name contains `marker` (ASCII), in the order of the symbol table; none where the
 * file has no symbol table. The string table is searched first, so that a symbol costs one look at a bit map:
 * an image with two million symbols has a few thousand that are wanted.
 * Throws a UserError for a damaged file and for one with more such symbols than any kernel has.
 */
export function symbolsContaining(source: ByteSource, marker: string): readonly ElfSymbol[] {
  const elf = openElf(source);
  const table = symbolTable(elf);
  if (table === undefined) return [];
  const wanted = offsetsWith(table.strings, marker);
  if (wanted === undefined) return [];
  const sectionName = sectionNames(elf, table);
  const found: ElfSymbol[] = [];
  let characters = 0;
  eachSymbol(elf, table, (symbols, at, index) => {
    const offset = symbols.getUint32(at, elf.little);
    if (((wanted[offset >>> 3] ?? 0) & (1 << (offset & 7))) === 0) return;
    const symbol = decode(elf, symbols, at);
    if (symbol.type === undefined || symbol.shndx === SHN_UNDEF) return;
    const name = nameAt(table.strings, offset, NAME_LIMIT);
    if (name === null) throw tooMuch(source, `a symbol's name has more than ${NAME_LIMIT} bytes`);
    characters += name.length;
    if (characters > NAMES_LIMIT || found.length >= COUNT_LIMIT) {
      throw tooMuch(source, `more than ${found.length} symbols have ${marker} in their name`);
    }
    found.push({
      name,
      type: symbol.type,
      binding: BINDINGS[symbol.info >>> 4] ?? 'other',
      visibility: VISIBILITIES[symbol.other & 3] ?? 'DEFAULT',
      section: sectionName(symbol.shndx, index),
      size: symbol.size,
      value: symbol.value,
    });
  });
  return found;
}

/**
 * Calls `visit` with each defined symbol of an ELF file, in the order of the symbol table. Throws a UserError for a
 * damaged file.
 */
export function eachSymbolOf(source: ByteSource, visit: (symbol: ElfSymbol) => void): void {
  const elf = openElf(source);
  const table = symbolTable(elf);
  if (table === undefined) return;
  const sectionName = sectionNames(elf, table);
  // Hostile tables can name one long string very often.
  let characters = 0;
  eachSymbol(elf, table, (symbols, at, index) => {
    const symbol = decode(elf, symbols, at);
    if (symbol.type === undefined || symbol.shndx === SHN_UNDEF) return;
    const name = nameAt(table.strings, symbols.getUint32(at, elf.little), NAME_LIMIT);
    if (name === null) throw tooMuch(source, `a symbol's name has more than ${NAME_LIMIT} bytes`);
    characters += name.length;
    if (characters > table.strings.length * 2 + NAMES_LIMIT)
      throw tooMuch(source, 'its symbol names overlap');
    visit({
      name,
      type: symbol.type,
      binding: BINDINGS[symbol.info >>> 4] ?? 'other',
      visibility: VISIBILITIES[symbol.other & 3] ?? 'DEFAULT',
      section: sectionName(symbol.shndx, index),
      size: symbol.size,
      value: symbol.value,
    });
  });
}

/** Calls `visit` with the name of each defined global symbol of an ELF file. Throws a UserError for a damaged one. */
export function eachGlobalName(source: ByteSource, visit: (name: string) => void): void {
  const elf = openElf(source);
  const table = symbolTable(elf);
  if (table === undefined) return;
  const [info, shndx] = elf.word === 8 ? [4, 6] : [12, 14];
  // Hostile tables can name one long string very often.
  let characters = 0;
  eachSymbol(elf, table, (symbols, at) => {
    if (symbols.getUint8(at + info) >>> 4 !== STB_GLOBAL) return;
    if (symbols.getUint16(at + shndx, elf.little) === SHN_UNDEF) return;
    const name = nameAt(table.strings, symbols.getUint32(at, elf.little), NAME_LIMIT);
    if (name === null) return;
    characters += name.length;
    if (characters > table.strings.length * 2 + NAMES_LIMIT)
      throw tooMuch(source, 'its symbol names overlap');
    visit(name);
  });
}

function eachSymbol(
  elf: ElfFile,
  table: SymbolTable,
  visit: (symbols: DataView, at: number, index: number) => void,
): void {
  const { entry, count, section } = table;
  for (let first = 0; first < count; first += PIECE) {
    const number = Math.min(PIECE, count - first);
    const piece = readBytes(elf.source, section.offset + first * entry, number * entry);
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let index = 0; index < number; index++) visit(view, index * entry, first + index);
  }
}

function decode(elf: ElfFile, symbols: DataView, at: number) {
  const { little } = elf;
  const wide = elf.word === 8;
  const info = symbols.getUint8(at + (wide ? 4 : 12));
  const type = info & 15;
  return {
    info,
    type: type < TYPES.length ? TYPES[type] : ('other' as const),
    other: symbols.getUint8(at + (wide ? 5 : 13)),
    shndx: symbols.getUint16(at + (wide ? 6 : 14), little),
    value: wide ? symbols.getBigUint64(at + 8, little) : BigInt(symbols.getUint32(at + 4, little)),
    size: wide ? Number(symbols.getBigUint64(at + 16, little)) : symbols.getUint32(at + 8, little),
  };
}

/**
 * One bit for each byte of the string table: whether the name that starts there contains the marker. A name may
 * start inside another one, since linkers merge names with the same end. Undefined where no name does.
 */
function offsetsWith(strings: Buffer, marker: string): Uint8Array | undefined {
  let hit = strings.indexOf(marker, 0, 'latin1');
  if (hit === -1) return undefined;
  const bits = new Uint8Array((strings.length >>> 3) + 1);
  while (hit !== -1) {
    for (let at = hit; at >= 0 && strings[at] !== 0; at--) {
      const byte = at >>> 3;
      const bit = 1 << (at & 7);
      // Met already: an earlier marker of the same name.
      if (((bits[byte] ?? 0) & bit) !== 0) break;
      bits[byte] = (bits[byte] ?? 0) | bit;
    }
    hit = strings.indexOf(marker, hit + 1, 'latin1');
  }
  return bits;
}

function tooMuch(source: ByteSource, why: string): UserError {
  return new UserError(`${source.name}: ${why}; it is damaged, or no kernel`);
}
