import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { applyEdits } from './equality-edits.ts';
import type { Scene } from './equality-scene.ts';

/** How a build begins: as in CI (fresh checkout, no output folder) or as a developer's (both kept). */
export type Style = 'CI' | 'kept';

/** A kernel tree as a repository. */
export interface Repository {
  readonly path: string;
  /** Commit of the tree as it was given. */
  readonly base: string;
  /** Tree object of that commit: the same for the same sources. */
  readonly content: string;
  /** Date of that commit, seconds since 1970: what the banner of the tree shows where it has no git. */
  readonly seconds: number;
}

// A release tarball brings these along with the release's time, and the tool takes that for the banner.
const DATED = ['Makefile', 'Kconfig', 'Kbuild', 'COPYING', 'CREDITS', 'MAINTAINERS', 'README'];
const HIDDEN = '.git-elsewhere';

/** Makes a repository of a plain kernel tree, or goes on with the one that is there; the tree is only read. */
export function makeRepository(repository: string, tree: string): Repository {
  const bare = [`--git-dir=${repository}`];
  if (!existsSync(path.join(repository, 'refs/heads/base'))) {
    rmSync(repository, { recursive: true, force: true });
    git(['init', '--quiet', '--bare', repository]);
    // One pack that costs nothing to read: each step checks all of it out.
    git([...bare, 'config', 'core.compression', '0']);
    const add = ['-c', 'core.bare=false', '-c', 'core.bigFileThreshold=1', 'add', '--all', '--force', '.'];
    git([...bare, `--work-tree=${tree}`, ...add], { cwd: tree });
    const made = commit(repository, git([...bare, 'write-tree']), undefined, releaseOf(tree));
    git([...bare, 'update-ref', 'refs/heads/base', made]);
  }
  const [base = '', content = '', seconds] = git([...bare, 'log', '-1', '--format=%H %T %ct', 'base']).split(
    ' ',
  );
  return { path: repository, base, content, seconds: Number(seconds) };
}

/**
 * Brings a folder to a scene. In CI's style it is a fresh clone, each file with the time of now; else only files that
 * differ are written.
 */
export function placeTree(repository: Repository, scene: Scene, place: string, style: Style): void {
  const hidden = `${place}${HIDDEN}`;
  const saved = `${place}.before`;
  const read = (file: string) => git([`--git-dir=${repository.path}`, 'show', `${repository.base}:${file}`]);
  const changed = applyEdits(scene.edits, read);
  const target = scene.tree === 'dirty' ? repository.base : commitOf(repository, changed, scene);
  const known = existsSync(path.join(place, '.git')) || (existsSync(place) && existsSync(hidden));
  if (style === 'CI' || !known) {
    rmSync(place, { recursive: true, force: true });
    rmSync(hidden, { recursive: true, force: true });
    mkdirSync(path.dirname(place), { recursive: true });
    git(['clone', '--quiet', '--shared', '--no-checkout', repository.path, place]);
  } else if (existsSync(hidden)) renameSync(hidden, path.join(place, '.git'));
  rmSync(path.join(place, '.git/index.lock'), { force: true });
  if (scene.times === 'set back') saveTimes(place, changed, saved);
  const here = ['-C', place, '-c', 'checkout.workers=2', '-c', 'advice.detachedHead=false'];
  git([...here, 'checkout', '--quiet', '--force', '--detach', target]);
  git([...here, 'clean', '-ffdxq']);
  if (scene.tree === 'dirty') write(place, changed);
  for (const file of scene.times === undefined ? [] : changed.keys()) {
    // `touch` hands times on to the nanosecond.
    const time = scene.times === 'ahead' ? ['--date=1 hour'] : ['--reference', path.join(saved, file)];
    execFileSync('touch', ['--no-create', ...time, path.join(place, file)]);
  }
  if (scene.tree !== 'no git') return;
  renameSync(path.join(place, '.git'), hidden);
  const time = repository.seconds + scene.later;
  for (const name of DATED) utimesSync(path.join(place, name), time, time);
}

function releaseOf(tree: string): number {
  const times = DATED.map((name) => statSync(path.join(tree, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.floor(Math.max(...times) / 1000);
}

function write(place: string, changed: ReadonlyMap<string, string | null>): void {
  for (const [name, text] of changed) {
    const file = path.join(place, name);
    if (text === null) rmSync(file, { force: true });
    else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }
}

/** Keeps the times of files that are about to be edited. */
function saveTimes(place: string, changed: ReadonlyMap<string, string | null>, saved: string): void {
  rmSync(saved, { recursive: true, force: true });
  for (const file of changed.keys()) {
    mkdirSync(path.dirname(path.join(saved, file)), { recursive: true });
    execFileSync('cp', ['--preserve=timestamps', path.join(place, file), path.join(saved, file)]);
  }
}

function commitOf(
  repository: Repository,
  changed: ReadonlyMap<string, string | null>,
  { later }: Scene,
): string {
  if (changed.size === 0 && later === 0) return repository.base;
  const bare = [`--git-dir=${repository.path}`];
  const index = path.join(repository.path, 'index.scene');
  rmSync(index, { force: true });
  const env = { GIT_INDEX_FILE: index };
  git([...bare, 'read-tree', repository.base], { env });
  for (const [file, text] of changed) {
    if (text === null) {
      git([...bare, 'update-index', '--force-remove', file], { env });
      continue;
    }
    const blob = git([...bare, 'hash-object', '-w', '--stdin'], { input: text }).trim();
    const mode = git([...bare, 'ls-files', '--stage', '--', file], { env }).slice(0, 6) || '100644';
    git([...bare, 'update-index', '--add', '--cacheinfo', `${mode},${blob},${file}`], { env });
  }
  return commit(
    repository.path,
    git([...bare, 'write-tree'], { env }),
    repository.base,
    repository.seconds + later,
  );
}

function commit(repository: string, tree: string, parent: string | undefined, seconds: number): string {
  const date = `${seconds} +0000`;
  const env = {
    GIT_AUTHOR_NAME: 'kernel-thinlto',
    GIT_AUTHOR_EMAIL: 'bench@localhost',
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: 'kernel-thinlto',
    GIT_COMMITTER_EMAIL: 'bench@localhost',
    GIT_COMMITTER_DATE: date,
  };
  const parents = parent === undefined ? [] : ['-p', parent];
  const made = ['commit-tree', ...parents, '-m', 'A scene', tree.trim()];
  return git([`--git-dir=${repository}`, ...made], { env }).trim();
}

interface Call {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
}

function git(args: readonly string[], { env = {}, cwd, input }: Call = {}): string {
  return execFileSync('git', args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'],
    ...(cwd !== undefined && { cwd }),
    ...(input !== undefined && { input }),
  });
}
