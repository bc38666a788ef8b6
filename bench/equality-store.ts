import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** Something that is done to a folder store before a build finds it. */
export type Damage = (store: string) => void;

/** What happens to stores, by name. */
export const DAMAGES = {
  'entry truncated': onEntry((folder) => eachFile(folder, (file, size) => truncateSync(file, size >> 1))),
  'state truncated': onEntry((folder) => {
    const file = path.join(folder, 'state.tar.zst');
    truncateSync(file, statSync(file).size >> 1);
  }),
  'entry with a flipped byte in each file': onEntry((folder) => eachFile(folder, flip)),
  'state with a flipped byte': onEntry((folder) => flipAt(path.join(folder, 'state.tar.zst'), 0.5)),
  'manifest with a flipped byte': onEntry((folder) => flipAt(path.join(folder, 'entry.json'), 0.5)),
  'entry with empty files': onEntry((folder) => eachFile(folder, (file) => truncateSync(file))),
  'entry without files': onEntry((folder) => eachFile(folder, (file) => rmSync(file))),
  'entry swapped with that of another architecture': onEntry((folder, other) => {
    rmSync(folder, { recursive: true });
    cpSync(other('arm64'), folder, { recursive: true });
  }),
  'state swapped with that of another architecture': onEntry((folder, other) =>
    copyFileSync(path.join(other('arm64'), 'state.tar.zst'), path.join(folder, 'state.tar.zst')),
  ),
  'no entries': (store) => rmSync(path.join(store, 'entries'), { recursive: true, force: true }),
  'no entries, and ccache truncated': withoutEntries((file, size) => truncateSync(file, size >> 1)),
  'no entries, and ccache with a flipped byte in each file': withoutEntries(flip),
  'no entries, and ccache with empty files': withoutEntries((file) => truncateSync(file)),
} as const satisfies Readonly<Record<string, Damage>>;
export type DamageName = keyof typeof DAMAGES;

/** Does something to the newest entry of x86_64. */
function onEntry(work: (folder: string, other: (arch: string) => string) => void): Damage {
  return (store) => work(newestEntry(store, 'x86_64'), (arch) => newestEntry(store, arch));
}

function withoutEntries(work: (file: string, size: number) => void): Damage {
  return (store) => {
    rmSync(path.join(store, 'entries'), { recursive: true, force: true });
    const folder = path.join(store, 'ccache');
    if (!existsSync(folder)) throw new Error(`${store} has no ccache in it`);
    eachFile(folder, work);
  };
}

function newestEntry(store: string, arch: string): string {
  const root = path.join(store, 'entries');
  const times = readdirSync(root)
    .filter((name) => !name.startsWith('.') && name.includes(`-${arch}-`))
    .map((name) => [statSync(path.join(root, name)).mtimeMs, name] as const)
    .sort(([a], [b]) => b - a);
  const newest = times[0]?.[1];
  if (newest === undefined) throw new Error(`${store} has no entry of ${arch} to damage`);
  return path.join(root, newest);
}

function eachFile(folder: string, work: (file: string, size: number) => void): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, name);
    const info = statSync(file, { throwIfNoEntry: false });
    if (info?.isFile() === true && info.size > 0) work(file, info.size);
  }
}

function flip(file: string): void {
  flipAt(file, 0.7);
}

/** Flips a bit at a share of a file's length. The file keeps its size, and gets a new inode: stores are linked. */
function flipAt(file: string, share: number): void {
  const bytes = readFileSync(file);
  const at = Math.min(bytes.length - 1, Math.floor(bytes.length * share));
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  rmSync(file);
  writeFileSync(file, bytes);
}
