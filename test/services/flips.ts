import { UserError } from '../../src/values/error.ts';

/** Numbers from 0 to below `bound`, the same ones for the same seed (Mulberry32). */
export function seededNumbers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export interface FlipResult {
  readonly answers: number;
  readonly refusals: number;
  /** Of the slowest try, in milliseconds. */
  readonly slowest: number;
}

/**
 * Gives `read` copies of `bytes`, each with one byte changed and every fourth cut short too. What it throws must be a
 * UserError of one line; anything else is thrown on, with the place of the change.
 */
export function flipBytes(bytes: Uint8Array, tries: number, read: (changed: Buffer) => unknown): FlipResult {
  const number = seededNumbers(20_231);
  let answers = 0;
  let refusals = 0;
  let slowest = 0;
  for (let index = 0; index < tries; index++) {
    const changed = Buffer.from(bytes);
    const at = number(changed.length);
    changed[at] = (changed[at] ?? 0) ^ (1 + number(255));
    const start = performance.now();
    try {
      read(index % 4 === 3 ? changed.subarray(0, number(changed.length)) : changed);
      answers += 1;
    } catch (error) {
      if (!(error instanceof UserError) || error.message.includes('\n')) {
        throw new Error(`byte ${at}, try ${index}`, { cause: error });
      }
      refusals += 1;
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  return { answers, refusals, slowest };
}
