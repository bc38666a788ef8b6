import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../values/error.ts';

/** An entry: a folder of a few files, found under a key. */
export interface FoundEntry {
  readonly key: string;
  readonly folder: string;
  readonly bytes: number;
  /** Removes what was laid down for this run to read; without it that goes with a later one. Never throws. */
  release(): Promise<void>;
}

/** `none` is the reason, one line for people. */
export type RestoreResult = { readonly found: FoundEntry } | { readonly none: string };

export type SaveResult =
  | { readonly saved: true; readonly bytes: number }
  | { readonly saved: false; readonly reason: string };

export interface CacheStore {
  /** For people: `GitHub's cache`, or the folder. */
  readonly name: string;
  /** Where the store is a folder of this machine. */
  readonly folder?: string;
  /** Why no entry can be saved, in one line; undefined where one can. */
  readonly readOnly: string | undefined;
  /**
   * The entry that begins with the first prefix that any begins with; of those the newest. Its files are for reading
   * only, and stand until they are released. Throws only for cancellation, and for a prefix that is no key.
   */
  restore(prefixes: readonly string[]): Promise<RestoreResult>;
  /**
   * Saves the files of a folder as the entry of a key. They may be linked: nobody may touch them meanwhile, nor write into
   * them afterwards; removing them then is fine. Throws only for cancellation, and for what is no key.
   */
  save(key: string, folder: string): Promise<SaveResult>;
}

// A key names a folder (255 bytes at most); GitHub's own limits are 512 characters and no comma.
const KEY = /^\w[\w.+=-]{0,199}$/;
const FILE = /^\w[\w.-]{0,99}$/;
const MOST_FILES = 16;

/** Whether a text can be a key: 1 to 200 of `A-Z a-z 0-9 _ . + = -`, the first a letter, a digit or `_`. */
export function isKey(text: string): boolean {
  return KEY.test(text);
}

/** Throws where one of the texts is no key: a defect of the caller. */
export function checkKeys(texts: readonly string[]): void {
  const wrong = texts.find((text) => !isKey(text));
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)}: not a key of the cache`);
}

export interface EntryFiles {
  readonly names: readonly string[];
  readonly bytes: number;
}

/**
 * The files of an entry's folder: 1 to 16 plain files with plain names, of `maxBytes` together at most; else why it is
 * none, in one line. `ownLinks`: files that have another name somewhere are refused too.
 */
export async function readEntryFiles(
  folder: string,
  maxBytes: number,
  ownLinks = false,
): Promise<EntryFiles | { readonly refused: string }> {
  const info = await lstat(folder);
  if (!info.isDirectory()) return { refused: 'the entry is no folder' };
  const names = await readdir(folder);
  if (names.length === 0) return { refused: 'the entry is empty' };
  if (names.length > MOST_FILES) return { refused: `the entry has more than ${MOST_FILES} files` };
  let bytes = 0;
  for (const name of names) {
    if (!FILE.test(name)) return { refused: `the entry has a file of the name ${JSON.stringify(name)}` };
    const file = await lstat(path.join(folder, name));
    if (!file.isFile()) return { refused: `${name} in the entry is no plain file` };
    if (ownLinks && file.nlink !== 1) return { refused: `${name} in the entry is linked to another file` };
    bytes += file.size;
  }
  if (bytes > maxBytes) return { refused: `the entry has ${bytes} bytes, more than ${maxBytes}` };
  return { names: names.sort(), bytes };
}

/** The message of anything thrown, in one line. */
export function oneLine(error: unknown): string {
  return messageOf(error).split(/[\r\n]/, 1)[0] ?? '';
}

/** What there is to say where no entry was found. */
export function nothingBegins(prefixes: readonly string[]): string {
  return `no entry begins with ${prefixes.join(' or ')}`;
}
