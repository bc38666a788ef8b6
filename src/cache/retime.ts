import { lstatSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '../values/error.ts';
import type { OutputFile } from './output-files.ts';

/** Between two times that differ; a time as seconds in a double resolves a quarter of a microsecond. */
const STEP = 4000n;
/** The kernel stamps files with a clock that ticks, and lags behind by up to a tick (10 ms at HZ=100). */
const LAG = 20_000_000n;

/** Source files whose times were set, with what they were, to be set back. */
export type Touched = ReadonlyMap<string, { readonly set: bigint; readonly was: bigint }>;

export interface RetimeResult {
  readonly touched: Touched;
  /** `changedAt` on the new clock. */
  readonly changedAt: ReadonlyMap<string, bigint>;
}

/**
 * Gives an output folder the times that it would have beside a checkout that was never replaced, since kbuild goes by
 * them: outputs keep their order among each other and are newer than the source files, but for those in `changedAt`,
 * which come at their place in that order. All of it lies just before now. Of the sources only those are given a time
 * that need one, for as long as the build takes; `restoreTimes` sets them back. Throws an error where that is forbidden,
 * with all times of sources as they were.
 */
export function retime(
  tree: string,
  sources: Iterable<string>,
  output: string,
  outputs: readonly OutputFile[],
  changedAt: ReadonlyMap<string, bigint>,
): RetimeResult {
  const clock = [...new Set([...outputs.map(({ mtime }) => mtime), ...changedAt.values()])].sort((a, b) =>
    a < b ? -1 : 1,
  );
  const end = BigInt(Date.now()) * 1_000_000n - LAG;
  const begin = end - BigInt(clock.length + 1) * STEP;
  const mapped = new Map(clock.map((time, at) => [time, begin + BigInt(at + 1) * STEP]));
  const at = (time: bigint) => mapped.get(time) ?? end;

  const touched = new Map<string, { set: bigint; was: bigint }>();
  const now = new Map<string, bigint>();
  try {
    for (const name of sources) {
      const changed = changedAt.get(name);
      const file = path.join(tree, name);
      const info = lstatSync(file, { bigint: true, throwIfNoEntry: false });
      if (info === undefined || info.isSymbolicLink()) continue;
      if (changed !== undefined) now.set(name, at(changed));
      const set = changed === undefined ? begin : at(changed);
      if (changed === undefined && info.mtimeNs < begin) continue;
      touched.set(name, { set, was: info.mtimeNs });
      setFineTime(file, set);
    }
    for (const [index, { name, mtime }] of outputs.entries()) {
      const file = path.join(output, name);
      if (index === 0) setFineTime(file, at(mtime));
      else setTime(file, at(mtime));
    }
  } catch (error) {
    restoreTimes(tree, touched);
    throw new Error(`the times of its files cannot be set (${messageOf(error).split(',', 1)[0]})`);
  }
  return { touched, changedAt: now };
}

/** Sets the times of source files back to what they were. Returns those that somebody wrote to meanwhile. */
export function restoreTimes(tree: string, touched: Touched): readonly string[] {
  return [...touched].flatMap(([name, { set, was }]) => {
    const file = path.join(tree, name);
    const info = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    // Times set by a double are not exact.
    const own = info !== undefined && info.mtimeNs - set < STEP && set - info.mtimeNs < STEP;
    if (own) setTime(file, was);
    return own ? [] : [name];
  });
}

function setTime(file: string, time: bigint): void {
  const seconds = Number(time / 1000n) / 1e6;
  utimesSync(file, seconds, seconds);
}

/** Sets a time on which the order hangs. Throws an error where the file system keeps only coarse ones. */
function setFineTime(file: string, time: bigint): void {
  setTime(file, time);
  const kept = lstatSync(file, { bigint: true }).mtimeNs;
  if (kept - time < STEP / 2n && time - kept < STEP / 2n) return;
  throw new Error(`the file system of ${file} keeps no times of microseconds`);
}
