import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { unpackDeb } from '../toolchain/archive.ts';
import { isNotFound } from '../toolchain/download.ts';
import { UserError } from '../values/error.ts';
import { type ArchiveSetting, codeNameOf, debianArch, downloadPackages, readSuite } from './archive.ts';
import type { DebianPackage } from './packages.ts';
import { compareDebian } from './version.ts';

/** Which kernel to get: a series such as `6.12`, or the newest of the same major version from `minimum` on. */
export type WantedKernel = { readonly series: string } | { readonly minimum: string };

export interface KernelSource {
  readonly folder: string;
  /** Of the Debian package. */
  readonly version: string;
}

/**
 * Gets the tree of a kernel from Debian's archive (package `linux-source-X.Y`, from whichever suite has the newest)
 * into the cache folder. What is there already is not unpacked again. Throws a UserError where no suite has it.
 */
export async function fetchKernelSource(
  host: Host,
  wanted: WantedKernel,
  setting: ArchiveSetting = {},
): Promise<KernelSource> {
  const found = await findKernel(host, wanted, setting);
  const folder = path.join(
    host.cacheFolder,
    'sources',
    `${found.name}_${found.version.replace(/[^\w.+-]/g, '_')}`,
  );
  if (!existsSync(folder)) {
    const [file = ''] = await downloadPackages(host, setting, [found]);
    host.log.info(`Unpacking ${found.name} ${found.version}`);
    await unpack(host, file, folder);
    // The tree is what a later run looks for; the package would only take up room.
    await rm(file, { force: true });
  }
  host.log.info(`${found.name} ${found.version}: ${folder}`);
  return { folder, version: found.version };
}

async function findKernel(host: Host, wanted: WantedKernel, setting: ArchiveSetting): Promise<DebianPackage> {
  const found: DebianPackage[] = [];
  const stable = await codeNameOf(host, setting, 'stable');
  const old = await codeNameOf(host, setting, 'oldstable');
  const suites = [
    'sid',
    ...[stable, old].flatMap((name) => (name === undefined ? [] : [`${name}-backports`, name])),
  ];
  for (const suite of suites) {
    try {
      const index = await readSuite(host, setting, suite, debianArch(process.arch));
      const names = [...index.names()].filter((name) => isWanted(name, wanted));
      found.push(...names.flatMap((name) => index.find(name) ?? []));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  const newest = found.sort(
    (a, b) => compareDebian(seriesOf(b.name), seriesOf(a.name)) || compareDebian(b.version, a.version),
  )[0];
  if (newest !== undefined) return newest;
  const what = 'series' in wanted ? wanted.series : `${wanted.minimum} or later`;
  throw new UserError(`Debian has no linux-source of ${what} in ${suites.join(', ')}`);
}

function isWanted(name: string, wanted: WantedKernel): boolean {
  const series = seriesOf(name);
  if (series === '') return false;
  if ('series' in wanted) return series === wanted.series;
  return series.split('.')[0] === wanted.minimum.split('.')[0] && compareDebian(series, wanted.minimum) >= 0;
}

function seriesOf(name: string): string {
  return /^linux-source-(\d+\.\d+)$/.exec(name)?.[1] ?? '';
}

/** The package has the tree as a tarball, which appears under its final name once it is whole. */
async function unpack(host: Host, file: string, folder: string): Promise<void> {
  const part = `${folder}.${process.pid}.part`;
  try {
    await mkdir(path.dirname(folder), { recursive: true });
    await unpackDeb(host, file, path.join(part, 'deb'), /usr\/src\/linux-source-[\d.]+\.tar\.xz$/);
    const [tarball] = await readdir(path.join(part, 'deb/usr/src')).catch(() => []);
    if (tarball === undefined) throw new UserError(`${file}: has no tarball of a kernel in it`);
    const tree = path.join(part, 'tree');
    await mkdir(tree);
    // GNU tar: 100,000 small files take it a fifth of the time, and the package's digest was signed.
    const call = [
      '-x',
      '-f',
      path.join(part, 'deb/usr/src', tarball),
      '-C',
      tree,
      '--strip-components=1',
      '--no-same-owner',
    ];
    const { code, stderr } = await host.run('tar', call);
    host.signal.throwIfAborted();
    if (code !== 0) throw new UserError(`${folder}: cannot be unpacked: ${stderr.trim().split('\n')[0]}`);
    await rename(tree, folder).catch((error: unknown) => {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}
