import path from 'node:path';
import type { Host } from '../host/host.ts';
import { listTools, type StoredTool } from '../toolchain/store.ts';
import type { Ccache } from '../values/cache.ts';
import { isNewEnough } from './version.ts';

/** A ccache as a source has it. */
export type Found = Omit<Ccache, 'reason'>;

/** Name of ccache in the tool cache. */
export const STORED = 'kernel-thinlto-ccache';

/** The newest ccache in the tool cache that a source of a list put there, and caches back ends, or where given is new enough. */
export async function findStored(
  host: Host,
  sources: readonly Found['source'][],
  oldest?: string,
): Promise<Found | undefined> {
  for (const tool of await listTools(host, STORED)) {
    const source = sources.find((one) => one === tool.source);
    if (source !== undefined && isNewEnough(tool.version, oldest)) return asFound(tool, source);
  }
  return undefined;
}

/** The program of a folder of the tool cache. */
export function asFound(tool: Omit<StoredTool, 'source'>, source: Found['source']): Found {
  const { folder, version, digest } = tool;
  return { version, source, program: path.join(folder, 'bin', 'ccache'), digest };
}
