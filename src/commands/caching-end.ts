import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BuildResult } from '../build/run.ts';
import { type CcacheCall, isCompile, readCalls } from '../cache/ccache-calls.ts';
import { listFolders, listOutput, type OutputFile } from '../cache/output-files.ts';
import { endBuild, STATE_PART } from '../cache/output-level.ts';
import { emptyFolder, type Part, packFiles, writeManifest } from '../cache/pack.ts';
import { type Cause, reasonsOf } from '../cache/redone.ts';
import { whySavingIsOff } from '../cache/save-policy.ts';
import { CARRIED_FILE, type OutputState } from '../cache/state.ts';
import { type Host, inGroup } from '../host/host.ts';
import type { CacheCount, CacheLevel, CacheReport } from '../values/cache.ts';
import { messageOf } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import { type Caching, CCACHE_PART } from './caching.ts';

/** An entry that is packed and waits to be saved. */
export interface PackedEntry {
  readonly key: string;
  readonly folder: string;
}

export interface CacheEnd {
  readonly report: CacheReport;
  /** Where it is for the post step to save. */
  readonly entry?: PackedEntry;
}

export interface BuildEnd {
  readonly mode: Mode;
  readonly config: string;
  readonly configRequest: string;
  readonly result: BuildResult;
  /** The output folder as it was when make began. */
  readonly outputsBefore: readonly OutputFile[];
}

/** Closes the cache after a build: records the output folder, packs what is new, saves it where that is not for the post step. */
export async function closeCaching(
  host: Host,
  request: BuildRequest,
  caching: Caching,
  end: BuildEnd,
): Promise<CacheEnd> {
  return inGroup(host, 'Cache: what this build adds', async () => {
    const began = performance.now();
    const { carried, setting, embedding } = caching;
    const { mode, config, configRequest, result } = end;
    const cost = costOf(caching, result, request.jobs);
    // Programs that were ended by force, and a full disk, leave halves behind.
    const trusted = result.ok || endedInOrder(result);
    const state = endBuild(setting, carried, {
      mode,
      config,
      configRequest,
      cost,
      embedding,
      ok: result.ok,
      trusted,
    });
    const calls: CcacheCall[] = [];
    if (existsSync(caching.compiler.log))
      for await (const call of readCalls(caching.compiler.log)) if (isCompile(call)) calls.push(call);
    const redone = state === undefined ? [] : newer(end.outputsBefore, state.outputs);
    const cause: Cause = {
      tree: setting.tree,
      output: setting.output,
      changed: carried.before && new Set(carried.changed),
      configChanged: carried.before?.config !== config,
    };
    const counted = { state, redone, calls, cause, cost };
    const saving = await save(host, request, caching, counted);
    const seconds = (performance.now() - began) / 1000;
    const report: CacheReport = {
      store: caching.store.name,
      key: caching.key,
      levels: [outputLevel(caching, counted, saving, seconds), compilerLevel(caching, counted, saving)],
      saved: saving.text,
    };
    host.log.info(`Cache: ${saving.text}`);
    return { report, ...(saving.entry !== undefined && { entry: saving.entry }) };
  });
}

/** Whether a failed make stopped at a program's own verdict, with all others whole. */
function endedInOrder({ diagnostics, failure }: BuildResult): boolean {
  const errors = diagnostics.filter(({ level }) => level === 'error');
  const verdict = errors.some(({ tool }) =>
    ['clang', 'assembler', 'lld', 'modpost', 'objtool'].includes(tool),
  );
  const forced = diagnostics.some(({ kind }) => kind === 'killed');
  return verdict && !forced && !/no space left/i.test(failure ?? '');
}

interface Counted {
  readonly state: OutputState | undefined;
  readonly redone: readonly string[];
  readonly calls: readonly CcacheCall[];
  readonly cause: Cause;
  readonly cost: OutputState['cost'];
}

/** Objects that were made in this build. */
function newer(before: readonly OutputFile[], after: readonly OutputFile[]): readonly string[] {
  const times = new Map(before.map(({ name, mtime }) => [name, mtime]));
  return after
    .filter(({ name, mtime }) => /\.(?:o|ko)$|^vmlinux$/.test(name) && times.get(name) !== mtime)
    .map(({ name }) => name);
}

/** Seconds of processor time that one compile takes, from a phase with enough of them; else what an earlier build found. */
function costOf(caching: Caching, result: BuildResult, jobs: number): OutputState['cost'] {
  const of = (name: string) => {
    const phase = result.phases.find((one) => one.name === name);
    const hits = caching.compiler.ccache === undefined || caching.carried.before === undefined;
    return hits && (phase?.compiles ?? 0) >= 100
      ? ((phase?.seconds ?? 0) * jobs) / (phase?.compiles ?? 1)
      : null;
  };
  const { frontEnd = null, backEnd = null } = caching.carried.before?.cost ?? {};
  return { frontEnd: frontEnd ?? of('front end'), backEnd: backEnd ?? of('back end') };
}

interface Saving {
  readonly text: string;
  readonly entry?: PackedEntry;
  readonly parts: ReadonlyMap<string, Part>;
}

async function save(host: Host, request: BuildRequest, caching: Caching, counted: Counted): Promise<Saving> {
  const nothing = (text: string): Saving => ({ text, parts: new Map() });
  const { state, redone, calls } = counted;
  const misses = calls.filter(({ result }) => result === 'miss').length;
  const off = whySavingIsOff(request.cache.use, host.env) ?? caching.store.readOnly;
  if (off !== undefined) return nothing(`nothing saved: ${off}`);
  if (state === undefined && (caching.compiler.live || misses === 0))
    return nothing('nothing saved: the build was not ended in order');
  const carried = caching.carried.before !== undefined && caching.carried.bytes > 0;
  if (carried && redone.length === 0 && misses === 0) return nothing('nothing saved: nothing new was made');
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

/** Packs the compiler cache, less what this build did not use. */
async function packCompiler(host: Host, caching: Caching, file: string): Promise<Part | undefined> {
  const { ccache, folder, environment } = caching.compiler;
  if (ccache === undefined || !existsSync(folder)) return undefined;
  const age = Math.ceil((Date.now() - caching.began) / 1000) + 1;
  const env = { ...environment, PATH: host.env.PATH ?? '' };
  await host.run(ccache.program, ['--evict-older-than', `${age}s`], { env, timeoutSeconds: 300 });
  const files = listOutput(folder, []);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const names = files.map(({ name }) => name).filter((name) => !/^(?:lock|tmp)\//.test(name));
  return packFiles(host, folder, names, bytes, file);
}

function outputLevel(caching: Caching, counted: Counted, saving: Saving, seconds: number): CacheLevel {
  const { carried } = caching;
  const { state, redone, cause, cost } = counted;
  const objects = (state?.outputs ?? []).filter(({ name }) => name.endsWith('.o')).length;
  const made = redone.filter((name) => name.endsWith('.o'));
  const kept = carried.before === undefined ? 0 : objects - made.length;
  const each = cost.frontEnd;
  return {
    name: 'output folder',
    status: carried.status,
    hits: kept,
    misses: reasonsOf(made, cause),
    bytesBefore: carried.bytes,
    bytesAfter: saving.parts.get(STATE_PART)?.bytes ?? 0,
    secondsSpent: caching.seconds.output + seconds,
    secondsSaved: each === null || kept === 0 ? null : savedBy(state, redone, cost),
  };
}

/** The processor time of what was not made anew. */
function savedBy(
  state: OutputState | undefined,
  redone: readonly string[],
  cost: OutputState['cost'],
): number {
  const made = new Set(redone);
  let seconds = 0;
  for (const { name } of state?.outputs ?? []) {
    if (!name.endsWith('.o') || made.has(name)) continue;
    seconds += (name.endsWith('.thinlto-native.o') ? cost.backEnd : cost.frontEnd) ?? 0;
  }
  return seconds;
}

function compilerLevel(caching: Caching, { calls, cause, cost }: Counted, saving: Saving): CacheLevel {
  const { compiler, setting } = caching;
  const hits = calls.filter(({ result }) => result === 'hit');
  const missed = calls
    .filter(({ result }) => result === 'miss')
    .map(({ input }) => objectOf(path.relative(setting.tree, path.resolve(setting.output, input)), input));
  const first = compiler.bytesRestored === 0 && hits.length === 0;
  const uncached = new Map<string, number>();
  for (const { result, input, counter } of calls) {
    if (result !== 'uncached' || input === '') continue;
    uncached.set(counter, (uncached.get(counter) ?? 0) + 1);
  }
  const misses: CacheCount[] = [
    ...reasonsOf(missed, first ? { ...cause, changed: undefined } : cause),
    ...[...uncached].map(([counter, count]) => ({
      reason: `not cached: ${counter.replaceAll('_', ' ')}`,
      count,
    })),
  ];
  const backEnds = hits.filter(({ input }) => input.endsWith('.o')).length;
  return {
    name: 'compiler cache',
    status: compiler.status,
    hits: hits.length,
    misses,
    bytesBefore: compiler.bytesRestored,
    bytesAfter: saving.parts.get(CCACHE_PART)?.bytes ?? 0,
    secondsSpent: caching.seconds.compiler,
    secondsSaved:
      cost.frontEnd === null || hits.length === 0
        ? null
        : (hits.length - backEnds) * cost.frontEnd + backEnds * (cost.backEnd ?? 0),
  };
}

/** The object that a compile of an input makes. */
function objectOf(inTree: string, input: string): string {
  return input.endsWith('.o') ? input.replace(/\.o$/, '.thinlto-native.o') : inTree.replace(/\.[cS]$/, '.o');
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
