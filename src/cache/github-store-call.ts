import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { definedOf, findProgram } from '../host/find-program.ts';
import type { Host } from '../host/host.ts';
import { superviseProgram } from '../host/supervise.ts';
import { STORE_CALL, type StoreCall } from './github-store-child.ts';
import { type CallFolder, TAR_VARIABLE } from './github-store-folder.ts';
import { collectReasons } from './github-store-reason.ts';

/** What a call may cost: milliseconds without a byte read or written, milliseconds in all, bytes on the disk. */
export interface StoreBounds {
  readonly stallMs: number;
  readonly totalMs: number;
  readonly maxBytes: number;
}

export interface CallSettings {
  readonly bounds: StoreBounds;
  readonly folder: CallFolder;
  /** Of the progress shown. */
  readonly title: string;
}

/**
 * Runs a call in a process of its own and ends its whole tree at a bound, or where the host is cancelled. Returns why
 * it was ended (`stopped`), else what the process printed of a failure (`reason`); both one line.
 */
export async function runBounded(
  host: Pick<Host, 'env' | 'signal' | 'progress' | 'self'>,
  call: StoreCall,
  { bounds, folder, title }: CallSettings,
): Promise<{ readonly stopped?: string; readonly reason?: string }> {
  const reasons = collectReasons();
  const bound = new AbortController();
  const progress = host.progress(title, 'bytes');
  let moved = '';
  const watch = watchBytes(
    folder,
    () => moved,
    bounds,
    (stopped) => bound.abort(stopped),
    progress.update,
  );
  try {
    const [program = '', ...args] = host.self;
    await superviseProgram(program, [...args, STORE_CALL, JSON.stringify(call)], {
      cwd: folder.files,
      env: environment(host.env, folder, bounds),
      signal: AbortSignal.any([host.signal, bound.signal]),
      graceMs: 500,
      onLine(line) {
        reasons.add(line);
        moved = /^(?:Sent|Received) (\d+ of \d+)/.exec(line)?.[1] ?? moved;
      },
    });
  } finally {
    watch.end();
    progress.end();
  }
  if (bound.signal.aborted) {
    const last = reasons.lastAttempt();
    return { stopped: `${bound.signal.reason}${last === undefined ? '' : `; ${last}`}` };
  }
  const reason = reasons.reason();
  return reason === undefined ? {} : { reason };
}

function environment(env: Host['env'], folder: CallFolder, bounds: StoreBounds): Record<string, string> {
  const { TAR_OPTIONS: _, RUNNER_DEBUG: __, ...rest } = definedOf(env);
  return {
    SEGMENT_DOWNLOAD_TIMEOUT_MINS: String(bounds.totalMs / 60_000),
    ...rest,
    PATH: `${folder.bin}:${env.PATH ?? ''}`,
    [TAR_VARIABLE]: findProgram('tar', env.PATH, folder.root),
    RUNNER_TEMP: folder.temp,
    GITHUB_WORKSPACE: folder.files,
  };
}

/** Looks at the bytes of a call again and again; calls `stop` with the reason when a bound is reached. */
function watchBytes(
  folder: CallFolder,
  moved: () => string,
  { stallMs, totalMs, maxBytes }: StoreBounds,
  stop: (reason: string) => void,
  show: (done: number, total: number | undefined) => void,
): { end(): void } {
  const started = performance.now();
  const seconds = (milliseconds: number) => `${Math.round(milliseconds / 100) / 10} s`;
  let seen = '';
  let since = started;
  let ended = false;
  let timer: NodeJS.Timeout;
  const look = async () => {
    const bytes = await bytesBelow([folder.files, folder.temp]).catch(() => 0);
    if (ended) return;
    const now = performance.now();
    const [done, total] = moved().split(' of ').map(Number);
    if (done !== undefined && total !== undefined) show(done, total);
    const state = `${bytes} ${moved()}`;
    if (state !== seen) since = now;
    seen = state;
    if (bytes > maxBytes || (total ?? 0) > maxBytes) return stop(`it has more than ${maxBytes} bytes`);
    if (now - started >= totalMs) return stop(`not done after ${seconds(totalMs)}`);
    if (now - since >= stallMs) return stop(`no byte for ${seconds(stallMs)}`);
    timer = setTimeout(look, Math.min(500, stallMs / 4));
  };
  timer = setTimeout(look, Math.min(500, stallMs / 4));
  return {
    end() {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/** Bytes of the files below folders, two levels deep. */
async function bytesBelow(folders: readonly string[], depth = 2): Promise<number> {
  let bytes = 0;
  for (const folder of folders) {
    for (const name of await readdir(folder)) {
      const file = path.join(folder, name);
      const info: Stats | undefined = await lstat(file).catch(() => undefined);
      if (info?.isFile()) bytes += info.size;
      else if (info?.isDirectory() && depth > 1) bytes += await bytesBelow([file], depth - 1);
    }
  }
  return bytes;
}
