import { createHash } from 'node:crypto';
import { rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { debianArch } from '../debian/archive.ts';
import { closureOf } from '../debian/closure.ts';
import { downloadPackages, eachOf } from '../debian/debs.ts';
import { findLlvm } from '../debian/llvm-offers.ts';
import { isNotNeeded, isUnpacked } from '../debian/llvm-packages.ts';
import type { DebianPackage } from '../debian/packages.ts';
import type { ArchiveSetting } from '../debian/release.ts';
import { unpackDeb } from '../fetch/archive.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { findPinned } from './install.ts';
import { relocate } from './relocate.ts';
import { type FetchToolchain, pinOf } from './source.ts';
import { landTool } from './store.ts';

// Decompression takes one processor an archive.
const PARALLEL = 2;

/**
 * Gets LLVM from Debian's archive: the packages of the compiler, the linker and the tools with all that they need,
 * each verified, unpacked without root, and made to run with their own C library on whatever host this is.
 */
export const fetchDebian: FetchToolchain = async (host, request) => {
  const pinned = await findPinned(host, request, 'debian');
  if (pinned !== undefined) return pinned;
  const setting: ArchiveSetting = {
    ...(request.mirror !== undefined && { mirror: request.mirror }),
    ...(request.key !== undefined && { key: request.key }),
  };
  const offer = await findLlvm(host, setting, request.version, debianArch(process.arch));
  const { version, suite } = offer;
  const packages = closureOf(offer.indexes, offer.roots, isNotNeeded);
  const digest = digestOf(packages);
  if (request.sha256 !== undefined && request.sha256 !== digest) {
    throw new UserError(
      `llvm-sha256: '${request.sha256}' was asked for, and the packages of LLVM ${version} in Debian ${suite} have ${digest}; the archive has moved on: a day of snapshot.debian.org as llvm-mirror has the older ones`,
    );
  }
  const identity = { version, source: 'debian', digest, arch: process.arch } as const;
  const folder = await landTool(host, identity, async (staging, final) => {
    const megabytes = Math.round(packages.reduce((sum, one) => sum + one.size, 0) / 1e6);
    host.log.info(`LLVM ${version} from Debian ${suite}: ${packages.length} packages, ${megabytes} MB`);
    await unpack(host, setting, packages, staging);
    const llvm = `usr/lib/llvm-${offer.major}`;
    await relocate(host, staging, final, llvm);
    await rm(path.join(staging, 'usr/bin'), { recursive: true, force: true });
    await symlink(`${llvm}/bin`, path.join(staging, 'bin'));
  });
  return { folder, version, source: 'debian', digest, pin: pinOf(request, 'debian', version, digest) };
};

async function unpack(
  host: Host,
  setting: ArchiveSetting,
  packages: readonly DebianPackage[],
  folder: string,
): Promise<void> {
  // The largest first, so that none of them is left over for one processor.
  const bySize = [...packages].sort((a, b) => b.size - a.size);
  const files = await downloadPackages(host, setting, bySize);
  host.log.info(`Unpacking ${files.length} packages`);
  await eachOf(files, PARALLEL, (file) => unpackDeb(host, file, folder, isUnpacked));
}

/** What pins a set of packages: SHA-256 over a line for each, sorted, with name, version and digest. */
function digestOf(packages: readonly DebianPackage[]): string {
  const lines = packages.map((one) => `${one.name} ${one.version} ${one.sha256}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
