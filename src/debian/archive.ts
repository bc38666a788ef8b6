import { existsSync } from 'node:fs';
import path from 'node:path';
import { download } from '../fetch/download.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { type PackageIndex, readPackages } from './packages.ts';
import { type ArchiveSetting, type Release, readRelease } from './release.ts';

/** Debian's names of the host's processor. */
export type DebianArch = 'amd64' | 'arm64';

const INDEX_LIMIT = 512 << 20;
const UNPACK_SECONDS = 120;

/** The Debian name of this machine's processor. Throws a UserError that begins with `input` where it is none of both. */
export function debianArch(nodeArch: string, input = 'llvm-source'): DebianArch {
  if (nodeArch === 'x64') return 'amd64';
  if (nodeArch === 'arm64') return 'arm64';
  throw new UserError(`${input}: debian serves x64 and arm64 hosts, not ${nodeArch}; take system`);
}

/**
 * Reads the packages of a suite: InRelease, whose signature is checked, has the digest of the index, which has the
 * digest of each package. The index is kept in the cache folder. Undefined where the archive has no such suite; throws
 * a UserError where any link of the chain does not hold.
 */
export async function readSuite(
  host: Host,
  setting: ArchiveSetting,
  suite: string,
  arch: DebianArch,
): Promise<PackageIndex | undefined> {
  const release = await readRelease(host, setting, suite);
  return release && readIndex(host, release, suite, arch);
}

/**
 * The code name of `stable` or `oldstable` (`trixie`), under which its backports are found, too; the names for what a
 * suite is for can stand still on a mirror for days. Undefined where the archive has no such suite.
 */
export async function codeNameOf(
  host: Host,
  setting: ArchiveSetting,
  suite: string,
): Promise<string | undefined> {
  const name = (await readRelease(host, setting, suite))?.codeName;
  return name !== undefined && /^[a-z]{1,32}$/.test(name) ? name : undefined;
}

async function readIndex(
  host: Host,
  release: Release,
  suite: string,
  arch: DebianArch,
): Promise<PackageIndex> {
  warnIfOld(host, release);
  const folder = `main/binary-${arch}`;
  const listed = release.file(`${folder}/Packages.xz`);
  if (listed === undefined)
    throw new UserError(`${release.folder}/InRelease: lists no ${folder}/Packages.xz`);
  const { sha256, size } = listed;
  const file = path.join(host.cacheFolder, 'debian', `${sha256}.Packages.xz`);
  const url = `${release.folder}/${folder}/${release.byHash ? `by-hash/SHA256/${sha256}` : 'Packages.xz'}`;
  if (!existsSync(file)) {
    await download(host, url, file, { title: `Debian ${suite}: packages`, sha256, bytes: size });
  }
  const call = { limit: INDEX_LIMIT, timeoutSeconds: UNPACK_SECONDS };
  const { code, stdout, stderr } = await host.run('xz', ['-dc', file], call).catch((error: unknown) => {
    if (!(error instanceof UserError) || host.signal.aborted) throw error;
    throw new UserError('xz is not on this machine; install it: apt-get install xz-utils', { cause: error });
  });
  if (code !== 0) throw new UserError(`${url}: cannot be unpacked (${stderr.trim().split('\n')[0]})`);
  return readPackages(stdout);
}

/**
 * An index past its date is told and not refused: a snapshot is old on purpose, a mirror can lag for weeks, and what is
 * taken is known by its digest, which the next run can ask for.
 */
function warnIfOld(host: Host, release: Release): void {
  const { folder, validUntil } = release;
  if (validUntil === undefined || validUntil >= Date.now()) return;
  const date = new Date(validUntil).toISOString().slice(0, 10);
  host.log.info(
    `${folder}: its index was to be used until ${date}; the mirror lags behind, or is a snapshot`,
  );
}
