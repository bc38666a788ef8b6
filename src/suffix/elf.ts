import { UserError } from '../values/error.ts';
import { type ByteSource, readBytes } from './bytes.ts';

/**
 * ELF64 and ELF32 of both byte orders, as the System V ABI has them (https://gabi.xinuos.com/elf/). Read is the
 * header, the section headers, the string table and, in pieces, the symbol table: nothing else of the file.
 */
export interface ElfFile {
  readonly source: ByteSource;
  /** Bytes of an address: 8 or 4. */
  readonly word: 8 | 4;
  readonly little: boolean;
  readonly sections: ElfSections;
}

interface ElfSections {
  readonly count: number;
  readonly headers: DataView;
  readonly entry: number;
  /** Index of the section that holds the sections' names; 0 where there is none. */
  readonly names: number;
}

interface Section {
  readonly name: number;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entry: number;
}

/** Where a file's symbols and their names lie. */
export interface SymbolTable {
  readonly index: number;
  readonly section: Section;
  /** Bytes of one symbol. */
  readonly entry: number;
  readonly count: number;
  readonly strings: Buffer;
}

const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHN_LORESERVE = 0xff00;
const SHN_XINDEX = 0xffff;
// The string table of a kernel with two million symbols has 60 MB.
const STRINGS_LIMIT = 1024 * 1024 * 1024;

/** Whether the first bytes of a file are those of an ELF file. */
export function isElf(start: Uint8Array): boolean {
  return (
    start.length >= 4 && start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46
  );
}

/** Reads the header and the section headers. Throws a UserError for what is no ELF file or is damaged. */
export function openElf(source: ByteSource): ElfFile {
  const ident = readBytes(source, 0, Math.min(16, source.size));
  if (!isElf(ident) || ident.length < 16) throw damaged(source, 'it is no ELF file');
  const classByte = ident[4];
  const order = ident[5];
  if (classByte !== 1 && classByte !== 2) throw damaged(source, `its ELF class is ${classByte}`);
  if (order !== 1 && order !== 2) throw damaged(source, `its byte order is ${order}`);
  const word = classByte === 2 ? 8 : 4;
  const little = order === 1;
  const header = viewOf(readBytes(source, 0, word === 8 ? 64 : 52));
  const start = address(header, word === 8 ? 40 : 32, word, little);
  const tail = word === 8 ? 58 : 46;
  const entry = header.getUint16(tail, little);
  const smallest = word === 8 ? 64 : 40;
  if (start === 0 || entry < smallest) {
    return {
      source,
      word,
      little,
      sections: { count: 0, headers: viewOf(Buffer.alloc(0)), entry: smallest, names: 0 },
    };
  }
  let count = header.getUint16(tail + 2, little);
  let names = header.getUint16(tail + 4, little);
  // Numbers that do not fit the header stand in the first section header.
  if (count === 0 || names === SHN_XINDEX) {
    const first = sectionAt(viewOf(readBytes(source, start, entry)), 0, word, little);
    if (count === 0) count = first.size;
    if (names === SHN_XINDEX) names = first.link;
  }
  const headers = viewOf(readBytes(source, start, count * entry));
  return { source, word, little, sections: { count, headers, entry, names } };
}

/** The symbol table (`.symtab`) and the names in it; undefined where the file has none. */
export function symbolTable(elf: ElfFile): SymbolTable | undefined {
  const { source, sections } = elf;
  for (let index = 0; index < sections.count; index++) {
    const section = sectionOf(elf, index);
    if (section?.type !== SHT_SYMTAB) continue;
    const entry = elf.word === 8 ? 24 : 16;
    if (section.entry !== entry) throw damaged(source, `a symbol has ${section.entry} bytes in it`);
    const names = sectionOf(elf, section.link);
    if (names === undefined || names.type === SHT_NOBITS) throw damaged(source, 'its symbols have no names');
    if (names.size > STRINGS_LIMIT) throw damaged(source, `its symbol names have ${names.size} bytes`);
    const strings = readBytes(source, names.offset, names.size);
    return { index, section, entry, count: Math.floor(section.size / entry), strings };
  }
  return undefined;
}

/** The section with an index; undefined where there is none. */
export function sectionOf(elf: ElfFile, index: number): Section | undefined {
  const { sections } = elf;
  if (index >= sections.count) return undefined;
  return sectionAt(sections.headers, index * sections.entry, elf.word, elf.little);
}

/**
 * A lookup of section names by the `st_shndx` of a symbol of `table`, which also finds the indexes that stand
 * in a section of their own because they are too large.
 */
export function sectionNames(
  elf: ElfFile,
  table: SymbolTable,
): (shndx: number, symbol: number) => string | null {
  const { source } = elf;
  const names = elf.sections.names === 0 ? undefined : sectionOf(elf, elf.sections.names);
  const strings =
    names === undefined || names.type === SHT_NOBITS || names.size > STRINGS_LIMIT
      ? Buffer.alloc(0)
      : readBytes(source, names.offset, names.size);
  const wide = wideIndexes(elf, table);
  const known = new Map<number, string | null>();
  return (shndx, symbol) => {
    let index = shndx;
    if (shndx === SHN_XINDEX && wide !== undefined) {
      if ((symbol + 1) * 4 > wide.size) return null;
      index = viewOf(readBytes(source, wide.offset + symbol * 4, 4)).getUint32(0, elf.little);
    } else if (shndx === 0 || shndx >= SHN_LORESERVE) return null;
    const before = known.get(index);
    if (before !== undefined) return before;
    const section = sectionOf(elf, index);
    const name = section === undefined ? null : nameAt(strings, section.name, 4096);
    known.set(index, name);
    return name;
  };
}

/** The zero-terminated name at an offset; null where it does not end within `limit` bytes. */
export function nameAt(strings: Buffer, offset: number, limit: number): string | null {
  if (offset >= strings.length) return null;
  const end = strings.indexOf(0, offset);
  if (end === -1 || end - offset > limit) return null;
  return strings.toString('utf8', offset, end);
}

const SHT_SYMTAB_SHNDX = 18;

function wideIndexes(elf: ElfFile, table: SymbolTable): Section | undefined {
  for (let index = 0; index < elf.sections.count; index++) {
    const section = sectionOf(elf, index);
    if (section?.type === SHT_SYMTAB_SHNDX && section.link === table.index) return section;
  }
  return undefined;
}

function sectionAt(view: DataView, at: number, word: 8 | 4, little: boolean): Section {
  const wide = word === 8;
  return {
    name: view.getUint32(at, little),
    type: view.getUint32(at + 4, little),
    offset: address(view, at + (wide ? 24 : 16), word, little),
    size: address(view, at + (wide ? 32 : 20), word, little),
    link: view.getUint32(at + (wide ? 40 : 24), little),
    entry: address(view, at + (wide ? 56 : 36), word, little),
  };
}

function address(view: DataView, at: number, word: 8 | 4, little: boolean): number {
  return word === 8 ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(source: ByteSource, why: string): UserError {
  return new UserError(`${source.name}: cannot be read as ELF: ${why}`);
}
