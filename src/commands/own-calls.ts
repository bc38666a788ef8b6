import { THIN_LINK } from '../cache/compiler-folder.ts';
import { answerStoreCall, STORE_CALL } from '../cache/github-store-child.ts';
import { runThinLink } from './thin-link.ts';

/** Answers a call that this program made of itself, by way of make or as a process of its own. Returns the exit code; undefined for a user's call. */
export async function answerOwnCall([word, ...words]: readonly string[]): Promise<number | undefined> {
  if (word === THIN_LINK) return runThinLink(words);
  if (word === STORE_CALL) await answerStoreCall(words);
  return undefined;
}
