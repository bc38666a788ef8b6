import path from 'node:path';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Toolchain, ToolchainRequest } from '../values/toolchain.ts';
import { fetchDebian } from './debian.ts';
import { fetchGithub } from './github.ts';
import { fetchKernelOrg } from './kernel-org.ts';
import { type Fetched, type FetchToolchain, pinOf } from './source.ts';
import { findTool } from './store.ts';
import { findSystem } from './system.ts';
import { fetchUrl } from './url.ts';

const SOURCES: ReadonlyMap<string, FetchToolchain> = new Map([
  ['kernel-org', fetchKernelOrg],
  ['github', fetchGithub],
  ['debian', fetchDebian],
]);

/** A way to a toolchain that `auto` may go. */
interface Way {
  readonly name: string;
  readonly go: () => Promise<Toolchain | undefined>;
}

/**
 * Finds or fetches the LLVM of a request, and logs what was taken, why, and how to get exactly this one again.
 * Throws a UserError where the source has it not; for `auto`, one line with the reason of each source.
 */
export async function resolveToolchain(host: Host, request: ToolchainRequest): Promise<Toolchain> {
  const toolchain = await find(host, request);
  host.log.info(`LLVM ${toolchain.version} from ${toolchain.source}: ${toolchain.bin} (${toolchain.reason})`);
  const pin = Object.entries(toolchain.pin).map(([name, value]) => `${name}: ${value}`);
  host.log.info(`To pin exactly this one: ${pin.join(', ')}`);
  if (toolchain.source === 'debian') {
    host.log.info(
      "Debian's archive keeps a version only until the next one: llvm-mirror can name a day of snapshot.debian.org",
    );
  }
  return toolchain;
}

/** The toolchain of a request where it is on this machine already; nothing is fetched. */
export async function presentToolchain(
  host: Host,
  request: ToolchainRequest,
): Promise<Toolchain | undefined> {
  if (request.path !== undefined || request.source === 'system') return findSystem(host, request);
  for (const way of localWays(host, request)) {
    const found = await way.go().catch(userErrorAsText);
    if (found !== undefined && typeof found !== 'string') return found;
  }
  return undefined;
}

async function find(host: Host, request: ToolchainRequest): Promise<Toolchain> {
  if (request.source === 'system' || request.path !== undefined) return findSystem(host, request);
  if (request.source === 'auto') return firstOf(host, request);
  const fetchFrom = SOURCES.get(request.source) ?? fetchUrl;
  return asToolchain(await fetchFrom(host, request), `llvm-source is ${request.source}`);
}

async function firstOf(host: Host, request: ToolchainRequest): Promise<Toolchain> {
  const remote = [
    { name: 'kernel-org', fetchFrom: fetchKernelOrg },
    { name: 'debian', fetchFrom: fetchDebian },
  ].map(({ name, fetchFrom }) => ({
    name,
    go: async () => asToolchain(await fetchFrom(host, { ...request, source: name }), `${name} has it`),
  }));
  const reasons: string[] = [];
  for (const way of [...localWays(host, request), ...remote]) {
    const found = await way.go().catch(userErrorAsText);
    if (found !== undefined && typeof found !== 'string')
      return { ...found, reason: [found.reason, ...reasons].join('; ') };
    reasons.push(`not ${way.name}: ${found ?? 'it has none'}`);
    host.log.info(`LLVM ${request.version}: ${reasons.at(-1)}`);
    host.signal.throwIfAborted();
  }
  throw new UserError(`llvm-version: '${request.version}' was not found: ${reasons.join('; ')}`);
}

function localWays(host: Host, request: ToolchainRequest): readonly Way[] {
  const system: Way = { name: 'system', go: () => findSystem(host, request) };
  const cache: Way = {
    name: 'the tool cache',
    go: async () => {
      const named = SOURCES.has(request.source) ? request.source : 'url';
      // Where one from a URL came from is not known any more, and so it could not be pinned.
      for (const source of request.source === 'auto' ? SOURCES.keys() : [named]) {
        const tool = await findTool(host, {
          version: request.version,
          source,
          ...(request.sha256 !== undefined && { digest: request.sha256 }),
        });
        if (tool === undefined) continue;
        const from = source === 'url' ? request.source : source;
        const pin = pinOf(request, from, tool.version, tool.digest);
        return asToolchain({ ...tool, pin }, 'it is in the tool cache');
      }
      return undefined;
    },
  };
  return request.source === 'auto' ? [system, cache] : [cache];
}

function asToolchain(fetched: Fetched, reason: string): Toolchain {
  const bin = path.join(fetched.folder, 'bin');
  const { version, source, digest, pin } = fetched;
  return { version, source, digest, bin, suffix: '', llvm: `${bin}/`, reason, pin };
}

function userErrorAsText(error: unknown): string {
  if (error instanceof UserError) return messageOf(error);
  throw error;
}
