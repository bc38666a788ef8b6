import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { listFolders, listOutput } from '../cache/output-files.ts';
import { STATE_PART } from '../cache/output-level.ts';
import { emptyFolder, type Part, packFiles, writeManifest } from '../cache/pack.ts';
import { whySavingIsOff } from '../cache/save-policy.ts';
import { CARRIED_FILE, type OutputState } from '../cache/state.ts';
import type { Host } from '../host/host.ts';
import { messageOf } from '../values/error.ts';
import type { BuildRequest } from '../values/request.ts';
import { type Caching, CCACHE_PART, type Unfinished } from './caching.ts';

/** An entry that is packed and waits to be saved. */
export interface PackedEntry {
  readonly key: string;
  readonly folder: string;
}

/** What became of the entry of a build. */
export interface Saving {
  readonly text: string;
  readonly entry?: PackedEntry;
  readonly parts: ReadonlyMap<string, Part>;
}

/** What a build made, as far as an entry is concerned. */
export interface MadeAnew {
  /** Undefined where the output folder is not to be trusted. */
  readonly state: OutputState | undefined;
  /** Objects, and compiles that the compiler cache had not. */
  readonly made: number;
  readonly misses: number;
}

/** Packs what a build leaves to the next one, and saves it in a folder; GitHub's cache is for the post step. */
export async function saveEntry(
  host: Host,
  request: BuildRequest,
  caching: Caching,
  { state, made, misses }: MadeAnew,
): Promise<Saving> {
  const nothing = (text: string): Saving => ({ text, parts: new Map() });
  const off = whySavingIsOff(request.cache.use, host.env) ?? caching.store.readOnly;
  if (off !== undefined) return nothing(`nothing saved: ${off}`);
  if (state === undefined && (caching.compiler.live || misses === 0))
    return nothing('nothing saved: the build was not ended in order');
  if (caching.carried.before !== undefined && made === 0 && misses === 0)
    return nothing('nothing saved: nothing new was made');
  try {
    const folder = await emptyFolder(entryFolder(host, request));
    const parts = new Map<string, Part>();
    if (state !== undefined) {
      const folders = listFolders(request.output, [request.reportDir]);
      const names = [...folders, ...state.outputs.map(({ name }) => name), CARRIED_FILE];
      const bytes = state.outputs.reduce((sum, { size }) => sum + size, 0);
      parts.set(
        STATE_PART,
        await packFiles(host, request.output, names, bytes, path.join(folder, STATE_PART)),
      );
    }
    if (!caching.compiler.live && caching.compiler.ccache !== undefined) {
      const part = await packCompiler(host, caching, path.join(folder, CCACHE_PART));
      if (part !== undefined) parts.set(CCACHE_PART, part);
    }
    await writeManifest(folder, { identity: caching.setting.identity, parts });
    const digest = createHash('sha256');
    for (const [name, { sha256 }] of parts) digest.update(`${name} ${sha256}\n`);
    const key = `${caching.prefix}${digest.digest('hex').slice(0, 16)}`;
    const sizes = [...parts].map(
      ([name, part]) => `${name} ${megabytes(part.bytes)}, ${megabytes(part.unpacked)} unpacked`,
    );
    const what = `${key}: ${sizes.join('; ')}`;
    if (caching.store.folder === undefined)
      return { text: `to be saved as ${what}`, entry: { key, folder }, parts };
    const result = await caching.store.save(key, folder);
    return { text: result.saved ? `saved as ${what}` : `nothing saved: ${result.reason}`, parts };
  } catch (error) {
    host.signal.throwIfAborted();
    return nothing(`nothing saved: ${messageOf(error)}`);
  }
}

function entryFolder(host: Host, request: BuildRequest): string {
  const { RUNNER_TEMP } = host.env;
  return host.env.GITHUB_ACTIONS === 'true' && RUNNER_TEMP
    ? path.join(RUNNER_TEMP, 'kernel-thinlto', 'new-entry')
    : path.join(request.output, '.kernel-thinlto', 'new-entry');
}

const KEPT_DAYS = 7;

/**
 * Packs the compiler cache, less what this build did not use; where most objects were in the output folder and ccache
 * was not asked for them, less what no build of a week used.
 */
async function packCompiler(host: Host, caching: Caching, file: string): Promise<Part | undefined> {
  const { ccache, folder, environment } = caching.compiler;
  if (ccache === undefined || !existsSync(folder)) return undefined;
  const whole = caching.carried.before === undefined;
  const seconds = Math.ceil((Date.now() - caching.began) / 1000) + 1;
  const age = whole ? `${seconds}s` : `${KEPT_DAYS}d`;
  const env = { ...environment, PATH: host.env.PATH ?? '' };
  const before = sizeOf(folder);
  await host.run(ccache.program, ['--evict-older-than', age], { env, timeoutSeconds: 300 });
  host.log.info(
    `Compiler cache: ${megabytes(before)} before, ${megabytes(sizeOf(folder))} after dropping what was not used for ${age}`,
  );
  return packCcacheFolder(host, folder, file);
}

function packCcacheFolder(host: Host, folder: string, file: string): Promise<Part> {
  const names = listOutput(folder, []).map(({ name }) => name);
  const lasting = names.filter((name) => !/^(?:lock|tmp)\//.test(name));
  return packFiles(host, folder, lasting, sizeOf(folder), file);
}

function sizeOf(folder: string): number {
  return listOutput(folder, []).reduce((sum, { size }) => sum + size, 0);
}

/**
 * Packs the compiler cache of a build that was ended before its time: ccache takes a result whole or not at all. The
 * key is empty where there is none.
 */
export async function packUnfinished(host: Host, what: Unfinished): Promise<PackedEntry> {
  if (!existsSync(what.folder)) return { key: '', folder: '' };
  const folder = await emptyFolder(path.join(path.dirname(what.folder), 'new-entry'));
  const part = await packCcacheFolder(host, what.folder, path.join(folder, CCACHE_PART));
  await writeManifest(folder, { identity: what.identity, parts: new Map([[CCACHE_PART, part]]) });
  return { key: `${what.prefix}${part.sha256.slice(0, 16)}`, folder };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
