import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { download } from '../fetch/download.ts';
import type { Host } from '../host/host.ts';
import type { DebianPackage } from './packages.ts';
import { type ArchiveSetting, baseOf } from './release.ts';

const PARALLEL = 4;

/**
 * Downloads packages into the cache folder, a few at a time under one progress line, and returns their files in the
 * same order. One that is there already is checked, and not fetched again.
 */
export async function downloadPackages(
  host: Host,
  setting: ArchiveSetting,
  packages: readonly DebianPackage[],
): Promise<readonly string[]> {
  const total = packages.reduce((sum, one) => sum + one.size, 0);
  const title = packages.length === 1 ? `${packages[0]?.name}` : `Debian: ${packages.length} packages`;
  const progress = host.progress(title, 'bytes');
  const got = new Map<string, number>();
  const report = (one: DebianPackage, bytes: number) => {
    got.set(one.sha256, bytes);
    progress.update(
      [...got.values()].reduce((sum, part) => sum + part, 0),
      total,
    );
  };
  try {
    return await eachOf(packages, PARALLEL, async (one) => {
      const file = path.join(host.cacheFolder, 'debian', `${one.sha256}.deb`);
      const quiet: Host = {
        ...host,
        progress: () => ({ update: (done) => report(one, done), end: () => undefined }),
      };
      if (!(await isThere(file, one))) {
        const url = `${baseOf(setting)}/${one.filename}`;
        await download(quiet, url, file, { title: one.name, sha256: one.sha256, bytes: one.size });
      }
      report(one, one.size);
      return file;
    });
  } finally {
    progress.end();
  }
}

/**
 * Does some work on each of a list, on so many at a time, and returns what came of it in the same order. Where one
 * fails no further one is begun, and those under way are waited for.
 */
export async function eachOf<T, R>(
  list: readonly T[],
  parallel: number,
  work: (one: T) => Promise<R>,
): Promise<readonly R[]> {
  const results = new Map<number, R>();
  const failures: unknown[] = [];
  const queue = [...list.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined && failures.length === 0; next = queue.shift()) {
      const [at, one] = next;
      await work(one).then(
        (result) => results.set(at, result),
        (error: unknown) => failures.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  if (failures.length > 0) throw failures[0];
  return list.map((_, at) => results.get(at) as R);
}

async function isThere(file: string, one: DebianPackage): Promise<boolean> {
  const info = await stat(file).catch(() => undefined);
  if (info?.size !== one.size) return false;
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex') === one.sha256;
}
