import path from 'node:path';
import type { ReadEntry } from 'tar';
import { UserError } from '../values/error.ts';

/** An entry that may be unpacked. */
export interface Admitted {
  /** Without the leading folders that are left out, and without a slash at its end. */
  readonly name: string;
  /** Where it points, for a symbolic link; relative, and within the folder. */
  readonly target?: string;
}

const FILES: readonly string[] = ['File', 'OldFile', 'ContiguousFile', 'Link'];
const NAME_LIMIT = 4096;

/**
 * Judges an entry of a tar archive by its name, its kind and what it links to, and takes its set-user-id bits away.
 * Undefined for one that `strip` leaves nothing of. Throws a UserError that names an entry which may not be unpacked.
 */
export function admitEntry(
  entry: ReadEntry,
  strip: number,
  absoluteLinks: 'refuse' | 'root',
): Admitted | undefined {
  const refuse = (why: string) => new UserError(`entry '${printable(entry.path)}' is refused: ${why}`);
  const parts = partsOf(entry.path);
  if (entry.path.startsWith('/')) throw refuse('its name is absolute');
  if (parts === undefined) throw refuse('its name climbs out of the folder, or is none');
  const name = parts.slice(strip).join('/');
  const isFolder = entry.type === 'Directory';
  if (!isFolder && !FILES.includes(entry.type) && entry.type !== 'SymbolicLink') {
    throw refuse(`it is neither a file nor a folder nor a link (${entry.type})`);
  }
  if (name === '') {
    if (isFolder) return undefined;
    throw refuse(`it does not lie in ${strip === 0 ? 'the' : 'a top'} folder`);
  }
  entry.mode = ((entry.mode ?? 0o644) & 0o777) | (isFolder ? 0o700 : 0o600);
  const link = String(entry.linkpath ?? '');
  if (entry.type === 'Link') {
    const linked = link.startsWith('/') ? undefined : partsOf(link);
    if (linked === undefined || linked.length <= strip)
      throw refuse(`it links to '${printable(link)}', outside`);
  }
  if (entry.type !== 'SymbolicLink') return { name };
  const target = targetOf(name, link, absoluteLinks);
  if (target === undefined) throw refuse(`it points to '${printable(link)}', outside`);
  return { name, target };
}

/** The parts of a relative name; undefined where one is `..`, or a system call would not take it. */
function partsOf(name: string): readonly string[] | undefined {
  if (name === '' || name.length > NAME_LIMIT || name.includes('\0')) return undefined;
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return parts.includes('..') ? undefined : parts;
}

/**
 * What a symbolic link is to point to; undefined where that is, or could be, outside. `..` may only stand at the
 * beginning: after a name it would climb from wherever a link of that name leads.
 */
function targetOf(name: string, link: string, absoluteLinks: 'refuse' | 'root'): string | undefined {
  if (link === '' || link.length > NAME_LIMIT || link.includes('\0')) return undefined;
  const depth = name.split('/').length - 1;
  if (link.startsWith('/')) {
    const parts = partsOf(link);
    if (absoluteLinks === 'refuse' || parts === undefined) return undefined;
    return path.posix.relative(path.posix.dirname(`/${name}`), `/${parts.join('/')}`) || '.';
  }
  const parts = link.split('/').filter((part) => part !== '' && part !== '.');
  const climbs = parts.findIndex((part) => part !== '..');
  const up = climbs === -1 ? parts.length : climbs;
  return up <= depth && !parts.slice(up).includes('..') ? link : undefined;
}

function printable(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
