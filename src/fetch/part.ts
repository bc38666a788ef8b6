import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { ownerIsGone, ownerTag } from './owner.ts';

/** A new name for this process's part of a download; `stem` says what it is to become. */
export function partOf(folder: string, stem: string): string {
  return path.join(folder, `${stem}.${ownerTag()}.${randomBytes(4).toString('hex')}.part`);
}

const OLD_MS = 7 * 24 * 3600 * 1000;

/** Makes the largest part that a dead process left of a stem this process's own, and removes old ones of any stem. */
export async function takeOver(folder: string, stem: string, part: string): Promise<boolean> {
  const found: { name: string; size: number }[] = [];
  for (const name of await readdir(folder)) {
    const tag = /\.([0-9a-f]{8}-\d+)\.[0-9a-f]{8}\.part$/.exec(name);
    const info = tag && (await stat(path.join(folder, name)).catch(() => undefined));
    if (!info) continue;
    if (Date.now() - info.mtimeMs > OLD_MS) await rm(path.join(folder, name), { force: true });
    else if (name.slice(0, tag.index) === stem && ownerIsGone(tag[1] ?? ''))
      found.push({ name, size: info.size });
  }
  for (const { name } of found.sort((a, b) => b.size - a.size)) {
    // Only one of those who try gets it.
    const mine = rename(path.join(folder, name), part).then(
      () => true,
      () => false,
    );
    if (await mine) return true;
  }
  return false;
}
