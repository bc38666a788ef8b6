import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Arch } from '../values/arch.ts';

/**
 * A digest over those headers of a tree that hide another one of the same name from a compiler. A compiler cache that
 * knows a translation unit by the headers that it read cannot see that a new one would be found before them
 * (https://ccache.dev/manual/latest.html, "The direct mode"), so this digest is part of its key. It depends on paths
 * and on the names in makefiles, and so is the same for all trees with the same such headers.
 */
export function shadowingDigest(files: Iterable<string>, arch: Arch, read: (name: string) => string): string {
  const elsewhere = (name: string) => name.startsWith('arch/') && !name.startsWith(`arch/${arch.srcArch}/`);
  const all = [...files];
  const headers = all.filter((name) => /\.(?:h|inc|def)$/.test(name) && !elsewhere(name));
  const roots = [
    `arch/${arch.srcArch}/include/`,
    'include/',
    `arch/${arch.srcArch}/include/uapi/`,
    'include/uapi/',
  ];
  const found = new Set(headers);
  const byPlace = new Map<string, string[]>();
  for (const name of headers) {
    // Headers beside each other, or in folders of one subsystem that search each other's.
    const place = `${name.split('/').slice(0, 2).join('/')}\0${path.posix.basename(name)}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), name]);
  }
  const hiding = new Set([...byPlace.values()].filter((names) => names.length > 1).flat());
  for (const name of headers) {
    const parts = name.split('/');
    // What follows a folder in the path may be just what an include line asks of a later folder.
    for (let at = 1; at < parts.length; at++) {
      const asked = parts.slice(at).join('/');
      if (roots.some((root) => `${root}${asked}` !== name && found.has(`${root}${asked}`))) hiding.add(name);
    }
  }
  // A header that the build generates is named where it is made.
  const generated = new Set(
    all
      .filter((name) => /(?:^|\/)(?:Makefile|Kbuild)[^/]*$/.test(name) && !elsewhere(name))
      .flatMap((name) => read(name).match(/[\w.+-]+\.(?:h|inc|def)\b/g) ?? []),
  );
  for (const name of headers) if (generated.has(path.posix.basename(name))) hiding.add(name);
  return createHash('sha256')
    .update([...hiding].sort().join('\0'))
    .digest('hex');
}
