import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, open, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Unpack } from 'tar';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';
import { findData } from './ar.ts';
import { diskError } from './disk.ts';
import { admitEntry } from './entry.ts';

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
export interface Extent {
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

type Kind = 'tar' | 'gzip' | 'xz' | 'zstd';

function kindOf(head: Buffer): Kind | undefined {
  const starts = (hex: string) => head.toString('hex').startsWith(hex);
  if (starts('fd377a585a00')) return 'xz';
  if (starts('28b52ffd')) return 'zstd';
  if (starts('1f8b')) return 'gzip';
  return head.toString('latin1', 257, 262) === 'ustar' ? 'tar' : undefined;
}

const PACKAGES = { xz: 'xz-utils', zstd: 'zstd' };

async function decompress(
  host: Host,
  kind: Kind,
  file: string,
  source: Readable,
  plain: PassThrough,
): Promise<void> {
  const broken = (why: string) => new UserError(`${file}: not a whole archive (${why})`);
  if (kind === 'tar') return pipeline(source, plain);
  if (kind === 'gzip') {
    return pipeline(source, createGunzip(), plain).catch((error: NodeJS.ErrnoException) => {
      throw error.code?.startsWith('Z_') ? broken(error.message) : error;
    });
  }
  const child = spawn(kind, kind === 'xz' ? ['-dc', '-T0'] : ['-dc', '-q'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: host.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
  });
  let words = '';
  child.stderr.on('data', (data: Buffer) => {
    if (words.length < 1000) words += data.toString('latin1');
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = `${kind} is not on this machine; install it: apt-get install ${PACKAGES[kind]}`;
      reject(error.code === 'ENOENT' ? new UserError(missing) : error);
    });
    child.on('close', resolve);
  });
  try {
    const [code, written, read] = await Promise.allSettled([
      ended,
      pipeline(source, child.stdin),
      pipeline(child.stdout, plain, { end: false }),
    ]);
    if (code.status === 'rejected') throw code.reason;
    if (read.status === 'rejected') throw read.reason;
    if (code.value !== 0) throw broken(words.trim().split('\n')[0] || `${kind} ended with ${code.value}`);
    if (written.status === 'rejected') throw written.reason;
    plain.end();
  } catch (error) {
    plain.destroy(error as Error);
    throw error;
  } finally {
    child.kill('SIGKILL');
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
    failure ??= unpackError(file, error);
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

async function makeLinks(file: string, folder: string, links: ReadonlyMap<string, string>): Promise<void> {
  const real = new Set([folder]);
  for (const [name, target] of links) {
    const place = path.join(folder, name);
    await makeRealFolder(folder, path.dirname(name), real).catch((error: unknown) => {
      throw unpackError(file, error);
    });
    const there = await lstat(place).catch(() => undefined);
    if (there?.isDirectory())
      throw new UserError(`${file}: entry '${name}' is refused: a link in the place of a folder`);
    if (there !== undefined) await unlink(place);
    await symlink(target, place);
  }
}

/** Makes a folder with those above it; none of them may be a link, for what is put there would go elsewhere. */
async function makeRealFolder(root: string, name: string, real: Set<string>): Promise<void> {
  let at = root;
  for (const part of name.split('/').filter((one) => one !== '' && one !== '.')) {
    at = path.join(at, part);
    if (real.has(at)) continue;
    await mkdir(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (!(await lstat(at)).isDirectory()) throw new Error(`entry '${name}' is refused: ${part} is no folder`);
    real.add(at);
  }
}

/** What tar's reader or the file system had against an archive. */
function unpackError(file: string, error: unknown): unknown {
  const { code, tarCode } = error as NodeJS.ErrnoException & { tarCode?: string };
  if (error instanceof UserError || (code !== undefined && code === 'ENOSPC')) return error;
  return tarCode === undefined && code !== undefined ? error : new UserError(`${file}: ${messageOf(error)}`);
}
