import { fetchBytes } from '../fetch/download.ts';
import { readSigningKey, verifyClearsigned } from '../fetch/signature.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { findPinned, installArchive } from './install.ts';
import { KERNEL_ORG_KEY } from './keys.ts';
import { checkDigest, type FetchToolchain } from './source.ts';
import { chooseVersion } from './version.ts';

const BASE = 'https://mirrors.edge.kernel.org/pub/tools/llvm/files';
const CHECKSUMS_LIMIT = 4 << 20;
const PROCESSORS = new Map([
  ['x64', 'x86_64'],
  ['arm64', 'aarch64'],
]);

/**
 * Gets an LLVM that the kernel's maintainers built (https://www.kernel.org/pub/tools/llvm/): `sha256sums.asc`, signed
 * by kernel.org's checksum autosigner, says which versions there are and what digest each archive has.
 */
export const fetchKernelOrg: FetchToolchain = async (host, request) => {
  const processor = PROCESSORS.get(process.arch);
  if (processor === undefined) {
    throw new UserError(`llvm-source: kernel-org has no LLVM for ${process.arch}; take debian or system`);
  }
  const pinned = await findPinned(host, request, 'kernel-org');
  if (pinned !== undefined) return pinned;
  const base = request.mirror ?? BASE;
  const digests = await fetchDigests(host, base, processor, request.key);
  const version = chooseVersion(request.version, [...digests.keys()], `kernel-org (${base})`);
  const digest = digests.get(version) ?? '';
  const url = `${base}/llvm-${version}-${processor}.tar.xz`;
  checkDigest(request, url, digest);
  return installArchive(host, request, { version, source: 'kernel-org', digest, url });
};

/** The digest of each version's archive for a processor, out of the signed list. */
async function fetchDigests(
  host: Host,
  base: string,
  processor: string,
  keyFile: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const url = `${base}/sha256sums.asc`;
  const key = keyFile === undefined ? KERNEL_ORG_KEY : await readSigningKey(host, keyFile, 'llvm-key');
  const text = (await fetchBytes(host, url, { limit: CHECKSUMS_LIMIT })).toString('utf8');
  const digests = new Map<string, string>();
  for (const line of (await verifyClearsigned(host, text, key, url)).split('\n')) {
    const [, digest, version, cpu] =
      /^([0-9a-f]{64}) [ *]llvm-(\d{1,4}\.\d{1,4}\.\d{1,4}(?:-rc\d{1,3})?)-(x86_64|aarch64)\.tar\.xz$/.exec(
        line,
      ) ?? [];
    if (digest === undefined || version === undefined || cpu !== processor) continue;
    if ((digests.get(version) ?? digest) !== digest)
      throw new UserError(`${url}: has two digests for ${version}`);
    digests.set(version, digest);
  }
  return digests;
}
