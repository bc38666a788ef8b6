import { fetchBytes, isNotFound } from '../fetch/download.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import type { ToolchainRequest } from '../values/toolchain.ts';
import { findPinned, installArchive } from './install.ts';
import { checkDigest, type FetchToolchain } from './source.ts';
import { chooseVersion, EXACT_VERSION, matchesVersion } from './version.ts';

const API = 'https://api.github.com';
const RELEASES = 'repos/llvm/llvm-project/releases';
const ANSWER_LIMIT = 64 << 20;
const PAGES = 10;
const PER_PAGE = 100;
const PROCESSORS = new Map([
  ['x64', 'X64'],
  ['arm64', 'ARM64'],
]);

interface Asset {
  readonly url: string;
  readonly bytes: number;
  /** SHA-256 in hex; GitHub has none for assets that were uploaded before June 2025. */
  readonly digest: string | undefined;
}

/**
 * Gets a release of the LLVM project, `LLVM-<version>-Linux-<X64|ARM64>.tar.xz`. Its digest comes from GitHub's release
 * API (https://docs.github.com/rest/releases/releases).
 */
export const fetchGithub: FetchToolchain = async (host, request) => {
  const processor = PROCESSORS.get(process.arch);
  if (processor === undefined) {
    throw new UserError(`llvm-source: github has no LLVM for ${process.arch}; take debian or system`);
  }
  const pinned = await findPinned(host, request, 'github');
  if (pinned !== undefined) return pinned;
  const base = request.mirror ?? API;
  const assets = await fetchAssets(host, base, processor, request);
  const version = chooseVersion(request.version, [...assets.keys()], `github (${base}/${RELEASES})`);
  const asset = assets.get(version);
  if (asset === undefined) throw new Error(`no asset of ${version}`);
  const { url, bytes } = asset;
  const digest = asset.digest ?? request.sha256;
  if (digest === undefined) {
    throw new UserError(`${url}: GitHub has no digest of it; give the one that it must have by llvm-sha256`);
  }
  checkDigest(request, url, digest);
  return installArchive(host, request, { version, source: 'github', digest, url, bytes });
};

/** The archives for a processor by version: of the wanted version, or of all releases up to the wanted series. */
async function fetchAssets(
  host: Host,
  base: string,
  processor: string,
  request: ToolchainRequest,
): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  if (EXACT_VERSION.test(request.version)) {
    try {
      readRelease(
        await ask(host, `${base}/${RELEASES}/tags/llvmorg-${request.version}`, request),
        processor,
        assets,
      );
      if (assets.size > 0) return assets;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  for (let page = 1; page <= PAGES; page++) {
    const url = `${base}/${RELEASES}?per_page=${PER_PAGE}&page=${page}`;
    const releases = await ask(host, url, request);
    if (!Array.isArray(releases)) throw new UserError(`${url}: the answer is no list of releases`);
    for (const release of releases) readRelease(release, processor, assets);
    // Newest first: a series is over where older ones begin.
    const found = [...assets.keys()].some((version) => matchesVersion(request.version, version));
    if (found || releases.length < PER_PAGE || EXACT_VERSION.test(request.version)) break;
  }
  return assets;
}

async function ask(host: Host, url: string, request: ToolchainRequest): Promise<unknown> {
  const headers = {
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    ...(request.githubToken !== undefined && { authorization: `Bearer ${request.githubToken}` }),
  };
  const answer = await fetchBytes(host, url, { limit: ANSWER_LIMIT, headers });
  try {
    return JSON.parse(answer.toString('utf8'));
  } catch (error) {
    throw new UserError(`${url}: the answer is not JSON`, { cause: error });
  }
}

/** Adds a release's archive for a processor, where it has one. What does not look as it should is left out. */
function readRelease(release: unknown, processor: string, assets: Map<string, Asset>): void {
  const { tag_name, draft, assets: listed } = fieldsOf(release);
  const version = /^llvmorg-(.*)$/.exec(String(tag_name))?.[1] ?? '';
  if (!EXACT_VERSION.test(version) || draft === true || !Array.isArray(listed)) return;
  for (const one of listed) {
    const { name, size, digest, browser_download_url: url } = fieldsOf(one);
    if (name !== `LLVM-${version}-Linux-${processor}.tar.xz`) continue;
    if (typeof url !== 'string' || !Number.isSafeInteger(size)) continue;
    const sha256 = /^sha256:([0-9a-f]{64})$/.exec(String(digest))?.[1];
    assets.set(version, { url, bytes: Number(size), digest: sha256 });
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
