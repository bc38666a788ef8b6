import { UserError } from '../values/error.ts';
import type { ByteSource } from './bytes.ts';

/** One operand of an abbreviation: what is read for it, and how. */
type Operand =
  | { readonly kind: 'literal'; readonly value: number }
  | { readonly kind: 'fixed' | 'vbr'; readonly width: number }
  | { readonly kind: 'array' | 'char6' | 'blob' };
type Abbreviation = readonly Operand[];

/** What comes next in a block. */
export type Entry =
  | { readonly kind: 'end' }
  | { readonly kind: 'block'; readonly id: number; readonly width: number; readonly end: number }
  | {
      readonly kind: 'record';
      readonly code: number;
      readonly values: readonly number[];
      /** Where its blob lies: first byte, and byte after the last one. */
      readonly blob?: readonly [start: number, end: number];
    };

/** A block that has been entered. */
export interface Block {
  /** Bits of an abbreviation id in it. */
  readonly width: number;
  /** Byte after its last one. */
  readonly end: number;
  readonly abbreviations: Abbreviation[];
}

export interface BitReader {
  /** Byte position; on a 32-bit boundary before and after a block. */
  position(): number;
  seek(byte: number): void;
  /** Reads the next sub-block's head or record of `block`. Values over `keep` of a record are dropped. */
  next(block: Block, keep: number): Entry;
}

const WINDOW = 128 * 1024;
const CHAR6 = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._';
// LLVM's own have at most about twenty; each use of one costs time for each operand, and few bits of the file.
const OPERANDS_LIMIT = 64;

/**
 * A reader of LLVM's bitstream container (https://llvm.org/docs/BitCodeFormat.html) over bytes `start` to `end` of
 * a source. It consumes at least one bit for each step it takes, so its time is bounded by the size of the file.
 * Each method throws a UserError for what no bitstream can hold.
 */
export function bitReader(source: ByteSource, start: number, end: number): BitReader {
  const window = Buffer.allocUnsafeSlow(Math.min(WINDOW, end - start));
  const view = new DataView(window.buffer, window.byteOffset, window.length);
  let loaded = 0;
  let windowStart = start;
  let byte = start;
  let bit = 0;

  const fail = (why: string): UserError =>
    new UserError(`${source.name}: cannot be read as LLVM bitcode: ${why} at byte ${byte}`);

  const byteAt = (at: number): number => {
    const inWindow = at - windowStart;
    if (inWindow >= 0 && inWindow < loaded) return window[inWindow] ?? 0;
    if (at >= end) throw fail('it ends too early');
    const length = Math.min(window.length, end - at);
    source.fill(window.subarray(0, length), at);
    windowStart = at;
    loaded = length;
    return window[0] ?? 0;
  };

  const fixed = (width: number): number => {
    const at = byte - windowStart;
    // Nearly every number lies in four bytes that are at hand.
    if (width + bit <= 24 && at >= 0 && at + 4 <= loaded) {
      const four = view.getUint32(at, true);
      const value = (four >>> bit) & ((1 << width) - 1);
      const used = bit + width;
      byte += used >>> 3;
      bit = used & 7;
      return value;
    }
    let value = 0;
    let got = 0;
    while (got < width) {
      const take = Math.min(8 - bit, width - got);
      const part = (byteAt(byte) >>> bit) & ((1 << take) - 1);
      value += part * 2 ** got;
      got += take;
      bit += take;
      if (bit === 8) {
        bit = 0;
        byte += 1;
      }
    }
    return value;
  };

  const vbr = (width: number): number => {
    const high = 2 ** (width - 1);
    let value = 0;
    let scale = 1;
    for (let shift = 0; shift < 70; shift += width - 1) {
      const piece = fixed(width);
      if (piece < high) return value + piece * scale;
      value += (piece - high) * scale;
      scale *= high;
    }
    throw fail('a number is too long');
  };

  const align = () => {
    if (bit !== 0) {
      bit = 0;
      byte += 1;
    }
    byte += (4 - ((byte - start) & 3)) & 3;
  };

  const scalar = (operand: Operand): number => {
    switch (operand.kind) {
      case 'literal':
        return operand.value;
      case 'fixed':
        return fixed(operand.width);
      case 'vbr':
        return vbr(operand.width);
      case 'char6':
        return CHAR6.charCodeAt(fixed(6));
      default:
        throw fail('an abbreviation has an array where a number belongs');
    }
  };

  const defineAbbreviation = (): Abbreviation => {
    const count = vbr(5);
    if (count === 0 || count > OPERANDS_LIMIT) throw fail(`an abbreviation has ${count} operands`);
    const operands: Operand[] = [];
    for (let index = 0; index < count; index++) {
      if (fixed(1) === 1) operands.push({ kind: 'literal', value: vbr(8) });
      else operands.push(encoding(fixed(3)));
    }
    for (const [index, operand] of operands.entries()) {
      const last = operand.kind === 'array' ? count - 2 : count - 1;
      if ((operand.kind === 'array' || operand.kind === 'blob') && index !== last) {
        throw fail('an abbreviation has an array or blob before its end');
      }
    }
    const element = operands.at(-2)?.kind === 'array' ? operands.at(-1) : undefined;
    if (element?.kind === 'literal' || element?.kind === 'blob')
      throw fail('an array has elements without bits');
    return operands;
  };

  const encoding = (kind: number): Operand => {
    if (kind === 3) return { kind: 'array' };
    if (kind === 4) return { kind: 'char6' };
    if (kind === 5) return { kind: 'blob' };
    if (kind !== 1 && kind !== 2) throw fail(`operand encoding ${kind}`);
    const width = vbr(5);
    if (width === 0) return { kind: 'literal', value: 0 };
    if (width > 32 || (kind === 2 && width < 2)) throw fail(`an operand has ${width} bits`);
    return { kind: kind === 1 ? 'fixed' : 'vbr', width };
  };

  const abbreviated = (abbreviation: Abbreviation, keep: number): Entry => {
    const values: number[] = [];
    let blob: readonly [number, number] | undefined;
    const add = (value: number) => {
      if (values.length <= keep) values.push(value);
    };
    for (let index = 0; index < abbreviation.length; index++) {
      const operand = abbreviation[index];
      if (operand === undefined) break;
      if (operand.kind === 'array') {
        const element = abbreviation[index + 1];
        const count = vbr(6);
        if (element === undefined || count > (end - byte) * 8) throw fail('an array is longer than the file');
        for (let done = 0; done < count; done++) add(scalar(element));
        break;
      }
      if (operand.kind === 'blob') {
        const length = vbr(6);
        align();
        if (length > end - byte) throw fail('a blob is longer than the file');
        blob = [byte, byte + length];
        byte += length;
        align();
        break;
      }
      add(scalar(operand));
    }
    const code = values.shift();
    if (code === undefined) throw fail('a record has no code');
    return { kind: 'record', code, values, ...(blob !== undefined && { blob }) };
  };

  const unabbreviated = (keep: number): Entry => {
    const code = vbr(6);
    const count = vbr(6);
    if (count > (end - byte) * 8) throw fail('a record is longer than the file');
    const values: number[] = [];
    for (let index = 0; index < count; index++) {
      const value = vbr(6);
      if (index < keep) values.push(value);
    }
    return { kind: 'record', code, values };
  };

  return {
    position: () => byte,
    seek: (to) => {
      byte = to;
      bit = 0;
    },
    next: (block, keep) => {
      for (;;) {
        const id = fixed(block.width);
        if (id === 0) {
          align();
          return { kind: 'end' };
        }
        if (id === 1) {
          const blockId = vbr(8);
          const width = vbr(4);
          align();
          const blockEnd = byte + 4 + fixed(32) * 4;
          if (width < 2 || width > 32 || blockEnd > block.end)
            throw fail('a block is longer than what holds it');
          return { kind: 'block', id: blockId, width, end: blockEnd };
        }
        if (id === 2) {
          block.abbreviations.push(defineAbbreviation());
          continue;
        }
        if (id === 3) return unabbreviated(keep);
        const abbreviation = block.abbreviations[id - 4];
        if (abbreviation === undefined) throw fail(`abbreviation ${id} is not defined`);
        return abbreviated(abbreviation, keep);
      }
    },
  };
}
