import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { readStep } from '../src/build/phases.ts';
import { readCalls } from '../src/cache/ccache-calls.ts';
import type { Mode } from '../src/values/mode.ts';

/** How many compiles of C there were. */
export interface Compiles {
  /** That kbuild asked for. */
  readonly asked: number;
  /** Of these the ones that the compiler did, not a compiler cache. */
  readonly ran: number;
}

/**
 * Counts the front-end and back-end compiles of a build, from make's output and, where there was a compiler cache, from
 * its statistics log. In mode `thin` the back ends run in the linker, and there are none to count.
 */
export async function countCompiles(
  buildLog: string,
  calls: string | undefined,
  mode: Mode,
  tree: string,
  output: string,
): Promise<{ frontEnds: Compiles; backEnds: Compiles }> {
  const hits = new Set<string>();
  if (calls !== undefined && existsSync(calls)) {
    for await (const { input, result } of readCalls(calls)) {
      if (result === 'hit') hits.add(objectOf(input, tree, output));
    }
  }
  const frontEnds = { asked: 0, ran: 0 };
  const backEnds = { asked: 0, ran: 0 };
  for await (const line of createInterface({ input: createReadStream(buildLog) })) {
    const { phase, compile } = readStep(line, mode);
    const object = /^ {2}CC(?: \[M\])? +(\S+)$/.exec(line)?.[1];
    if (!compile || object === undefined) continue;
    const count = phase === 'back end' ? backEnds : frontEnds;
    count.asked += 1;
    if (!hits.has(object)) count.ran += 1;
  }
  return { frontEnds, backEnds };
}

/** SHA-256 (hex) of a file. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** One SHA-256 (hex) for the files of a folder, their names included; folders in it are left out. */
export async function digestOfFolder(folder: string): Promise<string> {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const hash = createHash('sha256');
  for (const { name } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${name} ${await digestOf(path.join(folder, name))}\n`);
  }
  return hash.digest('hex');
}

/** The object, relative to the output folder, that a compile of an input makes: of C, or of bitcode by a back end. */
function objectOf(input: string, tree: string, output: string): string {
  if (input.endsWith('.o')) return input.replace(/\.o$/, '.thinlto-native.o');
  const whole = path.resolve(output, input);
  const below = whole.startsWith(`${tree}/`) ? path.relative(tree, whole) : path.relative(output, whole);
  return below.replace(/\.[cS]$/, '.o');
}
