import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findAllVersions } from '@actions/tool-cache';
import { diskError } from '../fetch/disk.ts';
import { ownerIsGone, ownerTag } from '../fetch/owner.ts';
import type { Host } from '../host/host.ts';
import type { ToolchainSource } from '../values/toolchain.ts';
import { compareVersions, EXACT_VERSION, matchesVersion } from './version.ts';

/** A toolchain, or another tool, in the tool cache. */
export interface StoredTool {
  readonly folder: string;
  /** `23.1.4`, `23.1.0-rc1`. */
  readonly version: string;
  readonly source: ToolchainSource;
  /** SHA-256 (hex) of what it was unpacked from. */
  readonly digest: string;
}

/** What a toolchain to land is; `arch` as Node names it (`x64`, `arm64`). */
export interface ToolIdentity extends Omit<StoredTool, 'folder'> {
  readonly arch: string;
}

/** Name of LLVM in the tool cache. */
const LLVM = 'kernel-thinlto-llvm';
const MANIFEST = 'kernel-thinlto.json';
const MANIFEST_LIMIT = 4096;
const SOURCES: readonly string[] = ['kernel-org', 'github', 'debian', 'url'];
const STAGING = /^\.staging-([0-9a-f]{8}-\d+)-/;
const OLD_MS = 24 * 3600 * 1000;

/** Folder of a tool in the tool cache: what GitHub's runner names, else one in the user's cache folder. */
function toolFolder(host: Host, name: string): string {
  // @actions/tool-cache reads the variable itself, and knows no other place.
  process.env.RUNNER_TOOL_CACHE ||= host.env.RUNNER_TOOL_CACHE || path.join(host.cacheFolder, 'tools');
  return path.join(process.env.RUNNER_TOOL_CACHE, name);
}

/** The toolchains in the tool cache for this machine's processor, newest first; or what it has of another tool's name. */
export async function listTools(host: Host, name = LLVM): Promise<readonly StoredTool[]> {
  const root = toolFolder(host, name);
  const found: StoredTool[] = [];
  for (const version of await versionsIn(host, name)) {
    const folder = path.join(root, version, process.arch);
    const tool = await readManifest(folder);
    if (tool !== undefined && versionName(tool) === version) found.push(tool);
  }
  return found.sort((a, b) => compareVersions(b.version, a.version));
}

// @actions/tool-cache prints workflow commands on standard output, which is a terminal user's result.
async function versionsIn(host: Host, tool: string): Promise<readonly string[]> {
  if (host.env.GITHUB_ACTIONS === 'true') return findAllVersions(tool);
  const root = toolFolder(host, tool);
  const names = await readdir(root).catch(() => []);
  const whole = names.map(async (name) =>
    (await stat(path.join(root, name, `${process.arch}.complete`)).catch(() => undefined)) === undefined
      ? []
      : [name],
  );
  return (await Promise.all(whole)).flat();
}

/**
 * The newest toolchain of the tool cache that is of a version or a series (`23`, `23.1`), and where given of a source
 * and of exactly a digest; undefined where there is none.
 */
export async function findTool(
  host: Host,
  wanted: { readonly version?: string; readonly source?: string; readonly digest?: string },
): Promise<StoredTool | undefined> {
  const tools = (await listTools(host)).filter(
    (tool) =>
      (wanted.version === undefined || matchesVersion(wanted.version, tool.version)) &&
      (wanted.source === undefined || wanted.source === tool.source) &&
      (wanted.digest === undefined || wanted.digest === tool.digest),
  );
  return tools.find((tool) => !tool.version.includes('-rc')) ?? tools[0];
}

/**
 * Puts a toolchain into the tool cache and returns its folder. `fill` makes its content in `staging`; `final` is where
 * it will stand, for content that must know. It is seen whole or not at all: the folder gets its name after the last
 * byte was written, by one rename. Where another run was faster, or `final` is whole already, that one serves. `name`
 * is the tool's in the tool cache.
 */
export async function landTool(
  host: Host,
  identity: ToolIdentity,
  fill: (staging: string, final: string) => Promise<void>,
  name = LLVM,
): Promise<string> {
  if (!EXACT_VERSION.test(identity.version))
    throw new Error(`${identity.version}: not a version for the tool cache`);
  const final = path.join(toolFolder(host, name), versionName(identity), identity.arch);
  try {
    if (!(await isWhole(final, identity))) {
      const staging = await stagingFolder(host, name);
      try {
        await fill(staging, final);
        const { version, source, digest } = identity;
        await writeFile(path.join(staging, MANIFEST), `${JSON.stringify({ version, source, digest })}\n`);
        await chmod(staging, 0o755);
        await putInPlace(staging, final, identity);
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    }
    // Without the marker @actions/tool-cache does not see the folder, which a killed run may have left so.
    await writeFile(`${final}.complete`, '');
    return final;
  } catch (error) {
    throw diskError(toolFolder(host, name), error);
  }
}

/** A folder of this process on the file system of the tool cache; swept by a later run where this one dies. */
export async function stagingFolder(host: Host, name = LLVM): Promise<string> {
  const folder = toolFolder(host, name);
  try {
    await mkdir(folder, { recursive: true });
    await sweep(folder);
    return await mkdtemp(path.join(folder, `.staging-${ownerTag()}-`));
  } catch (error) {
    throw diskError(folder, error);
  }
}

/** Name of a toolchain as a semantic version, which is what a tool cache goes by: `23.1.4-debian.d0123456789ab`. */
function versionName(tool: Omit<StoredTool, 'folder'>): string {
  const [numbers, candidate] = tool.version.split('-');
  // A letter goes before the digest: an identifier of digits alone must not begin with a zero.
  const parts = [
    ...(candidate === undefined ? [] : [candidate]),
    tool.source,
    `d${tool.digest.slice(0, 12)}`,
  ];
  return `${numbers}-${parts.join('.')}`;
}

/** What a folder says that it is. The manifest is written last, so that a folder with one is whole. */
async function readManifest(folder: string): Promise<StoredTool | undefined> {
  const file = path.join(folder, MANIFEST);
  const info = await stat(file).catch(() => undefined);
  if (info === undefined || !info.isFile() || info.size > MANIFEST_LIMIT) return undefined;
  try {
    const { version, source, digest } = JSON.parse(await readFile(file, 'utf8'));
    const isValid = EXACT_VERSION.test(version) && SOURCES.includes(source) && /^[0-9a-f]{64}$/.test(digest);
    return isValid ? { folder, version, source, digest } : undefined;
  } catch {
    return undefined;
  }
}

async function isWhole(final: string, identity: ToolIdentity): Promise<boolean> {
  const tool = await readManifest(final);
  return (
    tool?.digest === identity.digest && tool.version === identity.version && tool.source === identity.source
  );
}

const TRIES = 5;

async function putInPlace(staging: string, final: string, identity: ToolIdentity): Promise<void> {
  await mkdir(path.dirname(final), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(staging, final);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(code ?? '') || attempt === TRIES) throw error;
    }
    if (await isWhole(final, identity)) return;
    // What stands there is none of ours; the name frees at once, its content takes time.
    const aside = await mkdtemp(path.join(path.dirname(staging), `.staging-${ownerTag()}-`));
    await rename(final, path.join(aside, 'old')).catch(() => undefined);
    await rm(aside, { recursive: true, force: true });
  }
}

/** Removes what runs left that are dead, or a day old. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const tag = STAGING.exec(name)?.[1];
    if (tag === undefined) continue;
    const info = await stat(path.join(folder, name)).catch(() => undefined);
    if (info === undefined) continue;
    if (ownerIsGone(tag) || Date.now() - info.mtimeMs > OLD_MS) {
      await rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }
}
