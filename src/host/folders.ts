import { accessSync, constants, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { messageOf, UserError } from '../values/error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the cache folder is: KERNEL_THINLTO_CACHE, or below the user's cache folder (XDG Base Directory). */
export function cacheFolderPath(env: Environment): string {
  if (env.KERNEL_THINLTO_CACHE) return path.resolve(env.KERNEL_THINLTO_CACHE);
  const home = env.HOME && path.isAbsolute(env.HOME) ? env.HOME : os.homedir();
  // A relative path in the variable is to be ignored, says the specification.
  const base =
    env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME)
      ? env.XDG_CACHE_HOME
      : path.join(home, '.cache');
  return path.join(base, 'kernel-thinlto');
}

/** Makes the cache folder and returns its path. Throws a UserError where nothing can be written there. */
export function openCacheFolder(env: Environment): string {
  const folder = cacheFolderPath(env);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    throw new UserError(
      `cache folder: ${folder} cannot be written (${messageOf(error).split(',', 1)[0]}); set KERNEL_THINLTO_CACHE to a folder that can`,
    );
  }
}

/** Sets what @actions/tool-cache reads, where there is no runner that did. */
export function setToolFolders(env: Record<string, string | undefined>): void {
  const folder = cacheFolderPath(env);
  env.RUNNER_TOOL_CACHE ||= path.join(folder, 'tools');
  env.RUNNER_TEMP ||= path.join(folder, 'tmp');
}
