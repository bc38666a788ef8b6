import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';

const INDEX = '--thinlto-index-only=';
const LIMIT = 64 << 20;

interface Made {
  readonly digest: string;
  readonly seconds: number;
}

/**
 * Runs a thin link (`link`, whose arguments are `args`) and gives each file that came out byte for byte as it was its old time
 * back. The linker writes every index anew, and kbuild would run every back end again. An index names the content of
 * all that is imported, so that one which is the same stands for the same native object. Returns the exit code.
 */
export function keepIndexTimes(folder: string, args: readonly string[], link: () => number): number {
  const list = args.find((arg) => arg.startsWith(INDEX))?.slice(INDEX.length);
  if (list === undefined) return link();
  const before = read(folder, list);
  const code = link();
  if (code !== 0) return code;
  for (const [name, made] of before) {
    const now = madeOf(path.join(folder, name));
    if (now?.digest === made.digest) utimesSync(path.join(folder, name), made.seconds, made.seconds);
  }
  return code;
}

/**
 * The indexes beside the bitcode objects that the linker's list names. The list itself stays new, for by its time
 * kbuild knows that vmlinux.a is to be made again (scripts/Makefile.vmlinux_a).
 */
function read(folder: string, list: string): ReadonlyMap<string, Made> {
  const file = path.join(folder, list);
  if (!existsSync(file)) return new Map();
  const objects = readFileSync(file, 'utf8').split('\n');
  return new Map(
    objects.flatMap((object) => {
      const name = `${object}.thinlto.bc`;
      const made = object === '' ? undefined : madeOf(path.join(folder, name));
      return made === undefined ? [] : [[name, made] as const];
    }),
  );
}

function madeOf(file: string): Made | undefined {
  const info = statSync(file, { throwIfNoEntry: false });
  if (info === undefined || !info.isFile() || info.size > LIMIT) return undefined;
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
  // A whole microsecond, rounded down: never later than what was made from it.
  return { digest, seconds: Math.floor(info.mtimeMs * 1000) / 1e6 };
}
