import { existsSync, lstatSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';
import { listOutput, type OutputFile, removeBuilt } from './output-files.ts';
import { digestOutside } from './outside.ts';
import { readManifest, unpackPart } from './pack.ts';
import { forgetOutdatedRecords } from './records.ts';
import { restoreTimes, retime, type Touched } from './retime.ts';
import { differing, type Sources } from './sources.ts';
import {
  CARRIED_FILE,
  type Identity,
  markBuilding,
  type OutputState,
  readState,
  whyNotFor,
  writeState,
} from './state.ts';
import type { FoundEntry } from './store-entry.ts';

/** Name of the packed output folder in an entry. */
export const STATE_PART = 'state.tar.zst';

/** An output folder and whose build it is. */
export interface OutputPlace {
  readonly tree: string;
  readonly output: string;
  /** Folders below the output folder that are none of its build. */
  readonly without: readonly string[];
  readonly identity: Identity;
}

export interface OutputSetting extends OutputPlace {
  readonly sources: Sources;
}

/** An output folder before a build in it. */
export interface Carried {
  /** One line for people. */
  readonly status: string;
  /** What the folder held; undefined where it is empty, or kbuild's own affair. */
  readonly before: OutputState | undefined;
  /** Source files that differ from those that the folder was made of. */
  readonly changed: readonly string[];
  readonly changedAt: ReadonlyMap<string, bigint>;
  readonly touched: Touched;
  /** Bytes of the entry that was unpacked. */
  readonly bytes: number;
  /** Milliseconds since 1970; what is written to the tree after this may or may not be in the build. */
  readonly since: number;
}

/**
 * Sees to it that the output folder is what a build may go on from: what is there already, where it is as this program
 * left it; else what `find` brings; else nothing. Times are set so that kbuild redoes what depends on files that
 * differ, and nothing else. What cannot be trusted is removed, and the status says why. The list of `sources` may be
 * made meanwhile.
 */
export async function carryOutput(
  host: Host,
  setting: OutputPlace,
  sources: Sources | Promise<Sources>,
  find: () => Promise<{ readonly found: FoundEntry } | { readonly none: string }>,
): Promise<Carried> {
  const since = Date.now();
  const { output } = setting;
  const kept = keptState(setting);
  if ('foreign' in kept) return { ...nothing(kept.foreign, since) };
  markBuilding(output);
  if ('state' in kept) return adopt({ ...setting, sources: await sources }, kept.state, 'kept', 0, since);
  const result = await find();
  if ('none' in result) return nothing(join(kept.removed, `not restored: ${result.none}`), since);
  const { key, folder, bytes } = result.found;
  try {
    const state = await unpack(host, setting, folder);
    const how = join(kept.removed, `restored from ${key}`);
    return adopt({ ...setting, sources: await sources }, state, how, bytes, since);
  } catch (error) {
    host.signal.throwIfAborted();
    removeBuilt(output, setting.without);
    markBuilding(output);
    return nothing(join(kept.removed, `not restored from ${key}: ${messageOf(error)}`), since);
  }
}

function join(first: string | undefined, second: string): string {
  return first === undefined ? second : `${first}; ${second}`;
}

function nothing(status: string, since: number): Carried {
  const none = new Map<string, never>();
  return { status, before: undefined, changed: [], changedAt: none, touched: none, bytes: 0, since };
}

type Kept =
  | { readonly state: OutputState }
  | { readonly foreign: string }
  | { readonly removed: string | undefined };

function keptState(setting: OutputPlace): Kept {
  const { output, without } = setting;
  const state = readState(output);
  if (state === 'absent') {
    const built = ['.config', 'vmlinux.o', 'include/config'].find((name) =>
      existsSync(path.join(output, name)),
    );
    return built === undefined
      ? { removed: undefined }
      : {
          foreign: `not used: ${output} holds a build that is not of this cache, and kbuild goes by its times`,
        };
  }
  const why =
    state === 'broken'
      ? 'its record cannot be read'
      : state === 'building'
        ? 'its build was ended by force'
        : whyNotNow(state, setting.identity);
  if (why !== undefined) {
    removeBuilt(output, without);
    return { removed: `what ${output} held was removed: ${why}` };
  }
  const other = firstDifference(output, (state as OutputState).outputs, true);
  if (other === undefined) return { state: state as OutputState };
  return {
    foreign: `not used: ${other} of ${output} was changed by something else, and kbuild goes by its times`,
  };
}

function whyNotNow({ identity, outside }: OutputState, now: Identity): string | undefined {
  const why = whyNotFor(identity, now);
  if (why !== undefined || digestOutside(outside.paths) === outside.digest) return why;
  return `made with other content of ${outside.paths.join(', ')}`;
}

/** The first file that is not there as it is listed; times differ after an archive was unpacked. */
function firstDifference(output: string, files: readonly OutputFile[], times: boolean): string | undefined {
  return files.find(({ name, size, mtime }) => {
    const info = lstatSync(path.join(output, name), { bigint: true, throwIfNoEntry: false });
    return !info?.isFile() || Number(info.size) !== size || (times && info.mtimeNs !== mtime);
  })?.name;
}

async function unpack(host: Host, setting: OutputPlace, folder: string): Promise<OutputState> {
  const { output, identity } = setting;
  const manifest = await readManifest(folder);
  const refused = whyNotFor(manifest.identity, identity);
  if (refused !== undefined) throw new UserError(refused);
  const part = manifest.parts.get(STATE_PART);
  if (part === undefined) throw new UserError('it holds no output folder');
  await unpackPart(host, path.join(folder, STATE_PART), part, output);
  const state = readState(output, CARRIED_FILE);
  if (typeof state === 'string') throw new UserError('its record cannot be read');
  const why = whyNotNow(state, identity);
  if (why !== undefined) throw new UserError(why);
  const wrong = firstDifference(output, state.outputs, false);
  if (wrong !== undefined) throw new UserError(`its ${wrong} is not what its record says`);
  return state;
}

function adopt(
  setting: OutputSetting,
  before: OutputState,
  how: string,
  bytes: number,
  since: number,
): Carried {
  const { tree, output, sources, without } = setting;
  const changed = differing(before.sources, sources);
  let next = 0n;
  for (const { mtime } of before.outputs) if (mtime >= next) next = mtime + 1n;
  for (const time of before.changedAt.values()) if (time >= next) next = time + 1n;
  const changedAt = new Map([...before.changedAt, ...changed.map((name) => [name, next] as const)]);
  forgetOutdatedRecords(output, before.outputs, tree, before.sources, sources);
  const there = before.outputs.filter(({ name }) => existsSync(path.join(output, name)));
  const status = `${how}: ${changed.length} of ${sources.ids.size} source files differ`;
  try {
    const times = retime(tree, sources.ids.keys(), output, there, changedAt);
    return { status, before, changed, ...times, bytes, since };
  } catch (error) {
    removeBuilt(output, without);
    markBuilding(output);
    return nothing(`not used: ${messageOf(error)}`, since);
  }
}

/**
 * Notes what the output folder holds after a build that came to its own end, and sets the times of source files back.
 * `trusted`: whether what it finished is whole. Returns the record; undefined where there is none to keep.
 */
export function endBuild(
  setting: OutputSetting,
  carried: Carried,
  result: Pick<OutputState, 'mode' | 'config' | 'configRequest' | 'cost' | 'embedding' | 'outside'> & {
    readonly ok: boolean;
    readonly trusted: boolean;
  },
): OutputState | undefined {
  const { tree, output, identity, sources, without } = setting;
  const written = new Set(restoreTimes(tree, carried.touched));
  if (!result.trusted) return undefined;
  const outputs = listOutput(output, without);
  let oldest = BigInt(carried.since) * 1_000_000n;
  for (const { mtime } of outputs) if (mtime < oldest) oldest = mtime;
  const ids = new Map(sources.ids);
  const changedAt = new Map(carried.changedAt);
  for (const name of sources.ids.keys()) {
    const info = lstatSync(path.join(tree, name), { bigint: true, throwIfNoEntry: false });
    const own = carried.touched.has(name) && !written.has(name);
    // Written to while make ran: what was compiled may be either.
    if (info === undefined || (!own && Number(info.ctimeNs / 1_000_000n) >= carried.since)) ids.delete(name);
    // kbuild went by these times, where no record told better.
    else if (carried.before === undefined && info.mtimeNs >= oldest) changedAt.set(name, info.mtimeNs);
  }
  const { mode, config, configRequest, cost, embedding, outside } = result;
  const state: OutputState = {
    identity,
    mode,
    phase: result.ok ? 'done' : 'failed',
    config,
    configRequest,
    sources: { kind: sources.kind, ids },
    changedAt: new Map([...changedAt].filter(([name]) => ids.has(name))),
    outputs,
    embedding,
    outside,
    cost,
  };
  writeState(output, state);
  return state;
}
