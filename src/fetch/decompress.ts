import { spawn } from 'node:child_process';
import type { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';

/** How an archive is packed. */
export type Kind = 'tar' | 'gzip' | 'xz' | 'zstd';

/** Tells by the first block of a file how it is packed; undefined where it is nothing known. */
export function kindOf(head: Buffer): Kind | undefined {
  const starts = (hex: string) => head.toString('hex').startsWith(hex);
  if (starts('fd377a585a00')) return 'xz';
  if (starts('28b52ffd')) return 'zstd';
  if (starts('1f8b')) return 'gzip';
  return head.toString('latin1', 257, 262) === 'ustar' ? 'tar' : undefined;
}

const PACKAGES = { xz: 'xz-utils', zstd: 'zstd' };

/**
 * Writes what is packed in `source`, a part of `file`, to `plain`, and ends that once all of it was seen to be good.
 * Throws a UserError where it is cut off or changed, or the program that can read it is not there.
 */
export async function decompress(
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
