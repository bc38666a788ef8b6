import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { readGit } from './git.ts';

export interface Commit {
  /** 40 hex digits, or 64 in a repository of SHA-256. */
  readonly id: string;
  /** When it was committed, in seconds since 1970. */
  readonly seconds: number;
}

/** The commit that a kernel tree is checked out at; undefined where it is in no git work tree, or git is not there. */
export async function readCommit(host: Pick<Host, 'run' | 'env'>, tree: string): Promise<Commit | undefined> {
  const git = (...args: readonly string[]) => readGit(host, tree, args, 4096);
  try {
    const { code, stdout } = await git('log', '-1', '--format=%H %ct');
    const [, id, seconds] = /^([0-9a-f]{40,64}) (\d{1,12})$/m.exec(stdout) ?? [];
    if (code !== 0 || id === undefined) return undefined;
    // A tarball unpacked below somebody's repository is not a commit of it.
    const known = await git('ls-files', '--error-unmatch', 'Makefile');
    return known.code === 0 ? { id, seconds: Number(seconds) } : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
