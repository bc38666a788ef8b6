import type { Host } from '../host/host.ts';
import { EXACT_VERSION, matchesVersion } from '../toolchain/version.ts';
import { UserError } from '../values/error.ts';
import { codeNameOf, type DebianArch, readSuite } from './archive.ts';
import type { DebianPackage, PackageIndex } from './packages.ts';
import { type ArchiveSetting, baseOf } from './release.ts';
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
  const read = rememberSuites(host, setting, arch);
  for (const ask of [
    async () => ({ suite: 'sid', below: undefined }),
    async () => ({ suite: 'experimental', below: 'sid' }),
    async () => ({ suite: 'testing', below: undefined }),
    async () => overlay(await codeNameOf(host, setting, 'stable')),
    async () => ({ suite: await codeNameOf(host, setting, 'stable'), below: undefined }),
    async () => ({ suite: await codeNameOf(host, setting, 'oldstable'), below: undefined }),
  ]) {
    const { suite, below } = await ask();
    const index = suite === undefined ? undefined : await read(suite);
    if (suite === undefined || index === undefined) continue;
    const offers = versionsIn(index);
    const found = offers.find((offer) => matchesVersion(wanted, offer.version));
    seen.push(...offers.map((offer) => `${offer.version} (${suite})`));
    if (found === undefined) continue;
    const whole = below === undefined ? undefined : await read(below);
    const indexes = whole === undefined ? [index] : [whole, index];
    return { ...found, suite, roots: rootsOf(found.major, found.clang, index, indexes), indexes };
  }
  const exact = EXACT_VERSION.test(wanted)
    ? '; a version leaves the archive when the next one comes: ask for the series, or name a day of snapshot.debian.org as llvm-mirror'
    : '';
  throw new UserError(
    `llvm-version: '${wanted}' is not at debian (${baseOf(setting)}); it has ${seen.join(', ') || 'none for this machine'}${exact}`,
  );
}

function overlay(stable: string | undefined): { suite: string | undefined; below: string | undefined } {
  return { suite: stable === undefined ? undefined : `${stable}-backports`, below: stable };
}

function rememberSuites(host: Host, setting: ArchiveSetting, arch: DebianArch) {
  const known = new Map<string, PackageIndex | undefined>();
  return async (suite: string) => {
    if (!known.has(suite)) known.set(suite, await readSuite(host, setting, suite, arch));
    return known.get(suite);
  };
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
  const patchelf = indexes.flatMap((one) => one.named('patchelf'))[0];
  if (patchelf === undefined)
    throw new UserError('llvm-source: debian has no patchelf to make LLVM run here');
  return [clang, ...same, patchelf];
}
