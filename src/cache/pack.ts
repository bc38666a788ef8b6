import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { type Identity, isIdentity } from './state.ts';

/** A packed file of an entry. */
export interface Part {
  readonly bytes: number;
  /** Bytes before it was packed. */
  readonly unpacked: number;
  /** SHA-256 */
  readonly sha256: string;
}

/** What an entry says of itself, in the file `entry.json`. */
export interface EntryManifest {
  readonly identity: Identity;
  /** By file name. */
  readonly parts: ReadonlyMap<string, Part>;
}

const SCHEMA = 1;
const MANIFEST = 'entry.json';
const MANIFEST_LIMIT = 65536;
const MOST_UNPACKED = 32 * 2 ** 30;
const TIMEOUT_SECONDS = 1800;
// A window of 128 MiB finds in vmlinux.o what it has from the objects; zstd unpacks that without being asked to.
const PACK = 'zstd -q -3 -T0 --long=27';
const UNPACK = 'zstd -q -d';

/** Packs files of a folder into `file`, and returns what it is. Throws a UserError where tar or zstd cannot. */
export async function packFiles(
  host: Host,
  folder: string,
  names: readonly string[],
  unpacked: number,
  file: string,
): Promise<Part> {
  const call = ['-C', folder, '--no-recursion', '--null', '--verbatim-files-from', '-T', '-', '-cf', file];
  await tar(host, [...call, `--use-compress-program=${PACK}`], names.join('\0'));
  const { size } = await stat(file);
  return { bytes: size, unpacked, sha256: await digestOf(file) };
}

/**
 * Unpacks a part of an entry into a folder after its digest was checked. Throws a UserError that says in what it is
 * not what its manifest says.
 */
export async function unpackPart(host: Host, file: string, part: Part, folder: string): Promise<void> {
  const name = path.basename(file);
  const info = await stat(file).catch(() => undefined);
  if (info === undefined) throw new UserError(`its ${name} is not there`);
  if (info.size !== part.bytes) {
    throw new UserError(`its ${name} has ${info.size} bytes, and its manifest says ${part.bytes}`);
  }
  if ((await digestOf(file)) !== part.sha256) {
    throw new UserError(`the digest of its ${name} is not the one in its manifest`);
  }
  await mkdir(folder, { recursive: true });
  // GNU tar takes no absolute name and no `..`, and makes links that lead out only at its end.
  await tar(host, ['-C', folder, '-xf', file, '--no-same-owner', `--use-compress-program=${UNPACK}`], '');
}

async function tar(host: Host, args: readonly string[], input: string): Promise<void> {
  const { code, stderr } = await host.run('tar', args, {
    input,
    limit: 65536,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  if (code !== 0) {
    const why = stderr.trim().split('\n')[0] ?? '';
    throw new UserError(`tar ended with ${code}: ${why.slice(0, 300)}`);
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Writes the manifest of an entry into its folder. */
export async function writeManifest(folder: string, manifest: EntryManifest): Promise<void> {
  const { identity, parts } = manifest;
  const text = JSON.stringify({ schema: SCHEMA, identity, parts: Object.fromEntries(parts) }, undefined, 1);
  await writeFile(path.join(folder, MANIFEST), `${text}\n`);
}

/** Reads the manifest of an entry's folder. Throws a UserError where it is none. */
export async function readManifest(folder: string): Promise<EntryManifest> {
  const file = path.join(folder, MANIFEST);
  const info = await stat(file).catch(() => undefined);
  if (!info?.isFile() || info.size > MANIFEST_LIMIT) throw new UserError(`it has no ${MANIFEST}`);
  try {
    const { schema, identity, parts } = JSON.parse(await readFile(file, 'utf8'));
    const list = Object.entries(parts).filter((one): one is [string, Part] => isPart(one[1]));
    if (schema === SCHEMA && isIdentity(identity) && list.length === Object.keys(parts).length)
      return { identity, parts: new Map(list) };
  } catch {
    // Said below.
  }
  throw new UserError(`its ${MANIFEST} is not what this version writes`);
}

function isPart(value: unknown): value is Part {
  const { bytes, unpacked, sha256 } = (value ?? {}) as Record<string, unknown>;
  return (
    Number.isSafeInteger(bytes) &&
    Number.isSafeInteger(unpacked) &&
    (unpacked as number) <= MOST_UNPACKED &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

/** An empty folder for the files of an entry to be. */
export async function emptyFolder(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}
