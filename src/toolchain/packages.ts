import { createHash } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { downloadPackages, eachOf } from '../debian/debs.ts';
import type { DebianPackage } from '../debian/packages.ts';
import type { ArchiveSetting } from '../debian/release.ts';
import { unpackDeb } from '../fetch/archive.ts';
import type { Host } from '../host/host.ts';
import { type Relocated, relocate } from './relocate.ts';
import { landTool } from './store.ts';

/** A tool as packages of a suite make it. */
export interface PackagedTool extends Relocated {
  readonly version: string;
  readonly suite: string;
  /** All that it needs to run, patchelf among them. */
  readonly packages: readonly DebianPackage[];
  /** Whether an entry of one of the packages, as it is named in it, is unpacked. */
  readonly isPart: (entry: string) => boolean;
}

// Decompression takes one processor an archive.
const PARALLEL = 2;

/**
 * Puts a tool of Debian's archive into the tool cache (under `stored` where it is not LLVM) and returns its folder: the
 * packages are verified, unpacked without root, and made to run with their own C library on whatever host this is. Its
 * programs are in `bin`.
 */
export async function landPackages(
  host: Host,
  setting: ArchiveSetting,
  tool: PackagedTool,
  stored?: string,
): Promise<string> {
  const { version, packages } = tool;
  const identity = { version, source: 'debian', digest: digestOf(packages), arch: process.arch } as const;
  const fill = async (staging: string, final: string) => {
    const megabytes = Math.round(packages.reduce((sum, one) => sum + one.size, 0) / 1e6);
    host.log.info(
      `${tool.name} ${version} from Debian ${tool.suite}: ${packages.length} packages, ${megabytes} MB`,
    );
    // The largest first, so that none of them is left over for one processor.
    const bySize = [...packages].sort((a, b) => b.size - a.size);
    const files = await downloadPackages(host, setting, bySize);
    host.log.info(`Unpacking ${files.length} packages`);
    await eachOf(files, PARALLEL, (file) => unpackDeb(host, file, staging, tool.isPart));
    await relocate(host, staging, final, tool);
    await symlink(path.join(tool.folder, 'bin'), path.join(staging, 'bin'));
  };
  return landTool(host, identity, fill, stored);
}

/** What pins a set of packages: SHA-256 over a line for each, sorted, with name, version and digest. */
export function digestOf(packages: readonly DebianPackage[]): string {
  const lines = packages.map((one) => `${one.name} ${one.version} ${one.sha256}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
