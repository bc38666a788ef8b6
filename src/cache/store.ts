import path from 'node:path';
import type { Host } from '../host/host.ts';
import { folderStore } from './folder-store.ts';
import { githubStore, hasCacheService } from './github-store.ts';
import type { CacheStore } from './store-entry.ts';

export type { CacheStore, FoundEntry, RestoreResult, SaveResult } from './store-entry.ts';
export { folderStore, githubStore };

/**
 * The store of a run: the folder given; else GitHub's cache on a runner that offers it; else a folder in the user's
 * cache folder, which a runner's log is told. Throws a UserError where that one cannot be made.
 */
export function chooseStore(host: Host, folder: string | undefined): CacheStore {
  if (folder !== undefined) return folderStore(host, folder);
  const onGithub = host.env.GITHUB_ACTIONS === 'true';
  if (onGithub && hasCacheService(host.env)) return githubStore(host);
  const own = path.join(host.cacheFolder, 'cache');
  if (onGithub) host.log.info(`Cache: this runner has no cache service; entries are kept in ${own}`);
  return folderStore(host, own);
}
