import type { Host } from '../host/host.ts';
import { EXACT_VERSION, matchesVersion } from '../toolchain/version.ts';
import { UserError } from '../values/error.ts';
import type { DebianArch } from './archive.ts';
import type { DebianPackage, PackageIndex } from './packages.ts';
import { type ArchiveSetting, baseOf } from './release.ts';
import { needed, newestFirst } from './suites.ts';
import { upstreamOf } from './version.ts';

/** A version of LLVM in a suite. */
export interface LlvmOffer {
  /** `sid`, `trixie-backports`. */
  readonly suite: string;
  /** `23`. */
  readonly major: string;
  /** `23.1.4`, `23.1.0-rc1`. */
  readonly version: string;
  /** The packages to begin with; patchelf is one of them. */
  readonly roots: readonly DebianPackage[];
  /** Where to look for what they need, in this order. */
  readonly indexes: readonly PackageIndex[];
}

/**
 * The LLVM of a version or series (`23`, `23.1`) in the first suite that has it, from the newest suite to the oldest;
 * no index is fetched beyond that. Throws a UserError that says what the suites have.
 */
export async function findLlvm(
  host: Host,
  setting: ArchiveSetting,
  wanted: string,
  arch: DebianArch,
): Promise<LlvmOffer> {
  const seen: string[] = [];
  for await (const { name, index, lookUp } of newestFirst(host, setting, arch)) {
    const offers = versionsIn(index);
    const found = offers.find((offer) => matchesVersion(wanted, offer.version));
    seen.push(...offers.map((offer) => `${offer.version} (${name})`));
    if (found === undefined) continue;
    const indexes = await lookUp();
    return { ...found, suite: name, roots: rootsOf(found.major, found.clang, index, indexes), indexes };
  }
  const exact = EXACT_VERSION.test(wanted)
    ? '; a version leaves the archive when the next one comes: ask for the series, or name a day of snapshot.debian.org as llvm-mirror'
    : '';
  throw new UserError(
    `llvm-version: '${wanted}' is not at debian (${baseOf(setting)}); it has ${seen.join(', ') || 'none for this machine'}${exact}`,
  );
}

interface Version {
  readonly major: string;
  readonly version: string;
  readonly clang: DebianPackage;
}

/** The versions of clang in an index, newest series first. */
function versionsIn(index: PackageIndex): readonly Version[] {
  return [...index.names()]
    .flatMap((name) => {
      const major = /^clang-(\d{1,3})$/.exec(name)?.[1];
      if (major === undefined) return [];
      return index.named(name).flatMap((clang) => {
        const version = llvmVersion(upstreamOf(clang.version));
        return version === undefined ? [] : [{ major, version, clang }];
      });
    })
    .sort((a, b) => Number(b.major) - Number(a.major));
}

/**
 * An upstream version of Debian's as one of LLVM: `23.1.4`, `23.1.0~rc1`, `17.0.0~+rc3`; a snapshot of what is to be a
 * series (`24~++20261025…`) counts as the candidate before its first.
 */
export function llvmVersion(upstream: string): string | undefined {
  const [, release, candidate] =
    /^(\d{1,3}\.\d{1,3}\.\d{1,3})(?:~\+?(rc\d{1,2}))?(?:[+~].*)?$/.exec(upstream) ?? [];
  if (release !== undefined) return candidate === undefined ? release : `${release}-${candidate}`;
  const major = /^(\d{1,3})~/.exec(upstream)?.[1];
  return major === undefined ? undefined : `${major}.0.0-rc0`;
}

/** clang with the linker and the tools of the same source, and patchelf from wherever it is. */
function rootsOf(
  major: string,
  clang: DebianPackage,
  index: PackageIndex,
  indexes: readonly PackageIndex[],
): readonly DebianPackage[] {
  const same = [`lld-${major}`, `llvm-${major}`].map((name) => {
    const found = index.named(name).find((one) => upstreamOf(one.version) === upstreamOf(clang.version));
    if (found !== undefined) return found;
    throw new UserError(
      `llvm-source: debian has ${clang.name} ${clang.version} without ${name} of that version`,
    );
  });
  return [clang, ...same, needed('patchelf', indexes, 'llvm-source')];
}
