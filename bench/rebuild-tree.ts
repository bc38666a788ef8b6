import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Config, ROWS, type Row } from './rebuild-rows.ts';

/** A commit of the measured tree. */
export interface Commit {
  readonly id: string;
  /** Seconds since 1970. */
  readonly seconds: number;
}

/** The tree as a repository, with the sources of each row as a commit on top of the first. */
export interface Repository {
  readonly path: string;
  readonly base: Commit;
  readonly rows: ReadonlyMap<string, Commit>;
}

// Any date will do, as long as a commit comes out the same each time: what was measured is found again by its id.
const FIRST = 1_767_225_600;
const PERSON = { name: 'kernel-thinlto', email: 'bench@localhost' };

/**
 * Makes a repository of a plain kernel tree, or goes on with the one that is there; the tree is only read. Commits are
 * the same ones in each run. Throws where an edit's text is not in its file exactly once.
 */
export function makeRepository(folder: string, tree: string, config: Config): Repository {
  const repository = path.join(folder, 'repo.git');
  if (!existsSync(repository)) git(['init', '--quiet', '--bare', repository]);
  const at = (...args: string[]) => [`--git-dir=${repository}`, `--work-tree=${tree}`, ...args];
  // What the tree's .gitignore names is in it all the same.
  git(at('-c', 'core.bare=false', 'add', '--all', '--force', '.'), {}, tree);
  const base = commit(repository, git(at('write-tree')), undefined, 'The tree', FIRST);
  // A checkout of loose objects takes minutes; without a search for deltas the packing does not.
  if (readdirSync(path.join(repository, 'objects/pack')).length === 0)
    git([`--git-dir=${repository}`, 'repack', '-a', '-d', '-q', '--window=0']);
  const rows = new Map<string, Commit>();
  for (const [place, row] of ROWS.entries()) rows.set(row.name, edited(repository, base, row, config, place));
  return { path: repository, base, rows };
}

/** Files in which a commit differs from the first one, relative to the tree. */
export function changedFiles(repository: Repository, to: Commit): readonly string[] {
  const names = git([`--git-dir=${repository.path}`, 'diff', '--name-only', '-z', repository.base.id, to.id]);
  return names.split('\0').filter((name) => name !== '');
}

/** Checks a commit out, all files anew: with the times of now, as in CI. What was at the place is removed. */
export function freshCheckout(repository: Repository, to: Commit, place: string): void {
  rmSync(place, { recursive: true, force: true });
  git(['clone', '--quiet', '--shared', '--no-checkout', repository.path, place]);
  git(['-C', place, 'checkout', '--quiet', '--detach', to.id]);
}

function edited(repository: string, base: Commit, row: Row, config: Config, place: number): Commit {
  const edit = row.edit?.[config];
  if (edit === undefined) return base;
  const at = (...args: string[]) => [`--git-dir=${repository}`, ...args];
  const before = git(at('show', `${base.id}:${edit.file}`));
  if (before.split(edit.find).length !== 2) {
    throw new Error(`row ${row.name}: its text is not in ${edit.file} exactly once; adapt it to this tree`);
  }
  const after = before.replace(edit.find, () => edit.replace);
  const blob = git(at('hash-object', '-w', '--stdin'), {}, undefined, after).trim();
  const index = path.join(repository, `index.${row.name}`);
  rmSync(index, { force: true });
  const env = { GIT_INDEX_FILE: index };
  git(at('read-tree', base.id), env);
  git(at('update-index', '--cacheinfo', `100644,${blob},${edit.file}`), env);
  return commit(repository, git(at('write-tree'), env), base, row.title, FIRST + (place + 1) * 60);
}

function commit(
  repository: string,
  tree: string,
  parent: Commit | undefined,
  message: string,
  seconds: number,
): Commit {
  const date = `${seconds} +0000`;
  const env = {
    GIT_AUTHOR_NAME: PERSON.name,
    GIT_AUTHOR_EMAIL: PERSON.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: PERSON.name,
    GIT_COMMITTER_EMAIL: PERSON.email,
    GIT_COMMITTER_DATE: date,
  };
  const parents = parent === undefined ? [] : ['-p', parent.id];
  const id = git(
    [`--git-dir=${repository}`, 'commit-tree', ...parents, '-m', message, tree.trim()],
    env,
  ).trim();
  // A reference, so that no clean-up takes it.
  git([`--git-dir=${repository}`, 'update-ref', `refs/heads/${id.slice(0, 12)}`, id]);
  return { id, seconds };
}

function git(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
  input?: string,
): string {
  return execFileSync('git', args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'],
    ...(cwd !== undefined && { cwd }),
    ...(input !== undefined && { input }),
  });
}
