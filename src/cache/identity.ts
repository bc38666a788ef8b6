import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Identity } from './state.ts';

/** Folders with the headers that host programs are compiled with; kbuild does not follow them (`-MMD`). */
const HEADERS = ['/usr/include', '/usr/include/openssl', '/usr/include/linux'];
const OS_RELEASE = '/etc/os-release';

/** What a build depends on beyond its sources, on this host. */
export function identityOf(arch: string, toolchain: string, source: string, output: string): Identity {
  return { arch, toolchain, source, output, host: hostSystem() };
}

/** The host's system by name, C library, and a digest over its header files: `debian-12-glibc2.36-0123abcd`. */
function hostSystem(): string {
  const release = readText(OS_RELEASE);
  const field = (name: string) =>
    new RegExp(`^${name}="?([\\w.-]{1,32})"?$`, 'm').exec(release)?.[1] ?? 'unknown';
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  const digest = createHash('sha256');
  for (const folder of HEADERS) {
    for (const name of list(folder)) {
      const info = lstatSync(path.join(folder, name), { throwIfNoEntry: false });
      // Packages bring their files' times along.
      if (info?.isFile()) digest.update(`${name}\0${info.size}\0${Math.floor(info.mtimeMs / 1000)}\0`);
    }
  }
  const libc = header.glibcVersionRuntime ?? 'other-libc';
  return `${field('ID')}-${field('VERSION_ID')}-glibc${libc}-${digest.digest('hex').slice(0, 8)}`;
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(0, 65536);
  } catch {
    return '';
  }
}
