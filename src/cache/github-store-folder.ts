import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ENTRY, type StoreAnswer, type StoreCall } from './github-store-child.ts';
import { type FoundEntry, isKey, oneLine, readEntryFiles } from './store-entry.ts';

/** The parts of the working folder of one call. */
export interface CallFolder {
  readonly root: string;
  /** Holds the entry's folder; @actions/cache packs and unpacks relative to it. */
  readonly files: string;
  /** For archives. */
  readonly temp: string;
  /** First in the call's PATH. */
  readonly bin: string;
  /** The file of the call's answer. */
  readonly result: string;
}

/** Names the tar that the one in `bin` runs. */
export const TAR_VARIABLE = 'KERNEL_THINLTO_TAR';
// @actions/cache says -P, with which an archive may write anywhere: to absolute names, and through its own links.
const TAR = `#!/bin/sh
for argument do
  shift
  [ "$argument" = -P ] || set -- "$@" "$argument"
done
exec "$${TAR_VARIABLE}" "$@"
`;
const ANSWER_BYTES = 4096;

/** RUNNER_TEMP/kernel-thinlto-restore (or -save), emptied. Throws where it cannot be made. */
export async function makeCallFolder(
  what: StoreCall['what'],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CallFolder> {
  const base = env.RUNNER_TEMP || os.tmpdir();
  await mkdir(base, { recursive: true });
  const root = path.join(await realpath(base), `kernel-thinlto-${what}`);
  // @actions/cache puts such paths into command lines as they are.
  if (/[^\w/.+=,:@-]/.test(root)) throw new Error(`${root}: the path of RUNNER_TEMP has odd characters`);
  await rm(root, { recursive: true, force: true });
  const at = (name: string) => path.join(root, name);
  const folder = { root, files: at('files'), temp: at('temp'), bin: at('bin'), result: at('answer.json') };
  for (const part of [folder.files, folder.temp, folder.bin]) await mkdir(part, { recursive: true });
  await writeFile(path.join(folder.bin, 'tar'), TAR, { mode: 0o755 });
  return folder;
}

/** Puts an entry's files where a call packs them from: links, or copies where those cannot be. */
export async function fillCallFolder(
  folder: CallFolder,
  source: string,
  names: readonly string[],
): Promise<void> {
  const target = path.join(folder.files, ENTRY);
  await mkdir(target);
  for (const name of names) {
    const [from, to] = [path.join(source, name), path.join(target, name)];
    await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_FICLONE));
  }
}

/** What a call answered; throws where it ended without an answer. */
export async function readAnswer({ result }: CallFolder): Promise<StoreAnswer> {
  const info = await lstat(result).catch(() => undefined);
  if (info === undefined || !info.isFile() || info.size > ANSWER_BYTES) {
    // @actions/cache waits for ever for the rest of an answer that was cut, with nothing that keeps a process alive.
    throw new Error('its client ended without an answer: the connection was cut');
  }
  const { key, error } = JSON.parse(await readFile(result, 'utf8'));
  return {
    ...(typeof key === 'string' && { key }),
    ...(typeof error === 'string' && { error: oneLine(error) }),
  };
}

/** The entry that a call restored, after a look at what the archive left; else why it is none, in one line. */
export async function readRestored(
  { files }: CallFolder,
  key: string,
  prefixes: readonly string[],
  maxBytes: number,
): Promise<Omit<FoundEntry, 'release'> | string> {
  if (!isKey(key) || !prefixes.some((prefix) => key.startsWith(prefix))) {
    return `the cache answered with an entry that was not asked for (${JSON.stringify(key.slice(0, 100))})`;
  }
  const names = await readdir(files);
  if (names.join() !== ENTRY) return `${key}: its archive holds other things than an entry`;
  const found = path.join(files, ENTRY);
  const read = await readEntryFiles(found, maxBytes, true);
  return 'refused' in read ? `${key}: ${read.refused}` : { key, folder: found, bytes: read.bytes };
}
