import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { readGit } from '../kernel/git.ts';
import { UserError } from '../values/error.ts';

/** What every file of a source tree holds, told by content and never by times. */
export interface Sources {
  /** `git`: blob ids; `digests`: SHA-256. Lists of different kinds have nothing in common. */
  readonly kind: 'git' | 'digests';
  /** By path relative to the tree: file mode and id. */
  readonly ids: ReadonlyMap<string, string>;
}

const LIST_LIMIT = 256 << 20;
const MOST_FILES = 1_000_000;
/** Untracked files are read one by one; so many are another build's output. */
const MOST_UNTRACKED = 20_000;

// What Python keeps of its own, which it compares with the source file itself.
const PYTHONS_OWN = /(?:^|\/)__pycache__\//;

/**
 * Lists the files of a source tree (absolute, links resolved), without folders in it that are none of its own: from
 * git's index, with the content of what git sees as touched or does not track, or by reading every file where there
 * is no git.
 */
export async function readSources(
  host: Pick<Host, 'run' | 'env' | 'signal'>,
  tree: string,
  without: readonly string[],
): Promise<Sources> {
  const skip = without
    .map((folder) => path.relative(tree, existsSync(folder) ? realpathSync(folder) : folder))
    .filter((name) => !name.startsWith('..') && !path.isAbsolute(name));
  const ids = await readIndex(host, tree, skip).catch((error: unknown) => {
    if (error instanceof UserError && !host.signal.aborted) return undefined;
    throw error;
  });
  if (ids !== undefined) return { kind: 'git', ids };
  return { kind: 'digests', ids: readAll(tree, skip, host.signal) };
}

/** Files whose content, or whose being there, differs between two lists of one tree. */
export function differing(before: Sources, now: Sources): readonly string[] {
  if (before.kind !== now.kind) return [...new Set([...before.ids.keys(), ...now.ids.keys()])];
  const changed = [...now.ids].filter(([name, id]) => before.ids.get(name) !== id).map(([name]) => name);
  const gone = [...before.ids.keys()].filter((name) => !now.ids.has(name));
  return [...changed, ...gone];
}

async function readIndex(
  host: Pick<Host, 'run' | 'env'>,
  tree: string,
  skip: readonly string[],
): Promise<Map<string, string> | undefined> {
  const git = async (...args: readonly string[]) => {
    const { code, stdout } = await readGit(host, tree, args, LIST_LIMIT);
    return code === 0 && stdout.length < LIST_LIMIT
      ? stdout.split('\0').filter((one) => one !== '')
      : undefined;
  };
  // A file that git converts on checkout is not the blob.
  const converts = await readGit(host, tree, ['config', '--get-regexp', '^core\\.(autocrlf|eol)$'], 4096);
  if (/ (true|input|crlf|native)\s*$/im.test(converts.stdout)) return undefined;
  const [tracked, touched, others] = await Promise.all([
    git('ls-files', '-s', '-v', '-z'),
    git('diff-files', '--name-only', '--relative', '-z', '--ignore-submodules=all'),
    git('ls-files', '-o', '-z'),
  ]);
  if (tracked === undefined || touched === undefined || others === undefined) return undefined;
  const ids = new Map<string, string>();
  const read = new Set<string>(touched);
  let algorithm = 'sha1';
  for (const line of tracked) {
    const [, tag, mode, id, name] = /^(\S) (\d{6}) ([0-9a-f]{40,64}) \d\t(.+)$/s.exec(line) ?? [];
    if (tag === undefined || mode === undefined || id === undefined || name === undefined) return undefined;
    // A repository inside, whose files are not in this index.
    if (mode === '160000') return undefined;
    if (id.length === 64) algorithm = 'sha256';
    // Other tags than H mean that git does not look at the file, or that it is in conflict.
    if (tag !== 'H') read.add(name);
    ids.set(name, `${mode} ${id}`);
  }
  // A tarball unpacked below somebody's repository is not of it.
  if (!ids.has('Makefile')) return undefined;
  const untracked = others.filter((name) => !isBelow(name, skip) && !PYTHONS_OWN.test(name));
  if (untracked.length > MOST_UNTRACKED) return undefined;
  for (const name of [...read, ...untracked]) {
    const id = idOf(path.join(tree, name), (bytes) =>
      createHash(algorithm).update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
    );
    if (id === undefined) ids.delete(name);
    else ids.set(name, id);
  }
  return ids;
}

function readAll(tree: string, skip: readonly string[], signal: AbortSignal): Map<string, string> {
  const ids = new Map<string, string>();
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const entry of readdirSync(path.join(tree, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (name === '.git' || isBelow(name, skip) || entry.name === '__pycache__') continue;
      if (entry.isDirectory()) folders.push(name);
      else {
        const id = idOf(path.join(tree, name), (bytes) => createHash('sha256').update(bytes).digest('hex'));
        if (id !== undefined) ids.set(name, id);
      }
      if (ids.size > MOST_FILES) throw new UserError(`source: ${tree} has more than ${MOST_FILES} files`);
    }
  }
  return ids;
}

function isBelow(name: string, folders: readonly string[]): boolean {
  return folders.some((folder) => folder === '' || name === folder || name.startsWith(`${folder}/`));
}

/** Mode, as git writes it, and digest of a file or link; undefined where there is none or it cannot be read. */
function idOf(file: string, digest: (bytes: Buffer) => string): string | undefined {
  try {
    const info = lstatSync(file);
    if (info.isSymbolicLink()) return `120000 ${digest(Buffer.from(readlinkSync(file)))}`;
    if (!info.isFile()) return undefined;
    return `${(info.mode & 0o100) === 0 ? '100644' : '100755'} ${digest(readFileSync(file))}`;
  } catch {
    return undefined;
  }
}
