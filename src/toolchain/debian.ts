import { createHash } from 'node:crypto';
import { rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import {
  type ArchiveSetting,
  codeNameOf,
  debianArch,
  downloadPackages,
  readSuite,
} from '../debian/archive.ts';
import { closureOf, type DebianPackage, type PackageIndex } from '../debian/packages.ts';
import { upstreamOf } from '../debian/version.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import type { ToolchainRequest } from '../values/toolchain.ts';
import { unpackDeb } from './archive.ts';
import { isNotFound } from './download.ts';
import { findPinned } from './install.ts';
import { relocate } from './relocate.ts';
import { checkDigest, type Fetched, type FetchToolchain, pinOf } from './source.ts';
import { landTool } from './store.ts';
import { EXACT_VERSION, matchesVersion } from './version.ts';

// By what the suites are for; a major version is in one or two of them at a time.
const SUITES = ['sid', 'experimental', 'testing', 'stable', 'oldstable'];
// What a compiler needs to run, and no more: neither headers and libraries to compile other programs against, for
// which the host has its own, nor debuggers and interpreters.
const NOT_NEEDED =
  /^(?!libclang-common-).*-dev$|^libc-dev-bin$|^binutils|^python3|^libpython3|^libclang-rt-|^llvm-[\d]+-tools$|^debconf|^libc6-i386|^lib(a|l|t|hwa)san|^libubsan|^gcc-\d+$/;
const UNPACKED =
  /^(?:\.\/)?(?:usr\/lib\/llvm-\d+\/(?:bin|lib)\/(?!.*(?:\.a|\.cmake|\.py)$)(?!python|cmake).*|usr\/lib\/clang\/(?!.*\.a$).*|(?:usr\/)?lib\/[\w-]+-linux-gnu\/[^/]+\.so[^/]*|(?:usr\/)?lib(?:64)?\/ld-linux[^/]+|(?:usr\/)?lib64|usr\/bin\/patchelf)$/;

/** A version of LLVM in a suite. */
interface Offer {
  readonly suite: string;
  readonly major: string;
  readonly version: string;
  readonly index: PackageIndex;
}

/**
 * Gets LLVM from Debian's archive: the packages of the compiler, the linker and the tools with all that they need,
 * each verified, unpacked without root, and made to run with their own C library on whatever host this is.
 */
export const fetchDebian: FetchToolchain = async (host, request) => {
  const pinned = await findPinned(host, request, 'debian');
  if (pinned !== undefined) return pinned;
  const arch = debianArch(process.arch);
  const setting: ArchiveSetting = {
    ...(request.mirror !== undefined && { mirror: request.mirror }),
    ...(request.key !== undefined && { key: request.key }),
  };
  const offer = await findOffer(host, request, setting, arch);
  const { major, version } = offer;
  const roots = [`clang-${major}`, `lld-${major}`, `llvm-${major}`, 'patchelf'];
  const packages = closureOf(offer.index, roots, (name) => NOT_NEEDED.test(name));
  const digest = digestOf(packages);
  checkDigest(request, `LLVM ${version} of Debian ${offer.suite}`, digest);
  const folder = await landTool(
    host,
    { version, source: 'debian', digest, arch: process.arch },
    async (staging, final) => {
      const megabytes = Math.round(packages.reduce((sum, one) => sum + one.size, 0) / 1e6);
      host.log.info(
        `LLVM ${version} from Debian ${offer.suite}: ${packages.length} packages, ${megabytes} MB`,
      );
      const files = await downloadPackages(host, setting, packages);
      for (const file of files) {
        host.signal.throwIfAborted();
        await unpackDeb(host, file, staging, UNPACKED);
      }
      await relocate(host, staging, final, `usr/lib/llvm-${major}`);
      await rm(path.join(staging, 'usr/bin'), { recursive: true, force: true });
      await symlink(`usr/lib/llvm-${major}/bin`, path.join(staging, 'bin'));
      await symlink(`usr/lib/llvm-${major}/lib`, path.join(staging, 'lib'));
    },
  );
  return {
    folder,
    version,
    source: 'debian',
    digest,
    pin: pinOf(request, 'debian', version, digest),
  } satisfies Fetched;
};

/** The first suite that has the version; one that has not is told with what it has. */
async function findOffer(
  host: Host,
  request: ToolchainRequest,
  setting: ArchiveSetting,
  arch: 'amd64' | 'arm64',
): Promise<Offer> {
  const seen: string[] = [];
  for (const name of SUITES) {
    const suite = name.endsWith('stable') ? await codeNameOf(host, setting, name) : name;
    if (suite === undefined) continue;
    const offers = await offersOf(host, setting, suite, arch);
    const wanted = offers.find((offer) => matchesVersion(request.version, offer.version));
    if (wanted !== undefined) return wanted;
    seen.push(...offers.map((offer) => `${offer.version} (${suite})`));
  }
  const exact = EXACT_VERSION.test(request.version)
    ? '; a version leaves the archive when the next one comes: ask for the series, or name a day of snapshot.debian.org as llvm-mirror'
    : '';
  throw new UserError(
    `llvm-version: '${request.version}' is not at debian; it has ${[...new Set(seen)].join(', ') || 'none'}${exact}`,
  );
}

async function offersOf(
  host: Host,
  setting: ArchiveSetting,
  suite: string,
  arch: 'amd64' | 'arm64',
): Promise<readonly Offer[]> {
  try {
    const index = await readSuite(host, setting, suite, arch);
    return [...index.names()]
      .flatMap((name) => {
        const major = /^clang-(\d{1,3})$/.exec(name)?.[1];
        const found = major === undefined ? undefined : index.find(name);
        if (major === undefined || found === undefined) return [];
        const version = versionIn(upstreamOf(found.version));
        return version === undefined ? [] : [{ suite, major, version, index }];
      })
      .sort((a, b) => Number(b.major) - Number(a.major));
  } catch (error) {
    // A mirror need not have every suite.
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** `23.1.4`, `23.1.0~rc1`, `24~++20261025…` as versions of LLVM; a snapshot of a series counts as its first candidate. */
function versionIn(upstream: string): string | undefined {
  const [, release, candidate] =
    /^(\d{1,3}\.\d{1,3}\.\d{1,3})(?:~\+?(rc\d{1,2}))?(?:[+~].*)?$/.exec(upstream) ?? [];
  if (release !== undefined) return candidate === undefined ? release : `${release}-${candidate}`;
  const major = /^(\d{1,3})~/.exec(upstream)?.[1];
  return major === undefined ? undefined : `${major}.0.0-rc0`;
}

/** What pins a set of packages: SHA-256 over a line for each, sorted, with name, version and digest. */
function digestOf(packages: readonly DebianPackage[]): string {
  const lines = packages.map((one) => `${one.name} ${one.version} ${one.sha256}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
