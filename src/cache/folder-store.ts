import { type BigIntStats, constants, mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { chmod, copyFile, link, lstat, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownerIsGone, ownerTag } from '../fetch/owner.ts';
import type { Host } from '../host/host.ts';
import {
  type CacheStore,
  checkKeys,
  isKey,
  nothingBegins,
  oneLine,
  type RestoreResult,
  readEntryFiles,
  type SaveResult,
} from './store-entry.ts';

/** Entries kept of one family (a key up to its last `-`), and of all. */
const FAMILY_ENTRIES = 4;
const MOST_ENTRIES = 32;
const MOST_BYTES = 16 * 1024 ** 3;
const OWN = /^\.(?:staging|reading)-([0-9a-f]{8}-\d+)-/;
const OLD_MS = 24 * 3600 * 1000;
const TRIES = 9;

/**
 * A store in a folder: FOLDER/entries/KEY/. Any number of runs may use it at once.
 *
 * An entry is seen whole or not at all: it gets its name by one rename. One of the same key is replaced, because the
 * later build knows more (the first may have failed half-way). The newest is told by the time of its save. `save`
 * keeps the 4 newest of a family and 32 in all. `restore` copies nothing: it gives hard links of this run's own, which
 * stay when the entry is removed; where links cannot be made (a read-only folder), the entry's folder itself.
 */
export function folderStore(host: Pick<Host, 'signal'>, folder: string): CacheStore {
  const root = path.join(path.resolve(folder), 'entries');
  const readOnly = whyReadOnly(root);
  return {
    name: folder,
    folder,
    readOnly,
    async restore(prefixes) {
      checkKeys(prefixes);
      try {
        if (readOnly === undefined) await sweep(root);
        return await restore(host.signal, root, prefixes, readOnly === undefined);
      } catch (error) {
        host.signal.throwIfAborted();
        return { none: `${folder} cannot be read (${oneLine(error)})` };
      }
    },
    async save(key, source) {
      checkKeys([key]);
      if (readOnly !== undefined) return { saved: false, reason: readOnly };
      try {
        return await save(host.signal, root, key, source);
      } catch (error) {
        host.signal.throwIfAborted();
        return { saved: false, reason: `${folder} cannot be written (${oneLine(error)})` };
      }
    },
  };
}

function whyReadOnly(root: string): string | undefined {
  try {
    mkdirSync(root, { recursive: true });
    rmdirSync(mkdtempSync(path.join(root, `.staging-${ownerTag()}-`)));
    return undefined;
  } catch (error) {
    return `${root} cannot be written (${oneLine(error)})`;
  }
}

interface Entry {
  readonly key: string;
  readonly folder: string;
  readonly info: BigIntStats;
}

/** All entries, newest first. */
async function listEntries(root: string): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (const key of await readdir(root).catch(ignoring('ENOENT', []))) {
    if (!isKey(key)) continue;
    const folder = path.join(root, key);
    const info = await lstat(folder, { bigint: true }).catch(ignoring('ENOENT', undefined));
    if (info?.isDirectory()) found.push({ key, folder, info });
  }
  return found.sort((a, b) => Number(b.info.mtimeNs - a.info.mtimeNs) || (a.key < b.key ? 1 : -1));
}

async function restore(
  signal: AbortSignal,
  root: string,
  prefixes: readonly string[],
  canLink: boolean,
): Promise<RestoreResult> {
  let reason = nothingBegins(prefixes);
  // Savers may replace and remove what is being looked at; then there is something newer to look at.
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const entries = await listEntries(root);
    const ranked = new Set(prefixes.flatMap((prefix) => entries.filter(({ key }) => key.startsWith(prefix))));
    let moved = false;
    for (const entry of ranked) {
      signal.throwIfAborted();
      const taken = await take(root, entry, canLink);
      moved = taken === 'moved';
      if (moved) break;
      if (typeof taken === 'string') reason = taken;
      else return { found: { key: entry.key, ...taken } };
    }
    // One that is being replaced has no name for a moment.
    if (ranked.size === 0 && (await readdir(root)).some((name) => name.startsWith('.staging-'))) moved = true;
    if (!moved) return { none: reason };
    await sleep(5 * attempt);
  }
  return { none: reason };
}

/** A folder with an entry's files; `moved` where another run replaced or removed it meanwhile; else why it is none. */
async function take(root: string, entry: Entry, canLink: boolean) {
  try {
    const files = await readEntryFiles(entry.folder, MOST_BYTES);
    if ('refused' in files) return `${entry.key}: ${files.refused}`;
    const own = canLink ? await linkFiles(root, entry.folder, files.names) : undefined;
    const now = await lstat(entry.folder, { bigint: true });
    const { ino, mtimeNs, birthtimeNs } = entry.info;
    if (now.ino !== ino || now.mtimeNs !== mtimeNs || now.birthtimeNs !== birthtimeNs) return 'moved';
    if (own === undefined) return { folder: entry.folder, bytes: files.bytes, release: async () => {} };
    const linked = await readEntryFiles(own, MOST_BYTES);
    if ('refused' in linked) return `${entry.key}: ${linked.refused}`;
    return { folder: own, bytes: linked.bytes, release: () => removed(own) };
  } catch (error) {
    return ignoring('ENOENT', 'moved' as const)(error);
  }
}

function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

/** Hard links of this process's own; undefined where the file system has none or forbids them. */
async function linkFiles(root: string, folder: string, names: readonly string[]) {
  const own = await mkdtemp(path.join(root, `.reading-${ownerTag()}-`));
  try {
    for (const name of names) await link(path.join(folder, name), path.join(own, name));
    return own;
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    if (isUnlinkable(error)) return undefined;
    throw error;
  }
}

async function save(signal: AbortSignal, root: string, key: string, source: string): Promise<SaveResult> {
  const files = await readEntryFiles(source, MOST_BYTES);
  if ('refused' in files) return { saved: false, reason: files.refused };
  await sweep(root);
  const staging = await mkdtemp(path.join(root, `.staging-${ownerTag()}-`));
  try {
    for (const name of files.names) {
      signal.throwIfAborted();
      const [from, to] = [path.join(source, name), path.join(staging, name)];
      await link(from, to).catch((error) => {
        if (!isUnlinkable(error)) throw error;
        return copyFile(from, to, constants.COPYFILE_FICLONE);
      });
    }
    await chmod(staging, 0o755);
    const now = new Date();
    await utimes(staging, now, now);
    await putInPlace(root, staging, path.join(root, key));
    await evict(root, key);
    return { saved: true, bytes: files.bytes };
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function putInPlace(root: string, staging: string, final: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(staging, final);
    } catch (error) {
      const code = codeOf(error);
      if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(code) || attempt === TRIES) throw error;
    }
    await remove(root, final);
  }
}

/** Removes an entry. Its name is gone at once, so that nobody sees it in part. */
async function remove(root: string, folder: string): Promise<void> {
  const aside = await mkdtemp(path.join(root, `.staging-${ownerTag()}-`));
  await rename(folder, path.join(aside, 'old')).catch(ignoring('ENOENT', undefined));
  await rm(aside, { recursive: true, force: true });
}

async function evict(root: string, saved: string): Promise<void> {
  const family = (key: string) => key.slice(0, Math.max(0, key.lastIndexOf('-'))) || key;
  const inFamily = new Map<string, number>([[family(saved), 1]]);
  let all = 1;
  for (const { key, folder } of await listEntries(root)) {
    if (key === saved) continue;
    const count = (inFamily.get(family(key)) ?? 0) + 1;
    if (count > FAMILY_ENTRIES || all >= MOST_ENTRIES) {
      await remove(root, folder);
      continue;
    }
    inFamily.set(family(key), count);
    all += 1;
  }
}

/** Removes what runs left that are dead, or a day old. */
async function sweep(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const tag = OWN.exec(name)?.[1];
    if (tag === undefined) continue;
    const info = await stat(path.join(root, name)).catch(ignoring('ENOENT', undefined));
    if (info === undefined) continue;
    if (ownerIsGone(tag) || Date.now() - info.mtimeMs > OLD_MS) {
      await rm(path.join(root, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

// Another file system, none with links, too many of them, or another user's file (fs.protected_hardlinks).
function isUnlinkable(error: unknown): boolean {
  return ['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}

/** For a catch: gives `value` in place of an error of one code, and throws any other. */
function ignoring<T>(code: string, value: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) !== code) throw error;
    return value;
  };
}
