import { rm } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { runBounded, type StoreBounds } from './github-store-call.ts';
import type { StoreCall } from './github-store-child.ts';
import {
  type CallFolder,
  fillCallFolder,
  makeCallFolder,
  readAnswer,
  readRestored,
} from './github-store-folder.ts';
import { type CacheStore, checkKeys, nothingBegins, oneLine, readEntryFiles } from './store-entry.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a restore or a save may cost at most: a minute without a byte, five in all, 4 GiB on the disk. */
export const GITHUB_BOUNDS: StoreBounds = { stallMs: 60_000, totalMs: 300_000, maxBytes: 4 * 1024 ** 3 };
// @actions/cache takes ten, of which one goes in twice: for the exact match, and as a prefix.
const MOST_KEYS = 9;

/** Whether the runner offers a cache service (version 2, or 1 as GitHub Enterprise Server and act do). */
export function hasCacheService(env: Environment): boolean {
  const address = env.ACTIONS_CACHE_URL || (env.ACTIONS_CACHE_SERVICE_V2 && env.ACTIONS_RESULTS_URL);
  return Boolean(env.ACTIONS_RUNTIME_TOKEN && address);
}

/**
 * GitHub's cache, through @actions/cache in a process of its own (see github-store-child.ts). Entries of a key are never replaced there: a second save is refused.
 *
 * A restore or a save ends within `bounds` (GITHUB_BOUNDS) and 5 s more, whatever the service does: after `stallMs`
 * without a byte read or written (the client's own retries of a refused request take up to 35 s), after `totalMs`,
 * or over `maxBytes` on the disk. They work in RUNNER_TEMP/kernel-thinlto-restore and -save, emptied first.
 */
export function githubStore(host: Host, bounds: StoreBounds = GITHUB_BOUNDS): CacheStore {
  const mode = (host.env.ACTIONS_CACHE_MODE ?? '').trim().toLowerCase();
  const readOnly = ['none', 'read'].includes(mode) ? `ACTIONS_CACHE_MODE is ${mode}` : undefined;

  /** The key where the call did what it should, else the reason. */
  const call = async (what: StoreCall['what'], keys: readonly string[], folder: CallFolder) => {
    const title = `${what === 'restore' ? 'Restoring from' : 'Saving to'} GitHub's cache`;
    const ended = await runBounded(host, { what, keys, result: folder.result }, { bounds, folder, title });
    host.signal.throwIfAborted();
    if (ended.stopped !== undefined) return { key: undefined, reason: ended.stopped };
    const { key, error } = await readAnswer(folder);
    return { key, reason: error ?? ended.reason };
  };

  /** What `work` in an empty folder gives; a text is why it gives nothing. */
  const inFolder = async <T>(
    what: StoreCall['what'],
    work: (folder: CallFolder) => Promise<{ value: T } | string>,
  ) => {
    let folder: CallFolder | undefined;
    let outcome: { value: T } | string;
    try {
      folder = await makeCallFolder(what, host.env);
      outcome = await work(folder);
    } catch (error) {
      outcome = oneLine(error);
    }
    if (folder !== undefined && !(what === 'restore' && typeof outcome === 'object')) {
      await removed(folder);
    }
    host.signal.throwIfAborted();
    return outcome;
  };

  return {
    name: "GitHub's cache",
    readOnly,
    async restore(prefixes) {
      checkKeys(prefixes);
      if (['none', 'write-only'].includes(mode)) return { none: `ACTIONS_CACHE_MODE is ${mode}` };
      const asked = prefixes.slice(0, MOST_KEYS);
      const outcome = await inFolder('restore', async (folder) => {
        const { key, reason } = await call('restore', asked, folder);
        if (key === undefined) return reason ?? nothingBegins(asked);
        const found = await readRestored(folder, key, asked, bounds.maxBytes);
        if (typeof found === 'string') return found;
        return { value: { ...found, release: () => removed(folder) } };
      });
      return typeof outcome === 'string' ? { none: outcome } : { found: outcome.value };
    },
    async save(key, source) {
      checkKeys([key]);
      if (readOnly !== undefined) return { saved: false, reason: readOnly };
      const outcome = await inFolder('save', async (folder) => {
        const files = await readEntryFiles(source, bounds.maxBytes);
        if ('refused' in files) return files.refused;
        await fillCallFolder(folder, source, files.names);
        const answer = await call('save', [key], folder);
        return answer.key === key ? { value: files.bytes } : (answer.reason ?? 'no reason was given');
      });
      return typeof outcome === 'string'
        ? { saved: false, reason: outcome }
        : { saved: true, bytes: outcome.value };
    },
  };
}

function removed({ root }: CallFolder): Promise<void> {
  return rm(root, { recursive: true, force: true }).catch(() => undefined);
}
