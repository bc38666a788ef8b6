import { existsSync } from 'node:fs';
import path from 'node:path';
import type { AnalysedImage } from '../suffix/analyse.ts';
import { withFile } from '../suffix/bytes.ts';
import type { Definers } from '../suffix/definers.ts';
import { eachGlobalName } from '../suffix/elf-symbols.ts';
import { isThin, type Mode } from '../values/mode.ts';

/** Whether suffix reduction is in effect in what was built, and what says so. */
export interface ReductionVerdict {
  readonly effective: boolean | 'unknown';
  /** One line for each fact. */
  readonly evidence: readonly string[];
}

/**
 * Judges from the objects, not from what was asked of the tools: distributed back ends can be told to reduce, and
 * rename all the same.
 *
 * A promoted local whose name no other object defines, neither as a static nor as a global, has no cause to keep
 * its suffix under reduction: the name is free. One such function or named object proves that reduction is not in
 * effect. The name must be listed for the defining unit itself: what the compiler made up after the front end, and
 * private constants, are not listed, and say nothing.
 *
 * A global in vmlinux.o that only statics define was promoted under its bare name, which nothing but reduction does.
 * Neither of the two: nothing was promoted, and nobody can tell.
 */
export function judgeReduction(
  output: string,
  mode: Mode,
  image: AnalysedImage,
  names: ReadonlyMap<string, Definers>,
  objects: readonly string[],
): ReductionVerdict {
  if (!isThin(mode)) return { effective: 'unknown', evidence: [`mode ${mode} promotes no locals`] };
  const numbers = new Map(objects.map((object, index) => [object, index]));
  const free = image.symbols.filter(({ kind, name, tu }) => {
    if (kind === 'unnamed' || tu === null) return false;
    const definers = names.get(name);
    const [only, ...others] = [...(definers?.statics ?? []), ...(definers?.globals ?? [])];
    return only !== undefined && others.length === 0 && only === numbers.get(tu);
  });
  const bare = barePromotions(output, names);
  const evidence = [
    free.length === 0
      ? 'no suffixed function or named object has a name that is free'
      : `${count(free.length, 'suffixed symbol')} whose name no other object defines, such as ${examples(free.map(({ symbol }) => symbol))}`,
  ];
  if (bare === undefined) evidence.push('vmlinux.o is not there to show promotions under bare names');
  else if (bare.length === 0) evidence.push('no static became a global of vmlinux.o under its bare name');
  else {
    evidence.push(
      `${count(bare.length, 'static')} became a global of vmlinux.o under the bare name, such as ${examples(bare)}`,
    );
  }
  if (free.length > 0) return { effective: false, evidence };
  return { effective: bare !== undefined && bare.length > 0 ? true : 'unknown', evidence };
}

function barePromotions(output: string, names: ReadonlyMap<string, Definers>): readonly string[] | undefined {
  const object = path.join(output, 'vmlinux.o');
  if (!existsSync(object)) return undefined;
  const bare: string[] = [];
  withFile(object, (source) =>
    eachGlobalName(source, (name) => {
      const definers = names.get(name);
      if (definers !== undefined && definers.globals.length === 0) bare.push(name);
    }),
  );
  return bare;
}

function examples(names: readonly string[]): string {
  return names.slice(0, 3).join(', ');
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
