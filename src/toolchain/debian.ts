import { debianArch } from '../debian/archive.ts';
import { closureOf } from '../debian/closure.ts';
import { findLlvm } from '../debian/llvm-offers.ts';
import { isNotNeeded, isPartOfLlvm } from '../debian/llvm-packages.ts';
import type { ArchiveSetting } from '../debian/release.ts';
import { UserError } from '../values/error.ts';
import { findPinned } from './install.ts';
import { digestOf, landPackages } from './packages.ts';
import { LLVM_PROGRAMS } from './programs.ts';
import { type FetchToolchain, pinOf } from './source.ts';

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
  const folder = await landPackages(host, setting, {
    name: 'LLVM',
    version,
    suite,
    packages,
    folder: `usr/lib/llvm-${offer.major}`,
    programs: LLVM_PROGRAMS,
    isPart: isPartOfLlvm,
  });
  return { folder, version, source: 'debian', digest, pin: pinOf(request, 'debian', version, digest) };
};
