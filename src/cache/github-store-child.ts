import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { oneLine } from './store-entry.ts';

/**
 * @actions/cache runs in a process of its own: it waits without a bound where a service stalls, cannot be cancelled,
 * and prints workflow commands. That process is this program again, with this word and the StoreCall as JSON.
 */
export const STORE_CALL = 'cache-call';

/** `restore`: keys in their order; `save`: one key. `result` is the file for the StoreAnswer. */
export interface StoreCall {
  readonly what: 'restore' | 'save';
  readonly keys: readonly string[];
  readonly result: string;
}

/** The key that was found or saved; none where there was nothing, or where @actions/cache printed why. */
export interface StoreAnswer {
  readonly key?: string;
  readonly error?: string;
}

/** Name of an entry's folder in the working folder. It goes into the entry's version, so it never changes. */
export const ENTRY = 'entry';

/** Answers a call, the words after STORE_CALL, and ends the process, also where a request was left open. */
export async function answerStoreCall(words: readonly string[]): Promise<never> {
  const call: StoreCall = JSON.parse(words[0] ?? '');
  const answer = await ask(call).catch((error: unknown): StoreAnswer => ({ error: oneLine(error) }));
  writeFileSync(path.resolve(call.result), JSON.stringify(answer));
  // What was printed goes through a socket, and is lost where the process ends before it is read.
  await new Promise((resolve) => process.stdout.write('', resolve));
  process.exit(0);
}

async function ask({ what, keys }: StoreCall): Promise<StoreAnswer> {
  const cache = await import('@actions/cache');
  const [first = ''] = keys;
  if (what === 'save') return (await cache.saveCache([ENTRY], first)) > 0 ? { key: first } : {};
  const key = await cache.restoreCache([ENTRY], first, [...keys]);
  return key === undefined ? {} : { key };
}
