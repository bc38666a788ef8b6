import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMode, type Mode } from '../values/mode.ts';
import { type OutputFile, OWN_FOLDER } from './output-files.ts';
import type { Sources } from './sources.ts';

/** What a build in an output folder depends on beyond its source files; kbuild itself sees none of it change. */
export interface Identity {
  readonly arch: string;
  /** SHA-256 of the toolchain. */
  readonly toolchain: string;
  readonly source: string;
  readonly output: string;
  /** The host's system, whose headers and libraries the host programs were built with. */
  readonly host: string;
}

/** What an output folder holds, and what it was made of. */
export interface OutputState {
  readonly identity: Identity;
  readonly mode: Mode;
  readonly phase: 'failed' | 'done';
  /** SHA-256 of .config. */
  readonly config: string;
  /** Digest of what was asked of Kconfig; empty where that does not settle it. */
  readonly configRequest: string;
  readonly sources: Sources;
  /**
   * Source files that changed after something in the folder was made: when, on the clock of the outputs' times. All
   * others are older than every output.
   */
  readonly changedAt: ReadonlyMap<string, bigint>;
  readonly outputs: readonly OutputFile[];
  /** Source files that include other files' bytes with `.incbin`. */
  readonly embedding: readonly string[];
  /** Files and folders outside the tree that went into the build, and the digest over them. */
  readonly outside: { readonly paths: readonly string[]; readonly digest: string };
  /** Seconds of one compile, where they were measured. */
  readonly cost: { readonly frontEnd: number | null; readonly backEnd: number | null };
}

const SCHEMA = 1;
const LIMIT = 512 << 20;
const STATE_FILE = `${OWN_FOLDER}/state.json`;
/** The record as an entry carries it. It gets the other name once the build that goes on from it has ended. */
export const CARRIED_FILE = `${OWN_FOLDER}/carried.json`;

/**
 * Notes that the files of an output folder are about to be written, whose record is then only good again once
 * `writeState` was called: what is ended by force in between leaves halves behind.
 */
export function markBuilding(output: string): void {
  mkdirSync(path.join(output, OWN_FOLDER), { recursive: true });
  write(path.join(output, STATE_FILE), JSON.stringify({ schema: SCHEMA, phase: 'building' }));
}

/** Writes the state of an output folder, for its next build and for an entry to carry. */
export function writeState(output: string, state: OutputState): void {
  const text = JSON.stringify({
    schema: SCHEMA,
    ...state,
    sources: { kind: state.sources.kind, ids: [...state.sources.ids] },
    changedAt: [...state.changedAt].map(([name, time]) => [name, String(time)]),
    outputs: state.outputs.map(({ name, size, mtime }) => [name, size, String(mtime)]),
  });
  write(path.join(output, CARRIED_FILE), text);
  write(path.join(output, STATE_FILE), text);
}

/** Seen whole or not at all. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

/** Forgets the state of an output folder. */
export function removeState(output: string): void {
  rmSync(path.join(output, STATE_FILE), { force: true });
}

/**
 * Reads the state of an output folder; `absent` where there is none, `broken` where it is not what was written,
 * `building` where a build began and did not come to its end.
 */
export function readState(output: string, name = STATE_FILE): OutputState | 'absent' | 'broken' | 'building' {
  const file = path.join(output, name);
  const info = statSync(file, { throwIfNoEntry: false });
  if (info === undefined) return 'absent';
  if (!info.isFile() || info.size > LIMIT) return 'broken';
  try {
    const raw = JSON.parse(readFileSync(file, 'utf8'));
    return raw?.phase === 'building' ? 'building' : (parse(raw) ?? 'broken');
  } catch {
    return 'broken';
  }
}

const TEXT = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(TEXT);

function parse(raw: Record<string, unknown>): OutputState | undefined {
  const {
    schema,
    identity,
    mode,
    phase,
    config,
    configRequest,
    sources,
    changedAt,
    outputs,
    embedding,
    outside,
    cost,
  } = raw as Record<
    string,
    // biome-ignore lint/suspicious/noExplicitAny: each part is looked at below
    any
  >;
  if (schema !== SCHEMA || !isMode(mode) || !['failed', 'done'].includes(phase)) return undefined;
  if (
    !isIdentity(identity) ||
    !TEXT(config) ||
    !TEXT(configRequest) ||
    !['git', 'digests'].includes(sources.kind)
  )
    return undefined;
  if (!isTexts(outside?.paths) || !TEXT(outside.digest)) return undefined;
  const ids = pairs(sources.ids, TEXT);
  const times = pairs(changedAt, isTime);
  if (ids === undefined || times === undefined || !Array.isArray(outputs)) return undefined;
  const files = outputs.flatMap((one: unknown) => {
    const [name, size, mtime] = Array.isArray(one) ? one : [];
    return TEXT(name) && isInside(name) && Number.isSafeInteger(size) && isTime(mtime)
      ? [{ name, size, mtime: BigInt(mtime) }]
      : [];
  });
  if (files.length !== outputs.length || !isTexts(embedding)) return undefined;
  const seconds = (value: unknown) => (typeof value === 'number' && value >= 0 && value < 1e5 ? value : null);
  return {
    identity,
    mode,
    phase,
    config,
    configRequest,
    sources: { kind: sources.kind, ids },
    changedAt: new Map([...times].map(([name, time]) => [name, BigInt(time)])),
    outputs: files,
    embedding,
    outside: { paths: outside.paths, digest: outside.digest },
    cost: { frontEnd: seconds(cost?.frontEnd), backEnd: seconds(cost?.backEnd) },
  };
}

function isTime(value: unknown): value is string {
  return TEXT(value) && /^\d{1,19}$/.test(value);
}

/** Whether a value of unknown origin is an identity. */
export function isIdentity(value: unknown): value is Identity {
  const one = value as Record<string, unknown> | null;
  return (
    typeof one === 'object' &&
    one !== null &&
    ['arch', 'toolchain', 'source', 'output', 'host'].every((name) => TEXT(one[name]))
  );
}

/** A relative path that stays below where it starts. */
function isInside(name: string): boolean {
  return name !== '' && !path.isAbsolute(name) && !name.split('/').includes('..') && !name.includes('\0');
}

function pairs(list: unknown, isValue: (value: unknown) => value is string): Map<string, string> | undefined {
  if (!Array.isArray(list)) return undefined;
  const valid = list.every(
    (one) => Array.isArray(one) && one.length === 2 && TEXT(one[0]) && isValue(one[1]),
  );
  return valid ? new Map(list as [string, string][]) : undefined;
}

/** Why what was made under one identity is not for a build under another, for people; undefined where it is. */
export function whyNotFor(made: Identity, now: Identity): string | undefined {
  if (made.arch !== now.arch) return `made for ${made.arch}`;
  if (made.toolchain !== now.toolchain)
    return `made with another toolchain (${made.toolchain.slice(0, 12)}, now ${now.toolchain.slice(0, 12)})`;
  if (made.source !== now.source) return `made from a tree in another path (${made.source})`;
  if (made.output !== now.output) return `made in another path (${made.output})`;
  if (made.host !== now.host) return `made on another host system (${made.host}, now ${now.host})`;
  return undefined;
}
