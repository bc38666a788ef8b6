import { fetchBytes, isNotFound } from '../fetch/download.ts';
import { readSigningKey, verifyClearsigned } from '../fetch/signature.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { DEBIAN_KEY } from './keys.ts';

export interface ArchiveSetting {
  /** Base URL; Debian's own where absent. */
  readonly mirror?: string;
  /** File with the key that signs the mirror's indexes; Debian's own keys where absent. */
  readonly key?: string;
}

/** What a signed InRelease says of its suite. */
export interface Release {
  /** URL of the suite's folder, without a slash at its end. */
  readonly folder: string;
  readonly codeName: string | undefined;
  /** Whether files are found below `by-hash`, too, where an update of the mirror does not take them away. */
  readonly byHash: boolean;
  /** When it says that a newer one must be there, in milliseconds; undefined where it does not. */
  readonly validUntil: number | undefined;
  /** Digest and size of a file of the suite, by its path. */
  file(path: string): ReleaseFile | undefined;
}

export interface ReleaseFile {
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

const BASE = 'http://deb.debian.org/debian';
const RELEASE_LIMIT = 4 << 20;

/** Base URL of the archive, without a slash at its end. */
export function baseOf(setting: ArchiveSetting): string {
  return (setting.mirror ?? BASE).replace(/\/+$/, '');
}

/**
 * Gets the InRelease of a suite, and checks its signature and that it is of this suite: another one's is signed as
 * well. Undefined where the archive has no such suite. Throws a UserError otherwise.
 */
export async function readRelease(
  host: Host,
  setting: ArchiveSetting,
  suite: string,
): Promise<Release | undefined> {
  const folder = `${baseOf(setting)}/dists/${suite}`;
  const url = `${folder}/InRelease`;
  const key = setting.key === undefined ? DEBIAN_KEY : await readSigningKey(host, setting.key, 'llvm-key');
  const bytes = await fetchBytes(host, url, { limit: RELEASE_LIMIT }).catch((error: unknown) => {
    // A mirror need not have every suite.
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const release = parseRelease(folder, await verifyClearsigned(host, bytes.toString('utf8'), key, url));
  if (release.names.includes(suite)) return release;
  throw new UserError(
    `${url}: is of the suite ${release.names.join(', ') || '(it does not say)'}, not ${suite}`,
  );
}

/** Reads a Release (https://wiki.debian.org/DebianRepository/Format). `names`: those of the suite. */
export function parseRelease(folder: string, text: string): Release & { readonly names: readonly string[] } {
  const field = (name: string) => new RegExp(`^${name}: ([\\w ,:+-]{1,100})$`, 'm').exec(text)?.[1];
  const files = new Map<string, ReleaseFile>();
  const section = /^SHA256:\n((?: .*(?:\n|$))+)/m.exec(text)?.[1] ?? '';
  for (const line of section.split('\n')) {
    const [, sha256, size, path] = /^ ([0-9a-f]{64}) +(\d{1,12}) (\S+)$/.exec(line) ?? [];
    if (sha256 !== undefined && path !== undefined) files.set(path, { sha256, size: Number(size) });
  }
  const until = Date.parse(field('Valid-Until') ?? '');
  const codeName = field('Codename');
  return {
    folder,
    codeName,
    names: [codeName, field('Suite')].filter((name) => name !== undefined),
    byHash: field('Acquire-By-Hash') === 'yes',
    validUntil: Number.isNaN(until) ? undefined : until,
    file: (path) => files.get(path),
  };
}
