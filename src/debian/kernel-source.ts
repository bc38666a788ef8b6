import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { unpackDeb } from '../fetch/archive.ts';
import { diskError } from '../fetch/disk.ts';
import { isUnreachable } from '../fetch/download.ts';
import { ownerIsGone, ownerTag } from '../fetch/owner.ts';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';
import { codeNameOf, debianArch, readSuite } from './archive.ts';
import { downloadPackages } from './debs.ts';
import type { DebianPackage } from './packages.ts';
import type { ArchiveSetting } from './release.ts';
import { compareDebian, upstreamOf } from './version.ts';

/** Which kernel to get: a series such as `6.12`, or the newest of the same major version from `minimum` on. */
export type WantedKernel = { readonly series: string } | { readonly minimum: string };

export interface KernelSource {
  readonly folder: string;
  /** Of the Debian package: `7.3.4-1~bpo13+1`. */
  readonly version: string;
}

const UNPACK_SECONDS = 1800;
const FRESH_MS = 24 * 3600 * 1000;
const FOLDER = /^linux-source-(\d+\.\d+)_([A-Za-z0-9.+~_-]+)$/;

/**
 * Gets the tree of a kernel from Debian's archive (package `linux-source-X.Y`, of the suite that has the newest) into
 * the cache folder. A tree that is there and was the newest within the last day is taken without asking, and an older
 * one where the archive cannot be reached. Throws a UserError where no suite has it.
 */
export async function fetchKernelSource(
  host: Host,
  wanted: WantedKernel,
  setting: ArchiveSetting = {},
): Promise<KernelSource> {
  const sources = path.join(host.cacheFolder, 'sources');
  const present = await newestPresent(sources, wanted);
  if (present?.fresh) {
    host.log.info(`Linux ${present.version} from Debian: ${present.folder}`);
    return { folder: present.folder, version: present.version };
  }
  const found = await findKernel(host, wanted, setting).catch((error: unknown) => {
    if (present === undefined || !isUnreachable(error)) throw error;
    host.log.warning(`${messageOf(error)}; taking what is here`);
    return undefined;
  });
  const folder = found === undefined ? present?.folder : path.join(sources, folderName(found));
  const version = found?.version ?? present?.version;
  if (folder === undefined || version === undefined) throw new Error('neither found nor present');
  try {
    if (found !== undefined && !existsSync(folder)) await install(host, setting, found, folder);
    if (found !== undefined) await writeFile(stampOf(folder), '');
  } catch (error) {
    throw diskError(sources, error);
  }
  host.log.info(`Linux ${version} from Debian: ${folder}`);
  return { folder, version };
}

/** make takes no colon and no space in the name of a tree. */
function folderName(found: DebianPackage): string {
  return `${found.name}_${found.version.replace(/[^A-Za-z0-9.+~-]/g, '_')}`;
}

/** Says when a tree was last seen to be the newest; not in the tree, in which nothing is to be written. */
function stampOf(folder: string): string {
  return path.join(path.dirname(folder), `.newest-${path.basename(folder)}`);
}

async function newestPresent(sources: string, wanted: WantedKernel) {
  const found: { series: string; version: string; folder: string }[] = [];
  for (const name of await readdir(sources).catch(() => [])) {
    const [, series, version] = FOLDER.exec(name) ?? [];
    if (series === undefined || version === undefined || !isWanted(series, wanted)) continue;
    found.push({ series, version, folder: path.join(sources, name) });
  }
  const newest = found.sort(
    (a, b) => compareDebian(b.series, a.series) || compareDebian(b.version, a.version),
  )[0];
  if (newest === undefined) return undefined;
  const stamp = await stat(stampOf(newest.folder)).catch(() => undefined);
  return { ...newest, fresh: stamp !== undefined && Date.now() - stamp.mtimeMs < FRESH_MS };
}

/**
 * The newest package of the first suites that have one: what stable and its backports have came from sid, so that older
 * suites need not be asked. Backports are asked beside sid, which waits for a series' first stable release.
 */
async function findKernel(host: Host, wanted: WantedKernel, setting: ArchiveSetting): Promise<DebianPackage> {
  const [stable, old] = [
    await codeNameOf(host, setting, 'stable'),
    await codeNameOf(host, setting, 'oldstable'),
  ];
  const groups = [
    ['sid', ...(stable === undefined ? [] : [`${stable}-backports`])],
    ...(stable === undefined ? [] : [[stable]]),
    ...(old === undefined ? [] : [[`${old}-backports`, old]]),
  ];
  for (const group of groups) {
    const found: DebianPackage[] = [];
    for (const suite of group) {
      const index = await readSuite(host, setting, suite, debianArch(process.arch));
      if (index === undefined) continue;
      const names = [...index.names()].filter((name) => isWanted(seriesOf(name), wanted));
      found.push(...names.flatMap((name) => index.named(name)));
    }
    const newest = found.sort(
      (a, b) => compareDebian(seriesOf(b.name), seriesOf(a.name)) || compareDebian(b.version, a.version),
    )[0];
    if (newest !== undefined) return newest;
  }
  const what = 'series' in wanted ? wanted.series : `${wanted.minimum} or later`;
  throw new UserError(`Debian has no linux-source of ${what} in ${groups.flat().join(', ')}`);
}

function isWanted(series: string, wanted: WantedKernel): boolean {
  if (series === '') return false;
  if ('series' in wanted) return series === wanted.series;
  return series.split('.')[0] === wanted.minimum.split('.')[0] && compareDebian(series, wanted.minimum) >= 0;
}

function seriesOf(name: string): string {
  return /^linux-source-(\d{1,3}\.\d{1,3})$/.exec(name)?.[1] ?? '';
}

/** The package has the tree as a tarball, which appears under its final name once it is whole. */
async function install(
  host: Host,
  setting: ArchiveSetting,
  found: DebianPackage,
  folder: string,
): Promise<void> {
  const part = path.join(path.dirname(folder), `.part-${ownerTag()}`);
  await sweep(path.dirname(folder));
  try {
    await mkdir(part, { recursive: true });
    const [file = ''] = await downloadPackages(host, setting, [found]);
    host.log.info(`Unpacking ${found.name} ${upstreamOf(found.version)}`);
    await unpackDeb(host, file, path.join(part, 'deb'), /^usr\/src\/linux-source-[\d.]+\.tar\.xz$/);
    const [tarball] = await readdir(path.join(part, 'deb/usr/src')).catch(() => []);
    if (tarball === undefined) throw new UserError(`${file}: has no tarball of a kernel in it`);
    const tree = path.join(part, 'tree');
    await mkdir(tree);
    await untar(host, path.join(part, 'deb/usr/src', tarball), tree);
    await rename(tree, folder).catch((error: unknown) => {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    });
    // The tree is what a later run looks for; the package would only take up room.
    await rm(file, { force: true });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

// The system's tar: it takes a fraction of the time for 90,000 files, and what it reads was signed by Debian.
async function untar(host: Host, tarball: string, folder: string): Promise<void> {
  const call = ['-x', '-J', '-f', tarball, '-C', folder, '--strip-components=1', '--no-same-owner'];
  const options = { limit: 65536, timeoutSeconds: UNPACK_SECONDS };
  const { code, stderr } = await host.run('tar', call, options);
  host.signal.throwIfAborted();
  const why = stderr.trim().split('\n')[0] ?? '';
  if (code !== 0)
    throw new UserError(`${tarball}: cannot be unpacked (tar ended with ${code}) ${why}`.trim());
}

/** Removes what runs left that are dead. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const tag = /^\.part-(.+)$/.exec(name)?.[1];
    if (tag !== undefined && ownerIsGone(tag))
      await rm(path.join(folder, name), { recursive: true, force: true });
  }
}
