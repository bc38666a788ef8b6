import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { messageOf, UserError } from '../values/error.ts';

/** Bytes that are read where they are needed, so that a large image is never held as a whole. */
export interface ByteSource {
  /** What errors call it: its path. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fills `target` with the bytes from `position` on. Throws a UserError where there are fewer. */
  fill(target: Uint8Array, position: number): void;
}

/** The bytes of a buffer as a source. */
export function bufferSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    fill: (target, position) => {
      if (!inside(position, target.length, bytes.length)) throw ended(name, position + target.length);
      target.set(bytes.subarray(position, position + target.length));
    },
  };
}

/** Opens a regular file, hands it to `work` as a source, and closes it. Throws a UserError where it cannot be read. */
export function withFile<T>(path: string, work: (source: ByteSource) => T): T {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    throw new UserError(`${path}: cannot be read (${messageOf(error)})`);
  }
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw new UserError(`${path}: is no regular file`);
    return work(fileSource(path, handle, stat.size));
  } finally {
    closeSync(handle);
  }
}

/** Reads `length` bytes from `position` into a buffer of their own. Throws a UserError where there are fewer. */
export function readBytes(source: ByteSource, position: number, length: number): Buffer<ArrayBuffer> {
  if (!inside(position, length, source.size)) throw ended(source.name, position + length);
  const bytes = Buffer.allocUnsafeSlow(length);
  source.fill(bytes, position);
  return bytes;
}

function fileSource(name: string, handle: number, size: number): ByteSource {
  return {
    name,
    size,
    fill: (target, position) => {
      if (!inside(position, target.length, size)) throw ended(name, position + target.length);
      let done = 0;
      while (done < target.length) {
        const count = readSync(handle, target, done, target.length - done, position + done);
        if (count === 0) throw ended(name, position + target.length);
        done += count;
      }
    },
  };
}

function inside(position: number, length: number, size: number): boolean {
  return Number.isSafeInteger(position) && position >= 0 && length >= 0 && position + length <= size;
}

function ended(name: string, wanted: number): UserError {
  return new UserError(`${name}: ends before byte ${wanted}; it is damaged or still being written`);
}
