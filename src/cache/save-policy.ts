import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { CacheUse } from '../values/cache.ts';
import { oneLine } from './store-entry.ts';

// GitHub cuts an event's payload at 25 MB.
const EVENT_BYTES = 32 * 1024 * 1024;
/** Events of code that is not on the default branch, whatever their ref says. */
const NEVER = ['pull_request', 'pull_request_target', 'merge_group'];

/**
 * Why a run saves no entry, in one line; undefined where it may. On GitHub entries are saved from the default branch
 * only, as GITHUB_EVENT_PATH names it, unless the use is `always`; a terminal saves always. `read-only` and `off`
 * save nothing anywhere.
 */
export function whySavingIsOff(
  use: CacheUse,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (use === 'off') return 'the cache is off';
  if (use === 'read-only') return 'the cache is read-only by request';
  if (use === 'always' || env.GITHUB_ACTIONS !== 'true') return undefined;
  const event = env.GITHUB_EVENT_NAME ?? '';
  if (NEVER.includes(event)) return `an event ${event} saves nothing; cache: always would`;
  try {
    const branch = defaultBranch(env.GITHUB_EVENT_PATH ?? '');
    const ref = env.GITHUB_REF ?? '';
    if (ref === `refs/heads/${branch}`) return undefined;
    return `${ref === '' ? 'a run without GITHUB_REF' : ref} is not the default branch (${branch}); cache: always would save`;
  } catch (error) {
    return `the default branch is not known (${oneLine(error)}); cache: always would save`;
  }
}

function defaultBranch(file: string): string {
  if (file === '') throw new Error('GITHUB_EVENT_PATH is not set');
  const event: unknown = JSON.parse(readBounded(file));
  const branch = (event as { repository?: { default_branch?: unknown } } | null)?.repository?.default_branch;
  if (typeof branch !== 'string' || !/^[^\x00-\x20\x7f]{1,255}$/.test(branch)) {
    throw new Error('the event names no repository.default_branch');
  }
  return branch;
}

function readBounded(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const parts: Buffer[] = [];
    for (let total = 0; ; ) {
      const part = Buffer.alloc(64 * 1024);
      const count = readSync(descriptor, part);
      if (count === 0) return Buffer.concat(parts).toString();
      total += count;
      if (total > EVENT_BYTES) throw new Error(`${file} has more than ${EVENT_BYTES} bytes`);
      parts.push(part.subarray(0, count));
    }
  } finally {
    closeSync(descriptor);
  }
}
