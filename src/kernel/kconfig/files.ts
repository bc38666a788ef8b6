import { readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../values/error.ts';

const FILES = 20_000;
const FILE_BYTES = 4 << 20;
const ALL_BYTES = 128 << 20;

/** Reads Kconfig files of one tree, by their paths in it. */
export interface KconfigFiles {
  /** How many were read. */
  count(): number;
  /** The text of a file; undefined where it is not there, is no file, or lies outside of the tree. */
  read(name: string): string | undefined;
}

/** Throws a UserError from `read` where a tree has more or larger Kconfig files than any kernel. */
export function kconfigFiles(tree: string): KconfigFiles {
  const root = realpathSync(tree);
  let count = 0;
  let bytes = 0;
  return {
    count: () => count,
    read(name) {
      const file = realFile(root, name);
      if (file === undefined) return undefined;
      const { size } = statSync(file);
      count += 1;
      bytes += size;
      if (count > FILES || size > FILE_BYTES || bytes > ALL_BYTES) {
        throw new UserError(
          `source: the Kconfig files of ${tree} are too many or too large (at ${name}: ${count} files, ${bytes} bytes); it is no kernel tree`,
        );
      }
      return readFileSync(file, 'utf8');
    },
  };
}

function realFile(root: string, name: string): string | undefined {
  try {
    const file = realpathSync(path.join(root, name));
    return file.startsWith(`${root}${path.sep}`) && statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}
