import { existsSync } from 'node:fs';
import path from 'node:path';
import { type LinkedObject, readObject } from '../suffix/units.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import { indexedObjects, type LinkInputs } from './link-objects.ts';
import { ltoInEffect, relocatableLink, savedCommand } from './saved-command.ts';

/** How much of the link went through LTO. Every object counts once: as bitcode, native by right, or suspect. */
export interface Coverage {
  readonly bitcode: number;
  readonly native: number;
  readonly suspect: readonly Suspect[];
}

/** An object that should have gone through LTO, and did not. */
export interface Suspect {
  readonly object: string;
  readonly reason: string;
}

/**
 * Judges each object of the link by its bytes and by its saved command. Native by right is what clang did not
 * compile with `-flto` in effect: assembly, objects made without LTO on purpose, what objcopy made of them.
 * A build can look right and have no LTO: Linux 6.13 on arm64 ran `ld -r` over each bitcode object, which made it
 * native one by one (kernel commit 695ed93bb30e put an end to it).
 */
export function judgeCoverage(
  output: string,
  mode: Mode,
  inputs: LinkInputs,
  objects: readonly LinkedObject[],
): Coverage {
  const indexed = mode === 'thin-dist' ? indexedObjects(output) : undefined;
  const suspect: Suspect[] = [];
  let bitcode = 0;
  let native = 0;
  for (const found of objects) {
    const reason =
      found.format === 'bitcode'
        ? indexed && backEndFault(output, found.object, inputs, indexed)
        : nativeFault(output, found);
    if (reason !== undefined) suspect.push({ object: found.object, reason });
    else if (found.format === 'bitcode') bitcode += 1;
    else native += 1;
  }
  for (const object of indexed ?? []) {
    if (!inputs.natives.has(object)) {
      suspect.push({
        object,
        reason: 'is in vmlinux.thinlto-index, but its back-end object is not in vmlinux.a',
      });
    }
  }
  return { bitcode, native, suspect: distinct(suspect) };
}

function backEndFault(
  output: string,
  object: string,
  inputs: LinkInputs,
  indexed: ReadonlySet<string>,
): string | undefined {
  if (!indexed.has(object))
    return 'bitcode that is not in vmlinux.thinlto-index: the thin link did not see it';
  const made = inputs.natives.get(object);
  if (made === undefined) return undefined;
  if (!existsSync(path.join(output, made))) return `its back-end object ${made} is not there`;
  return formatOf(output, made) === 'native' ? undefined : `its back-end object ${made} is not native`;
}

function nativeFault(output: string, { object, format }: LinkedObject): string | undefined {
  if (format === 'other') return 'neither LLVM bitcode nor ELF';
  const commands = savedCommand(output, object) ?? [];
  const flag = commands.map(ltoInEffect).find((found) => found !== undefined);
  const link = commands.map(relocatableLink).find((found) => found !== undefined);
  if (flag !== undefined) {
    const why =
      link === undefined ? '' : '; its own command links it again with ld -r, which makes it native';
    return `compiled with ${flag}, but is native ELF${why}`;
  }
  const part = link?.inputs.find((input) => input !== object && formatOf(output, input) === 'bitcode');
  return part === undefined ? undefined : `linked by itself with ld -r from bitcode (${part})`;
}

function formatOf(output: string, object: string): LinkedObject['format'] | undefined {
  try {
    return readObject(output, object).format;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw new Error(`${object}: ${messageOf(error)}`, { cause: error });
  }
}

function distinct(suspects: readonly Suspect[]): readonly Suspect[] {
  return [
    ...new Map(suspects.toReversed().map((suspect) => [suspect.object, suspect])).values(),
  ].toReversed();
}
