import { lstat, mkdir, symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../values/error.ts';

/**
 * Makes symbolic links (name to target, both judged by `admitEntry`) in a folder, in the place of files of their names.
 * Throws a UserError that names the archive `file` and a link that would replace a folder, or lie behind another link.
 */
export async function makeLinks(
  file: string,
  folder: string,
  links: ReadonlyMap<string, string>,
): Promise<void> {
  const real = new Set([folder]);
  for (const [name, target] of links) {
    const place = path.join(folder, name);
    await makeRealFolder(file, folder, path.dirname(name), real);
    const there = await lstat(place).catch(() => undefined);
    if (there?.isDirectory())
      throw new UserError(`${file}: entry '${name}' is refused: a link in the place of a folder`);
    if (there !== undefined) await unlink(place);
    await symlink(target, place);
  }
}

/** Makes a folder with those above it; none of them may be a link, for what is put there would go elsewhere. */
async function makeRealFolder(file: string, root: string, name: string, real: Set<string>): Promise<void> {
  let at = root;
  for (const part of name.split('/').filter((one) => one !== '' && one !== '.')) {
    at = path.join(at, part);
    if (real.has(at)) continue;
    await mkdir(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (!(await lstat(at)).isDirectory())
      throw new UserError(`${file}: entry in '${name}' is refused: ${part} is no folder`);
    real.add(at);
  }
}
