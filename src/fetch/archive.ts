import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { Unpack } from 'tar';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';
import { findData } from './ar.ts';
import { decompress, kindOf } from './decompress.ts';
import { diskError } from './disk.ts';
import { admitEntry } from './entry.ts';
import { makeLinks } from './links.ts';

export interface UnpackOptions {
  /** How many leading folders of each name to leave out. */
  readonly strip?: number;
  /** Which entries to unpack, by their names after `strip`, without a slash at the end. */
  readonly only?: RegExp | ((name: string) => boolean);
  /** Bytes of the unpacked archive; 8 GiB where absent. */
  readonly limitBytes?: number;
  /** 200,000 where absent. */
  readonly limitEntries?: number;
}

const LIMIT_BYTES = 8 * 2 ** 30;
const LIMIT_ENTRIES = 200_000;
const BLOCK = 512;

/** The part of a file in which a tar archive lies; `end` is the offset after it. */
interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * Unpacks a .tar, .tar.gz, .tar.xz or .tar.zst (told by its first bytes) into a folder, made where absent. Throws a
 * UserError that names the archive where it is cut off, has more than it may, or has an entry (named, too) that is no
 * file, folder or link, or that names or points to a place outside the folder. What was unpacked by then stays.
 */
export async function unpackTar(
  host: Host,
  file: string,
  folder: string,
  options: UnpackOptions = {},
): Promise<void> {
  await unpackExtent(host, file, undefined, folder, options, 'refuse');
}

/**
 * Unpacks the data of a Debian package (deb(5)) into a folder that stands for the root of a file system: absolute
 * symbolic links are made to point into it. Otherwise as unpackTar.
 */
export async function unpackDeb(
  host: Host,
  file: string,
  folder: string,
  only?: UnpackOptions['only'],
): Promise<void> {
  const extent = await withFile(file, (handle) => findData(handle, file));
  await unpackExtent(host, file, extent, folder, only === undefined ? {} : { only }, 'root');
}

async function unpackExtent(
  host: Host,
  file: string,
  extent: Extent | undefined,
  folder: string,
  options: UnpackOptions,
  absoluteLinks: 'refuse' | 'root',
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const where = extent ?? {
    start: 0,
    end: await withFile(file, async (handle) => (await handle.stat()).size),
  };
  const kind = await withFile(file, async (handle) => {
    const head = Buffer.alloc(BLOCK);
    const { bytesRead } = await handle.read(head, 0, Math.min(BLOCK, where.end - where.start), where.start);
    return kindOf(head.subarray(0, bytesRead));
  });
  if (kind === undefined) throw new UserError(`${file}: neither a .tar nor a .tar.xz, .tar.zst or .tar.gz`);
  const source = createReadStream(file, { start: where.start, end: where.end - 1, signal: host.signal });
  const plain = new PassThrough({ highWaterMark: 1 << 20 });
  const entries = extract(plain, file, folder, options, absoluteLinks);
  // Where the entries are refused, the decompressor has nobody left to write to.
  const refused = entries.catch((error: unknown) => void plain.destroy(error as Error));
  const decompressed = decompress(host, kind, file, source, plain);
  const results = await Promise.allSettled([entries, decompressed, refused]);
  host.signal.throwIfAborted();
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  // One end that fails breaks the others, with words that say nothing.
  if (failures.length > 0)
    throw diskError(folder, failures.find((one) => one instanceof UserError) ?? failures[0]);
}

async function withFile<T>(
  file: string,
  work: (handle: Awaited<ReturnType<typeof open>>) => Promise<T>,
): Promise<T> {
  const handle = await open(file);
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

async function extract(
  plain: Readable,
  file: string,
  folder: string,
  options: UnpackOptions,
  absoluteLinks: 'refuse' | 'root',
): Promise<void> {
  const { limitBytes = LIMIT_BYTES, limitEntries = LIMIT_ENTRIES, strip = 0, only } = options;
  const wanted = typeof only === 'function' ? only : (name: string) => only?.test(name) ?? true;
  // Made when all else is in place: no entry of this archive can be written through one of them.
  const links = new Map<string, string>();
  let entries = 0;
  let failure: unknown;
  const unpack = new Unpack({
    cwd: folder,
    strict: true,
    strip,
    preserveOwner: false,
    filter: (_, entry) => {
      if (failure !== undefined || !('header' in entry)) return false;
      try {
        if (++entries > limitEntries) throw new UserError(`has more than ${limitEntries} entries`);
        const admitted = admitEntry(entry, strip, absoluteLinks);
        if (admitted === undefined || !wanted(admitted.name)) return false;
        links.delete(admitted.name);
        if (admitted.target === undefined) return true;
        links.set(admitted.name, admitted.target);
      } catch (error) {
        failure = error instanceof UserError ? new UserError(`${file}: ${error.message}`) : error;
      }
      return false;
    },
  });
  unpack.on('error', (error: unknown) => {
    failure ??= unpackError(file, folder, error);
  });
  let ended = false;
  unpack.on('eof', () => {
    ended = true;
  });
  const finished = once(unpack, 'close');
  finished.catch(() => {});
  let bytes = 0;
  for await (const chunk of fromFirstBlock(plain)) {
    if (bytes === 0 && kindOf(chunk) !== 'tar') throw new UserError(`${file}: there is no tar archive in it`);
    bytes += chunk.length;
    if (bytes > limitBytes) failure ??= new UserError(`${file}: has more than ${limitBytes} bytes unpacked`);
    if (failure !== undefined) throw failure;
    const full = !unpack.write(chunk);
    if (failure === undefined && full) await once(unpack, 'drain').catch(() => {});
    if (failure !== undefined) throw failure;
  }
  unpack.end();
  await finished.catch(() => {});
  if (failure !== undefined) throw failure;
  // POSIX: an archive ends with two blocks of zeros; without them it was cut off between two entries.
  if (!ended || bytes % BLOCK !== 0) throw new UserError(`${file}: not a whole archive (its end is missing)`);
  await makeLinks(file, folder, links);
}

/** A stream's chunks, the first of which has a whole block where the stream does. */
async function* fromFirstBlock(plain: Readable): AsyncIterable<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of plain as AsyncIterable<Buffer>) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < BLOCK) continue;
    yield head;
    head = undefined;
  }
  if (head !== undefined) yield head;
}

/** What tar's reader or the file system had against an archive. */
function unpackError(file: string, folder: string, error: unknown): unknown {
  const { code, tarCode } = error as NodeJS.ErrnoException & { tarCode?: string };
  const disk = diskError(folder, error);
  // A name below that of a file is the archive's fault.
  if (disk !== error && code !== 'ENOTDIR') return disk;
  return tarCode === undefined ? error : new UserError(`${file}: ${messageOf(error)}`);
}
