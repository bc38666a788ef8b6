import { createHash } from 'node:crypto';
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { unpackTar } from '../fetch/archive.ts';
import { fetchBytes, isNotFound } from '../fetch/download.ts';
import { readMinisig } from '../fetch/minisign.ts';
import type { Host } from '../host/host.ts';
import { landTool } from '../toolchain/store.ts';
import { UserError } from '../values/error.ts';
import { askVersion } from './program.ts';
import { asFound, type Found, STORED } from './source.ts';

/** Where releases are, and who signs them. */
export interface Releases {
  /** Base URL, without a slash at its end; below it are a folder for each tag, and the assets in it. */
  readonly base: string;
  /** Public key of minisign. */
  readonly key: string;
  readonly version: string;
}

/**
 * ccache's own releases. The key is the one of https://ccache.dev/download.html (minisign.pub), with which every
 * release since 4.12 is signed.
 */
export const CCACHE_RELEASES: Releases = {
  base: 'https://github.com/ccache/ccache/releases/download',
  key: 'RWQX7yXbBedVfI4PNx6FLdFXu9GHUFsr28s4BVGxm4BeybtnX3P06saF',
  version: '4.14.2',
};

const PROCESSORS = new Map([
  ['x64', 'x86_64'],
  ['arm64', 'aarch64'],
]);
const SIGNATURE_LIMIT = 16 << 10;
// The archive has 2 MB.
const ARCHIVE_LIMIT = 64 << 20;
const UNPACKED = { strip: 1, only: /^ccache$/, limitBytes: 256 << 20, limitEntries: 1000 };

/**
 * Gets ccache's own static program of one version, `ccache-<version>-linux-<processor>-musl-static.tar.gz`, which is
 * signed by minisign, with the archive's name in the comment: another version's archive is signed as well. Throws a
 * UserError where it cannot be had, or anything of it is not as it must be.
 */
export async function fetchGithubCcache(host: Host, releases: Releases): Promise<Found> {
  const { base, key, version } = releases;
  const processor = PROCESSORS.get(process.arch);
  if (processor === undefined) {
    throw new UserError(`ccache: github has none for ${process.arch} here; take system`);
  }
  const name = `ccache-${version}-linux-${processor}-musl-static`;
  const url = `${base}/v${version}/${name}.tar.gz`;
  const archive = await fetchSigned(host, url, key);
  const digest = createHash('sha256').update(archive).digest('hex');
  const identity = { version, source: 'github', digest, arch: process.arch } as const;
  const folder = await landTool(
    host,
    identity,
    (staging) => install(host, url, archive, staging, version),
    STORED,
  );
  return asFound({ folder, version, digest }, 'github');
}

/** The bytes of an archive that was signed under its own name. */
async function fetchSigned(host: Host, url: string, key: string): Promise<Buffer> {
  const signed = `${url}.minisig`;
  const text = await fetchBytes(host, signed, { limit: SIGNATURE_LIMIT }).catch((error: unknown) => {
    if (isNotFound(error))
      throw new UserError(`${signed}: is not there, and without it nothing is taken`, { cause: error });
    throw error;
  });
  const signature = readMinisig(text.toString('utf8'), key, signed);
  const name = path.posix.basename(url);
  const named = signature.comment.split('\t').filter((part) => part.startsWith('file:'));
  if (named.length !== 1 || named[0] !== `file:${name}`) {
    throw new UserError(
      `${signed}: is not of ${name}, but of ${printable(named.join(', ').slice(5)) || 'no file'}`,
    );
  }
  const archive = await fetchBytes(host, url, { limit: ARCHIVE_LIMIT });
  signature.check(archive);
  return archive;
}

async function install(
  host: Host,
  url: string,
  archive: Buffer,
  staging: string,
  version: string,
): Promise<void> {
  const file = path.join(staging, path.posix.basename(url));
  const bin = path.join(staging, 'bin');
  await writeFile(file, archive);
  await unpackTar(host, file, bin, UNPACKED);
  await rm(file);
  const program = path.join(bin, 'ccache');
  const info = await stat(program).catch(() => undefined);
  if (!info?.isFile()) throw new UserError(`${url}: has no TOP-FOLDER/ccache`);
  await chmod(program, 0o755);
  const said = await askVersion(host, program);
  if (said !== version) throw new UserError(`${url}: says that it is ${said}, not ${version}`);
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
