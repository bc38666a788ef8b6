import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Identity } from './state.ts';

/** Folders with the headers that host programs are compiled with; kbuild does not follow them (`-MMD`). */
const HEADERS = ['/usr/include', '/usr/include/openssl', '/usr/include/linux'];
/** Programs of the host that Kconfig asks, or that make files of a build. */
const PROGRAMS = [
  ...['pahole', 'rustc', 'bindgen', 'python3', 'perl', 'awk', 'bc', 'flex', 'bison', 'm4', 'gcc'],
  ...['gzip', 'bzip2', 'xz', 'lzop', 'lz4', 'zstd', 'cpio', 'tar', 'openssl', 'make'],
];
const OS_RELEASE = '/etc/os-release';

/** What a build depends on beyond its sources, on this host. */
export function identityOf(
  env: Host['env'],
  arch: string,
  toolchain: string,
  source: string,
  output: string,
): Identity {
  return { arch, toolchain, source, output, host: hostSystem(env.PATH ?? '') };
}

/** The host's system: name, C library, and a digest over its headers and programs (`debian-12-glibc2.36-0123abcd`). */
function hostSystem(searched: string): string {
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
  for (const program of PROGRAMS) {
    const found = searched
      .split(path.delimiter)
      .filter((folder) => path.isAbsolute(folder))
      .map((folder) => statSync(path.join(folder, program), { throwIfNoEntry: false }))
      .find((info) => info?.isFile());
    digest.update(`${program}\0${found?.size}\0${Math.floor((found?.mtimeMs ?? 0) / 1000)}\0`);
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
