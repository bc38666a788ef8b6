import { type DebianArch, debianArch } from '../debian/archive.ts';
import { closureOf } from '../debian/closure.ts';
import { isNotNeeded } from '../debian/llvm-packages.ts';
import type { DebianPackage, PackageIndex } from '../debian/packages.ts';
import { type ArchiveSetting, baseOf } from '../debian/release.ts';
import { isRunTime } from '../debian/run-time.ts';
import { needed, newestFirst } from '../debian/suites.ts';
import { upstreamOf } from '../debian/version.ts';
import type { Host } from '../host/host.ts';
import { digestOf, landPackages } from '../toolchain/packages.ts';
import { UserError } from '../values/error.ts';
import { plainEnv } from './program.ts';
import { asFound, type Found, STORED } from './source.ts';
import { isNewEnough, OLDEST, versionPackaged } from './version.ts';

/**
 * Gets the ccache of the first suite of Debian's archive, from the newest on, that has one which caches back ends, with
 * all that it needs to run. Throws a UserError where no suite has one.
 */
export async function fetchDebianCcache(host: Host, setting: ArchiveSetting): Promise<Found> {
  const { version, suite, root, indexes } = await findCcache(
    host,
    setting,
    debianArch(process.arch, 'ccache'),
  );
  const packages = closureOf(indexes, [root, needed('patchelf', indexes, 'ccache')], isNotNeeded);
  const isPart = (entry: string) => entry === 'usr/bin/ccache' || isRunTime(entry);
  const tool = {
    name: 'ccache',
    version,
    suite,
    packages,
    folder: 'usr',
    programs: ['ccache'],
    env: plainEnv(host),
    isPart,
  };
  const folder = await landPackages(host, setting, tool, STORED);
  return asFound({ folder, version, digest: digestOf(packages) }, 'debian');
}

/** A ccache in a suite. */
export interface CcacheOffer {
  /** `sid`, `trixie-backports`. */
  readonly suite: string;
  /** With all its numbers: `4.14.2`. */
  readonly version: string;
  readonly root: DebianPackage;
  /** Where to look for what it needs, in this order. */
  readonly indexes: readonly PackageIndex[];
}

/** The ccache of the newest suite that has one which caches back ends. Throws a UserError that says what they have. */
export async function findCcache(
  host: Host,
  setting: ArchiveSetting,
  arch: DebianArch,
): Promise<CcacheOffer> {
  const seen: string[] = [];
  for await (const { name: suite, index, lookUp } of newestFirst(host, setting, arch)) {
    const [root] = index.named('ccache');
    const version = root && versionPackaged(upstreamOf(root.version));
    if (root === undefined || version === undefined) continue;
    if (isNewEnough(version)) return { suite, version, root, indexes: await lookUp() };
    seen.push(`${version} (${suite})`);
  }
  throw new UserError(
    `ccache: debian (${baseOf(setting)}) has none from ${OLDEST} on; it has ${seen.join(', ') || 'none for this machine'}`,
  );
}
