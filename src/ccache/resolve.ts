import type { ArchiveSetting } from '../debian/release.ts';
import type { Host } from '../host/host.ts';
import type { Ccache, CcacheSource } from '../values/cache.ts';
import { messageOf, UserError } from '../values/error.ts';
import { fetchDebianCcache } from './debian.ts';
import { CCACHE_RELEASES, fetchGithubCcache, type Releases } from './github.ts';
import { askVersion } from './program.ts';
import { type Found, findStored } from './source.ts';
import { findSystemCcache } from './system.ts';
import { OLDEST } from './version.ts';

/** Where the sources are, in place of their own places. */
export interface CcachePlaces {
  readonly releases?: Releases;
  readonly archive?: ArchiveSetting;
}

/** A way to a ccache. */
interface Way {
  readonly name: string;
  readonly reason: string;
  readonly go: () => Promise<Found | undefined>;
}

/**
 * Finds or fetches a ccache that caches back ends (4.13.2 or later), and logs what was taken and why. What the tool
 * cache has is not fetched again. Throws a UserError where the source has none that runs here; for `auto`, one line with
 * the reason of each source.
 */
export async function resolveCcache(
  host: Host,
  source: CcacheSource,
  places: CcachePlaces = {},
): Promise<Ccache> {
  const ways = waysOf(host, source, places);
  const reasons: string[] = [];
  for (const way of ways) {
    const found = await tryWay(host, way).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      // Where there is nowhere else to go, its own words are the best.
      if (way === ways.at(-1) && source !== 'auto') throw error;
      return messageOf(error);
    });
    host.signal.throwIfAborted();
    if (found !== undefined && typeof found !== 'string') {
      const reason = [way.reason, ...reasons].join('; ');
      host.log.info(`ccache ${found.version} from ${found.source}: ${found.program} (${reason})`);
      return { ...found, reason };
    }
    if (found === undefined && source !== 'auto') continue;
    reasons.push(`not ${way.name}: ${found ?? 'it has none'}`);
    host.log.info(`ccache: ${reasons.at(-1)}`);
  }
  throw new UserError(`ccache: none from ${OLDEST} on was found: ${reasons.join('; ')}`);
}

function waysOf(host: Host, source: CcacheSource, places: CcachePlaces): readonly Way[] {
  const releases = places.releases ?? CCACHE_RELEASES;
  const system: Way = {
    name: 'system',
    reason: 'the one in PATH caches back ends',
    go: () => findSystemCcache(host),
  };
  const stored: Way = {
    name: 'the tool cache',
    reason: 'it is in the tool cache',
    go: () => {
      // Of ccache's own releases one is asked for, and not any.
      if (source === 'github') return findStored(host, [source], releases.version);
      return findStored(host, source === 'debian' ? [source] : ['github', 'debian']);
    },
  };
  const github: Way = {
    name: 'github',
    reason: 'a release of ccache itself',
    go: () => fetchGithubCcache(host, releases),
  };
  const debian: Way = {
    name: 'debian',
    reason: "the newest of Debian's archive",
    go: () => fetchDebianCcache(host, places.archive ?? {}),
  };
  if (source === 'system') return [system];
  if (source === 'github') return [stored, github];
  if (source === 'debian') return [stored, debian];
  return [system, stored, github, debian];
}

/** What a way leads to, where it runs and is what it was fetched as. */
async function tryWay(host: Host, way: Way): Promise<Found | undefined> {
  const found = await way.go();
  if (found === undefined || found.source === 'system') return found;
  const said = await askVersion(host, found.program);
  if (said === found.version) return found;
  throw new UserError(`ccache: ${found.program} says that it is ${said}, not ${found.version}; remove it`);
}
