import { existsSync } from 'node:fs';
import path from 'node:path';
import type { BuildResult } from '../build/run.ts';
import { type CcacheCall, isCompile, readCalls } from '../cache/ccache-calls.ts';
import type { OutputFile } from '../cache/output-files.ts';
import { endBuild, STATE_PART } from '../cache/output-level.ts';
import { digestOutside, namedInArguments, namedInConfig } from '../cache/outside.ts';
import { type Cause, reasonsOf } from '../cache/redone.ts';
import type { OutputState } from '../cache/state.ts';
import { type Host, inGroup } from '../host/host.ts';
import type { Configured } from '../kernel/configure.ts';
import type { CacheCount, CacheLevel, CacheReport } from '../values/cache.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import { type Caching, CCACHE_PART } from './caching.ts';
import { type PackedEntry, type Saving, saveEntry } from './entry.ts';

export interface CacheEnd {
  readonly report: CacheReport;
  /** Where it is for the post step to save. */
  readonly entry?: PackedEntry;
}

export interface BuildEnd {
  readonly mode: Mode;
  readonly configured: Configured;
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
    const { mode, configured, configRequest, result } = end;
    const config = configured.digest;
    const named = [...namedInConfig(configured.values), ...namedInArguments(request.makeArgs, host.env)];
    const outside = { paths: named, digest: digestOutside(named) };
    const cost = costOf(caching, result, request.jobs);
    // Programs that were ended by force, and a full disk, leave halves behind.
    const trusted = result.ok || endedInOrder(result);
    const state = endBuild(setting, carried, {
      mode,
      config,
      configRequest,
      cost,
      embedding,
      outside,
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
    const misses = calls.filter(({ result }) => result === 'miss').length;
    const counted = { state, redone, calls, cause, cost };
    const saving = await saveEntry(host, request, caching, { state, made: redone.length, misses });
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
  const first = compiler.bytesRestored === 0 && hits.length === 0 && caching.carried.before === undefined;
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
