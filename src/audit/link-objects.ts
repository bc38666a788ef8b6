import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../values/error.ts';
import { thinArchiveMembers } from './archive.ts';
import { savedCommand } from './saved-command.ts';

/** What the link of vmlinux.o took, all paths relative to the output folder. */
export interface LinkInputs {
  /** The objects that the compiler or assembler made, in link order. */
  readonly objects: readonly string[];
  /** Those of them whose back end ran on its own (distributed ThinLTO), with the native object that it made. */
  readonly natives: ReadonlyMap<string, string>;
}

const NATIVE = '.thinlto-native.o';
const INDEX = 'vmlinux.thinlto-index';

/**
 * The objects that went into vmlinux.o, the link that does LTO: the members of `vmlinux.a` and of the libraries
 * beside it on the saved command line. What the final link adds (kallsyms, exports, the version's timestamp) is no
 * part of it. Throws a UserError where there is no finished build.
 */
export function linkInputs(output: string): LinkInputs {
  const archive = 'vmlinux.a';
  if (!existsSync(path.join(output, archive))) {
    throw new UserError(
      `${path.join(output, archive)}: is not there; the audit needs a finished build of vmlinux`,
    );
  }
  const members = [archive, ...libraries(output)].flatMap((name) => thinArchiveMembers(output, name));
  const natives = new Map<string, string>();
  const objects = members.map((member) => {
    if (!member.endsWith(NATIVE)) return member;
    const object = `${member.slice(0, -NATIVE.length)}.o`;
    natives.set(object, member);
    return object;
  });
  return { objects: [...new Set(objects)], natives };
}

/** The objects that the thin link of a distributed build took, which each have a back end. */
export function indexedObjects(output: string): ReadonlySet<string> {
  const file = path.join(output, INDEX);
  if (!existsSync(file))
    throw new UserError(`${file}: is not there, though the build is distributed ThinLTO`);
  if (statSync(file).size > 64 * 1024 * 1024)
    throw new UserError(`${file}: is too large for a list of objects`);
  return new Set(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
}

function libraries(output: string): readonly string[] {
  const words = savedCommand(output, 'vmlinux.o')?.[0] ?? [];
  const start = words.indexOf('--start-group');
  const end = words.indexOf('--end-group');
  if (start === -1 || end < start) return [];
  return words
    .slice(start + 1, end)
    .filter((word) => word.endsWith('.a') && existsSync(path.join(output, word)));
}
