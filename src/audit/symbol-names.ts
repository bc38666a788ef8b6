import path from 'node:path';
import { UserError } from '../values/error.ts';
import type { RunProgram } from '../values/program.ts';
import type { Toolchain } from '../values/toolchain.ts';

/** Who defines a name, before the link. */
export interface Definers {
  /** Index of the first object that defines it. */
  readonly first: number;
  /** How many objects define it as a static, and as a global. */
  statics: number;
  globals: number;
  last: number;
}

const OBJECTS_A_RUN = 400;
const OUTPUT_LIMIT = 128 * 1024 * 1024;
// `path: 0000000000000040 t name`, or dashes for the address in bitcode.
const LINE = /^(?:[0-9a-f]+|-+) ([A-Za-z]) (.+)$/;

/**
 * The names that the objects of a link define, read with the toolchain's llvm-nm, which knows each form of bitcode
 * that its own compiler writes. Private symbols (`.str`) are not listed. `objects` are relative to `output`.
 * Throws a UserError where llvm-nm is missing or fails.
 */
export async function definedNames(
  run: RunProgram,
  toolchain: Pick<Toolchain, 'bin' | 'suffix'>,
  output: string,
  objects: readonly string[],
): Promise<ReadonlyMap<string, Definers>> {
  const names = new Map<string, Definers>();
  const nm = path.join(toolchain.bin, `llvm-nm${toolchain.suffix}`);
  for (let first = 0; first < objects.length; first += OBJECTS_A_RUN) {
    // A name must not be read as an option or as a file of options.
    const part = objects.slice(first, first + OBJECTS_A_RUN).map((object) => `./${object}`);
    const args = ['-A', '--no-sort', '--defined-only', ...part];
    const result = await run(nm, args, { cwd: output, limit: OUTPUT_LIMIT, timeoutSeconds: 300 });
    if (result.code !== 0 || result.stdout.length >= OUTPUT_LIMIT) {
      const why =
        result.stderr.split('\n').find((line) => line.includes('error')) ?? `exit code ${result.code}`;
      throw new UserError(`${nm}: cannot list the symbols of the build's objects (${why.trim()})`);
    }
    collect(result.stdout, part, first, names);
  }
  return names;
}

function collect(
  text: string,
  objects: readonly string[],
  first: number,
  names: Map<string, Definers>,
): void {
  let index = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    // The listing goes through the objects in their order, and says nothing of one without symbols.
    const seen = index;
    while (index < objects.length && !text.startsWith(`${objects[index]}: `, start)) index += 1;
    const object = objects[index];
    if (object === undefined) index = seen;
    else add(text.slice(start + object.length + 2, end), first + index, names);
    start = end + 1;
  }
}

function add(line: string, object: number, names: Map<string, Definers>): void {
  const [, letter, name] = LINE.exec(line) ?? [];
  // Weak and unique globals have lowercase letters of their own.
  if (letter === undefined || name === undefined) return;
  const global = letter === letter.toUpperCase() || letter === 'v' || letter === 'w' || letter === 'u';
  const known = names.get(name);
  if (known === undefined) {
    names.set(name, { first: object, last: object, statics: global ? 0 : 1, globals: global ? 1 : 0 });
    return;
  }
  if (known.last === object) return;
  known.last = object;
  if (global) known.globals += 1;
  else known.statics += 1;
}
