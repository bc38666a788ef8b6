import { type BitReader, type Block, bitReader, type Entry } from './bitstream.ts';
import { type ByteSource, readBytes } from './bytes.ts';

/** What one LLVM module of a bitcode file says about itself. */
export interface BitcodeModule {
  /**
   * `N` of the `.llvm.N` that a promoted local of it gets: the first two words of its module hash as one number,
   * in decimal. Undefined where it has no hash: compiled without `-flto=thin`.
   */
  readonly hash: string | undefined;
  /** Path of the source file as the compiler was given it. */
  readonly sourceFile: string | undefined;
  /** What it defines, in its order. */
  readonly values: readonly BitcodeValue[];
}

/** A function, variable or alias that a translation unit defines. */
export interface BitcodeValue {
  readonly name: string;
  /** `assembly`: a label in the assembly of the whole file. */
  readonly form: 'function' | 'variable' | 'alias' | 'assembly';
  /** `local` is C's static; `private` has no symbol in the object, such as `.str`. */
  readonly linkage: 'global' | 'local' | 'private';
}

// Ids of llvm/include/llvm/Bitcode/LLVMBitCodes.h.
const MODULE_BLOCK = 8;
const STRTAB_BLOCK = 23;
const VERSION = 1;
const ASM = 4;
const GLOBALVAR = 7;
const FUNCTION = 8;
const ALIAS = 14;
const IFUNC = 15;
const SOURCE_FILENAME = 16;
const HASH = 17;
const STRTAB_BLOB = 1;
// getDecodedLinkage of BitcodeReader.cpp.
const INTERNAL = 3;
const PRIVATE: readonly number[] = [9, 13, 14];
const AVAILABLE_EXTERNALLY = 12;

const PATH_LIMIT = 4096;
const RECORD_LIMIT = 4 * 1024 * 1024;
const NAME_LIMIT = 65_536;
// Names of the largest translation units have a few hundred kB; many can lie over each other in a hostile file.
const NAMES_LIMIT = 256 * 1024 * 1024;

/** Whether the first bytes of a file are those of LLVM bitcode, bare or behind a wrapper header. */
export function isBitcode(start: Uint8Array): boolean {
  const [a, b, c, d] = start;
  return (a === 0x42 && b === 0x43 && c === 0xc0 && d === 0xde) || isWrapped(start);
}

interface Raw extends Omit<BitcodeModule, 'values'> {
  readonly labels: readonly BitcodeValue[];
  readonly values: readonly (Omit<BitcodeValue, 'name'> & { readonly name: readonly [number, number] })[];
}

/**
 * Reads what each LLVM module in a bitcode file is and defines (`-fsplit-lto-unit` may make two). Every block but the
 * modules themselves and the table of names is skipped by its length. Throws a UserError for a damaged file.
 */
export function readBitcode(source: ByteSource): readonly BitcodeModule[] {
  const [start, end] = bitcodeRange(source);
  const reader = bitReader(source, start, end);
  reader.seek(start + 4);
  const top: Block = { width: 2, end, abbreviations: [] };
  const modules: BitcodeModule[] = [];
  // A table of names is of the modules before it.
  let waiting: Raw[] = [];
  const settle = (names: Buffer) => {
    modules.push(
      ...waiting.map(({ hash, sourceFile, values, labels }) => ({
        hash,
        sourceFile,
        values: [...named(values, names), ...labels],
      })),
    );
    waiting = [];
  };
  // What is left at the end is padding of an archive or of the wrapper.
  while (end - reader.position() >= 8) {
    const entry = reader.next(top, 0);
    if (entry.kind === 'end') break;
    if (entry.kind === 'record') continue;
    if (entry.id === MODULE_BLOCK) waiting.push(readModule(reader, entry));
    else if (entry.id === STRTAB_BLOCK && waiting.length > 0) settle(readNames(source, reader, entry));
    reader.seek(entry.end);
  }
  settle(Buffer.alloc(0));
  return modules;
}

function readModule(reader: BitReader, head: Extract<Entry, { kind: 'block' }>): Raw {
  const block: Block = { width: head.width, end: head.end, abbreviations: [] };
  let hash: string | undefined;
  let sourceFile: string | undefined;
  let version = 0;
  const labels: BitcodeValue[] = [];
  const values: Raw['values'][number][] = [];
  while (reader.position() < head.end) {
    const entry = reader.next(block, RECORD_LIMIT);
    if (entry.kind === 'end') break;
    if (entry.kind === 'block') reader.seek(entry.end);
    else if (entry.code === HASH) hash = suffixNumber(entry.values);
    else if (entry.code === SOURCE_FILENAME) sourceFile = text(entry.values);
    else if (entry.code === VERSION) version = entry.values[0] ?? 0;
    else if (entry.code === ASM) labels.push(...labelsOf(Buffer.from(entry.values).toString('latin1')));
    else if (version >= 2) {
      const value = definition(entry.code, entry.values);
      if (value !== undefined) values.push(value);
    }
  }
  return { hash, sourceFile, values, labels };
}

/** What assembly defines, global where a directive says so; local labels (`.L`, `1:`) are nothing. */
function labelsOf(assembly: string): readonly BitcodeValue[] {
  const globals = new Set(
    [...assembly.matchAll(/\.(?:globa?l|weak)[ \t]+"?([\w.$]+)/g)].map(([, name]) => name),
  );
  const defined = assembly.matchAll(
    /(?:^|[;\n])[ \t]*(?:"?([A-Za-z_$.][\w.$]*)"?[ \t]*:|\.set[ \t]+"?([\w.$]+))/g,
  );
  return [...defined].flatMap(([, label, set]) => {
    const name = label ?? set ?? '';
    if (name === '' || name.startsWith('.L')) return [];
    return [{ name, form: 'assembly', linkage: globals.has(name) ? 'global' : 'local' }];
  });
}

/** A definition by its record: offset and length of its name, then type, and from the fifth on what tells. */
function definition(code: number, record: readonly number[]): Raw['values'][number] | undefined {
  const [offset, length, , , told, linkageCode] = record;
  if (offset === undefined || length === undefined || linkageCode === undefined) return undefined;
  const form =
    code === FUNCTION
      ? 'function'
      : code === GLOBALVAR
        ? 'variable'
        : code === ALIAS || code === IFUNC
          ? 'alias'
          : undefined;
  if (form === undefined || linkageCode === AVAILABLE_EXTERNALLY) return undefined;
  const declared = form === 'function' ? told !== 0 : form === 'variable' ? told === 0 : false;
  if (declared) return undefined;
  const linkage = linkageCode === INTERNAL ? 'local' : PRIVATE.includes(linkageCode) ? 'private' : 'global';
  return { name: [offset, length], form, linkage };
}

function readNames(source: ByteSource, reader: BitReader, head: Extract<Entry, { kind: 'block' }>): Buffer {
  const block: Block = { width: head.width, end: head.end, abbreviations: [] };
  while (reader.position() < head.end) {
    const entry = reader.next(block, 0);
    if (entry.kind === 'end') break;
    if (entry.kind === 'block') reader.seek(entry.end);
    else if (entry.code === STRTAB_BLOB && entry.blob !== undefined)
      return readBytes(source, entry.blob[0], entry.blob[1] - entry.blob[0]);
  }
  return Buffer.alloc(0);
}

function named(values: Raw['values'], names: Buffer): readonly BitcodeValue[] {
  let characters = 0;
  return values.flatMap(({ name: [offset, length], form, linkage }) => {
    characters += length;
    if (length === 0 || length > NAME_LIMIT || offset + length > names.length || characters > NAMES_LIMIT)
      return [];
    // A name that must not be mangled, from an asm label, has \1 before it.
    const from = names[offset] === 1 ? offset + 1 : offset;
    const name = names.toString('utf8', from, offset + length);
    // Lists for the optimiser: llvm.compiler.used and its like.
    return name.startsWith('llvm.') ? [] : [{ name, form, linkage }];
  });
}

/**
 * The number behind `.llvm.`: the first two of the module hash's five 32-bit words, in decimal, as
 * ModuleSummaryIndex::getGlobalNameForLocal makes it. Undefined for anything but five such words.
 */
export function suffixNumber(words: readonly number[]): string | undefined {
  const [high, low] = words;
  if (words.length !== 5 || high === undefined || low === undefined) return undefined;
  if (words.some((word) => !Number.isInteger(word) || word < 0 || word > 0xffffffff)) return undefined;
  return String((BigInt(high) << 32n) | BigInt(low));
}

function text(values: readonly number[]): string | undefined {
  if (values.length >= PATH_LIMIT || values.some((value) => value < 1 || value > 255)) return undefined;
  return Buffer.from(values).toString('utf8');
}

function bitcodeRange(source: ByteSource): readonly [number, number] {
  const head = readBytes(source, 0, Math.min(20, source.size));
  if (!isWrapped(head) || head.length < 20) return [0, source.size];
  const offset = head.readUInt32LE(8);
  const size = head.readUInt32LE(12);
  // Reading what is not there fails with the name of the file.
  readBytes(source, offset, Math.min(4, size));
  return [offset, Math.min(source.size, offset + size)];
}

function isWrapped(start: Uint8Array): boolean {
  return start[0] === 0xde && start[1] === 0xc0 && start[2] === 0x17 && start[3] === 0x0b;
}
