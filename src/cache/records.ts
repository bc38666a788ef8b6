import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { OutputFile } from './output-files.ts';
import type { Sources } from './sources.ts';

const HEADER = /\.(?:h|inc|def)$/;

/**
 * Makes kbuild redo every object whose record says that it read a file which is gone, or a header of a name that a new
 * one has: by time kbuild sees neither. A prerequisite that is missing is not newer than anything
 * (scripts/Kbuild.include), and a new header may be found before the one that was read. Returns how many.
 */
export function forgetOutdatedRecords(
  output: string,
  outputs: readonly OutputFile[],
  tree: string,
  before: Sources,
  now: Sources,
): number {
  const gone = new Set(
    [...before.ids.keys()].filter((name) => !now.ids.has(name)).map((name) => path.join(tree, name)),
  );
  const added = new Set(
    [...now.ids.keys()]
      .filter((name) => HEADER.test(name) && !before.ids.has(name))
      .map((name) => path.posix.basename(name)),
  );
  if (gone.size === 0 && added.size === 0) return 0;
  let count = 0;
  for (const { name } of outputs) {
    if (!/(?:^|\/)\.[^/]*\.cmd$/.test(name)) continue;
    const file = path.join(output, name);
    if (!namesAny(readFileSync(file, 'utf8'), gone, added)) continue;
    rmSync(file);
    count += 1;
  }
  return count;
}

/** Whether a record, of which fixdep writes a dependency a line, names one of some paths or of some headers. */
function namesAny(record: string, paths: ReadonlySet<string>, headers: ReadonlySet<string>): boolean {
  for (const [, name = ''] of record.matchAll(/^(?: {2}|source_\S+ := )([^\s$()]+)/gm)) {
    if (paths.has(name) || headers.has(path.posix.basename(name))) return true;
  }
  return false;
}
