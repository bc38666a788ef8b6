import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { download, fetchBytes, isNotFound } from '../toolchain/download.ts';
import { readSigningKey, type SigningKey, verifyClearsigned } from '../toolchain/signature.ts';
import { UserError } from '../values/error.ts';
import { DEBIAN_KEY } from './keys.ts';
import { type DebianPackage, type PackageIndex, readPackages } from './packages.ts';

export interface ArchiveSetting {
  /** Base URL; Debian's own where absent. */
  readonly mirror?: string;
  /** File with the key that signs the mirror's indexes; Debian's own keys where absent. */
  readonly key?: string;
}

/** Debian's names of the host's processor. */
export type DebianArch = 'amd64' | 'arm64';

const BASE = 'http://deb.debian.org/debian';
const RELEASE_LIMIT = 4 << 20;
const INDEX_LIMIT = 512 << 20;
const PARALLEL = 4;

/** The Debian name of this machine's processor. Throws a UserError where Debian's LLVM does not run on it. */
export function debianArch(nodeArch: string): DebianArch {
  if (nodeArch === 'x64') return 'amd64';
  if (nodeArch === 'arm64') return 'arm64';
  throw new UserError(`llvm-source: debian serves x64 and arm64 hosts, not ${nodeArch}; take system`);
}

/**
 * Reads the packages of a suite: InRelease, whose signature is checked, has the digest of the index, which has the
 * digest of each package (https://wiki.debian.org/DebianRepository/Format). The index is kept in the cache folder.
 * Throws a UserError where any link of that does not hold.
 */
export async function readSuite(
  host: Host,
  setting: ArchiveSetting,
  suite: string,
  arch: DebianArch,
): Promise<PackageIndex> {
  const { folder, url, release } = await readRelease(host, setting, suite);
  warnIfOld(host, url, release);
  const name = `main/binary-${arch}/Packages.xz`;
  const { sha256, size } = digestIn(release, name) ?? missing(url, name);
  const file = path.join(host.cacheFolder, 'debian', `${sha256}.Packages.xz`);
  if (!existsSync(file)) {
    const place = /^Acquire-By-Hash: yes$/m.test(release)
      ? `main/binary-${arch}/by-hash/SHA256/${sha256}`
      : name;
    await download(host, `${folder}/${place}`, file, {
      title: `Debian ${suite}: packages`,
      sha256,
      bytes: size,
    });
  }
  const { code, stdout, stderr } = await host.run('xz', ['-dc', file], { limit: INDEX_LIMIT });
  if (code !== 0) throw new UserError(`${folder}/${name}: cannot be unpacked (${stderr.trim()})`);
  return readPackages(stdout);
}

/**
 * The code name of `stable` or `oldstable` (`trixie`), under which its backports are found, too; the names for what a
 * suite is for can stand still on a mirror for days. Undefined where the archive has no such suite.
 */
export async function codeNameOf(
  host: Host,
  setting: ArchiveSetting,
  suite: string,
): Promise<string | undefined> {
  try {
    const { release } = await readRelease(host, setting, suite);
    return /^Codename: ([a-z]{1,32})$/m.exec(release)?.[1];
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function readRelease(host: Host, setting: ArchiveSetting, suite: string) {
  const folder = `${setting.mirror ?? BASE}/dists/${suite}`;
  const url = `${folder}/InRelease`;
  const key: SigningKey =
    setting.key === undefined ? DEBIAN_KEY : await readSigningKey(host, setting.key, 'llvm-key');
  const text = (await fetchBytes(host, url, { limit: RELEASE_LIMIT })).toString('utf8');
  return { folder, url, release: await verifyClearsigned(host, text, key, url) };
}

/** Downloads packages, a few at a time, into the cache folder, and returns their files in the same order. */
export async function downloadPackages(
  host: Host,
  setting: ArchiveSetting,
  packages: readonly DebianPackage[],
): Promise<readonly string[]> {
  const files = packages.map((one) => path.join(host.cacheFolder, 'debian', `${one.sha256}.deb`));
  const total = packages.reduce((sum, one) => sum + one.size, 0);
  const progress = host.progress(
    packages.length === 1 ? `${packages[0]?.name}` : `Debian: ${packages.length} packages`,
    'bytes',
  );
  const got = new Map<string, number>();
  const report = () =>
    progress.update(
      [...got.values()].reduce((sum, bytes) => sum + bytes, 0),
      total,
    );
  const quiet = (name: string): Host => ({
    ...host,
    cacheFolder: host.cacheFolder,
    progress: () => ({
      update(done) {
        got.set(name, done);
        report();
      },
      end() {},
    }),
  });
  const queue = packages.map((one, index) => ({ one, file: files[index] ?? '' }));
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { one, file } = next;
      if (!existsSync(file)) {
        const url = `${setting.mirror ?? BASE}/${one.filename}`;
        await download(quiet(one.name), url, file, { title: one.name, sha256: one.sha256, bytes: one.size });
      }
      got.set(one.name, one.size);
      report();
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, work));
  } finally {
    queue.length = 0;
    progress.end();
  }
  return files;
}

/** The digest and size of a file that a Release lists under SHA256. */
function digestIn(release: string, name: string): { sha256: string; size: number } | undefined {
  const section = /^SHA256:\n((?: .*\n?)+)/m.exec(release)?.[1] ?? '';
  for (const line of section.split('\n')) {
    const [, sha256, size, file] = /^ ([0-9a-f]{64})\s+(\d{1,12})\s+(\S+)$/.exec(line) ?? [];
    if (file === name && sha256 !== undefined) return { sha256, size: Number(size) };
  }
  return undefined;
}

function missing(url: string, name: string): never {
  throw new UserError(`${url}: lists no ${name}`);
}

// A mirror can lag behind, and a snapshot is old on purpose, so that an index past its date is told and not refused.
function warnIfOld(host: Host, url: string, release: string): void {
  const until = Date.parse(/^Valid-Until: (.*)$/m.exec(release)?.[1] ?? '');
  if (until < Date.now())
    host.log.info(
      `${url}: was to be used until ${new Date(until).toISOString().slice(0, 10)}; its mirror lags behind`,
    );
}
