import { UserError } from '../values/error.ts';

const CAUSES = new Map([
  ['ENOSPC', 'no space left on the disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EFBIG', 'the file-size limit is reached'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EIO', 'the disk gave an input/output error'],
  ['ENOTDIR', 'a part of the path is not a folder'],
]);

/** A UserError where a write below a folder failed for the disk's sake, and else the error itself. */
export function diskError(folder: string, error: unknown): unknown {
  const cause = CAUSES.get((error as NodeJS.ErrnoException | undefined)?.code ?? '');
  if (cause === undefined) return error;
  return new UserError(
    `${folder}: cannot be written: ${cause}; make room there, or set KERNEL_THINLTO_CACHE to a folder elsewhere`,
    { cause: error },
  );
}
