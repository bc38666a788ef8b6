import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { unpackToolchain, withDownload } from './install.ts';
import { type FetchToolchain, pinOf } from './source.ts';
import { findTool, landTool, stagingFolder } from './store.ts';
import { matchesVersion } from './version.ts';

/** Gets a toolchain from any URL; the request must say what digest the archive has. */
export const fetchUrl: FetchToolchain = async (host, request) => {
  const { source: url, sha256: digest } = request;
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: '' };
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new UserError(`llvm-source: '${url}' is not an http(s) URL`);
  }
  if (digest === undefined) {
    throw new UserError(`llvm-sha256: is not set, and nobody else says what ${url} must hold; set it`);
  }
  const known = await findTool(host, { source: 'url', digest });
  const { folder, version } = known ?? (await install(host, url, digest));
  if (!matchesVersion(request.version, version)) {
    throw new UserError(
      `llvm-version: '${request.version}' was asked for, and ${url} is ${version}; set it to that`,
    );
  }
  return { folder, version, source: 'url', digest, pin: pinOf(request, url, version, digest) };
};

/** A URL says nothing of a version that could be relied on: the programs do, once their archive is verified. */
async function install(host: Host, url: string, digest: string) {
  const scratch = await stagingFolder(host);
  try {
    await withDownload(host, { url, digest }, (file) => unpackToolchain(host, url, file, scratch));
    const version = await versionOf(host, url, scratch);
    const identity = { version, source: 'url', digest, arch: process.arch } as const;
    const folder = await landTool(host, identity, async (staging) => rename(scratch, staging));
    return { folder, version };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const TIMEOUT_SECONDS = 60;

async function versionOf(host: Host, url: string, folder: string): Promise<string> {
  const result = await host.run(path.join(folder, 'bin', 'clang'), ['--version'], {
    limit: 4096,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const version = /clang version (\d+\.\d+\.\d+(?:-rc\d+)?)/.exec(result.stdout)?.[1];
  if (result.code === 0 && version !== undefined) return version;
  const words = result.stderr.trim().split('\n')[0] ?? '';
  throw new UserError(
    `${url}: its bin/clang does not run on this machine (code ${result.code}) ${words}`.trim(),
  );
}
