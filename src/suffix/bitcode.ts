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
}

// Ids of llvm/include/llvm/Bitcode/LLVMBitCodes.h.
const MODULE_BLOCK = 8;
const SOURCE_FILENAME = 16;
const HASH = 17;
const PATH_LIMIT = 4096;

/** Whether the first bytes of a file are those of LLVM bitcode, bare or behind a wrapper header. */
export function isBitcode(start: Uint8Array): boolean {
  const [a, b, c, d] = start;
  return (a === 0x42 && b === 0x43 && c === 0xc0 && d === 0xde) || isWrapped(start);
}

/**
 * Reads the hash and the source file of each LLVM module in a bitcode file (`-fsplit-lto-unit` may make two).
 * Every block but the modules themselves is skipped by its length. Throws a UserError for a damaged file.
 */
export function readBitcode(source: ByteSource): readonly BitcodeModule[] {
  const [start, end] = bitcodeRange(source);
  const reader = bitReader(source, start, end);
  reader.seek(start + 4);
  const top: Block = { width: 2, end, abbreviations: [] };
  const modules: BitcodeModule[] = [];
  // What is left at the end is padding of an archive or of the wrapper.
  while (end - reader.position() >= 8) {
    const entry = reader.next(top, 0);
    if (entry.kind === 'end') break;
    if (entry.kind === 'record') continue;
    if (entry.id === MODULE_BLOCK) modules.push(readModule(reader, entry));
    reader.seek(entry.end);
  }
  return modules;
}

function readModule(reader: BitReader, head: Extract<Entry, { kind: 'block' }>): BitcodeModule {
  const block: Block = { width: head.width, end: head.end, abbreviations: [] };
  let hash: string | undefined;
  let sourceFile: string | undefined;
  while (reader.position() < head.end) {
    const entry = reader.next(block, PATH_LIMIT);
    if (entry.kind === 'end') break;
    if (entry.kind === 'block') reader.seek(entry.end);
    else if (entry.code === HASH) hash = suffixNumber(entry.values);
    else if (entry.code === SOURCE_FILENAME) sourceFile = text(entry.values);
  }
  return { hash, sourceFile };
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
