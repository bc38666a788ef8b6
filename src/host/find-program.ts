import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../values/error.ts';

/**
 * The file of a program: a name is looked up in `searchPath` (PATH; relative folders in it do not count), a path
 * is taken from `cwd`. Throws a UserError where there is none.
 */
export function findProgram(program: string, searchPath: string | undefined, cwd: string): string {
  if (program.includes('/')) {
    const file = path.resolve(cwd, program);
    if (isProgram(file)) return file;
    throw new UserError(`${program} is not installed; there is no such program`);
  }
  for (const folder of (searchPath ?? '').split(':')) {
    const file = path.join(folder, program);
    if (program !== '' && path.isAbsolute(folder) && isProgram(file)) return file;
  }
  throw new UserError(`${program} is not installed; it is in no folder of PATH`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** An environment without the names that have no value. */
export function definedOf(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
