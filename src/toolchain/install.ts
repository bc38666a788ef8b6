import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { unpackTar } from '../fetch/archive.ts';
import { download } from '../fetch/download.ts';
import { partOf } from '../fetch/part.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import type { ToolchainRequest } from '../values/toolchain.ts';
import { type Fetched, pinOf } from './source.ts';
import { findTool, landTool, type ToolIdentity } from './store.ts';

/** An archive of a toolchain as its source describes it. */
export interface Archive extends Omit<ToolIdentity, 'arch'> {
  readonly url: string;
  /** Size, where the source says it. */
  readonly bytes?: number;
}

/** Puts the toolchain of an archive into the tool cache, where it is not there yet. */
export async function installArchive(
  host: Host,
  request: ToolchainRequest,
  archive: Archive,
): Promise<Fetched> {
  const { version, source, digest } = archive;
  const folder = await landTool(host, { version, source, digest, arch: process.arch }, async (staging) => {
    await withDownload(host, archive, (file) => unpackToolchain(host, archive.url, file, staging));
  });
  return { folder, version, source, digest, pin: pinOf(request, source, version, digest) };
}

/** Downloads an archive, hands the verified file to `use`, and removes it. */
export async function withDownload<T>(
  host: Host,
  archive: Pick<Archive, 'url' | 'digest' | 'bytes'>,
  use: (file: string) => Promise<T>,
): Promise<T> {
  // Two runs at once each have a file of their own, since each removes it; a killed one's is taken up by a later run.
  const file = partOf(path.join(host.cacheFolder, 'downloads'), archive.digest);
  try {
    await download(host, archive.url, file, {
      title: path.posix.basename(new URL(archive.url).pathname),
      sha256: archive.digest,
      ...(archive.bytes !== undefined && { bytes: archive.bytes }),
    });
    return await use(file);
  } finally {
    await rm(file, { force: true });
  }
}

/** Unpacks an archive with one top folder, as all LLVM releases have; its programs are then in `folder/bin`. */
export async function unpackToolchain(host: Host, url: string, file: string, folder: string): Promise<void> {
  host.log.info(`Unpacking ${url}`);
  await unpackTar(host, file, folder, { strip: 1 });
  const clang = await stat(path.join(folder, 'bin', 'clang')).catch(() => undefined);
  if (!clang?.isFile())
    throw new UserError(`${url}: has no TOP-FOLDER/bin/clang; it must hold one LLVM toolchain`);
}

/** What the request pins by its digest, where the tool cache has it: then no server is asked. */
export async function findPinned(
  host: Host,
  request: ToolchainRequest,
  source: string,
): Promise<Fetched | undefined> {
  if (request.sha256 === undefined) return undefined;
  const { version, sha256: digest } = request;
  const tool = await findTool(host, { version, source, digest });
  return tool && { ...tool, pin: pinOf(request, source, tool.version, tool.digest) };
}
