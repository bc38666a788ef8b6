import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../values/error.ts';
import { definedOf, findProgram } from './find-program.ts';
import type { Supervise, Supervised, SuperviseOptions } from './host.ts';
import { splitLines } from './lines.ts';
import { countOomKills, watchMemory } from './memory.ts';
import { endTree, marked, markerOf, watchTree } from './process-tree.ts';

/** Milliseconds between SIGTERM and SIGKILL. */
export const GRACE_MS = 2000;
const SAMPLE_MS = 1000;
/** How long output is still read after the program's end, where a process that it left behind holds the pipe. */
const DRAIN_MS = 1000;

export interface SuperviseSettings extends SuperviseOptions {
  readonly signal: AbortSignal;
  readonly graceMs?: number;
}

/** The `supervise` of a host, with its signal and its environment. */
export function createSupervise(
  signal: AbortSignal,
  env: Readonly<Record<string, string | undefined>>,
): Supervise {
  return (program, args, options) =>
    superviseProgram(program, args, { env: definedOf(env), ...options, signal });
}

/**
 * Runs a program in a session of its own and hands on its lines. Where `signal` is aborted, every process of the
 * tree gets SIGTERM, after `graceMs` (2 s) SIGKILL, and the promise resolves when none is left, within 5 s.
 * Throws a UserError where the program is not there or cannot be started.
 */
export async function superviseProgram(
  program: string,
  args: readonly string[],
  settings: SuperviseSettings,
): Promise<Supervised> {
  if (settings.signal.aborted) throw new UserError(`Cancelled: ${program} was not started`);
  const env = settings.env ?? definedOf(process.env);
  const file = findProgram(program, env.PATH, settings.cwd ?? process.cwd());
  const part = `-${randomUUID()}`;
  const oomBefore = countOomKills();
  const child = spawn(file, args, {
    ...(settings.cwd !== undefined && { cwd: settings.cwd }),
    env: marked(env, part),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = readOutput(child, settings);
  const ended = endOf(child, program);
  const pid = child.pid;
  if (pid === undefined) {
    await ended;
    throw new UserError(`${program}: cannot be started`);
  }
  const memory = watchMemory(pid);
  const sampler = setInterval(memory.sample, SAMPLE_MS).unref();
  const list = watchTree({ pid, included: true, marker: markerOf(part) });
  let ending: Promise<void> | undefined;
  const stop = () => {
    ending ??= endTree(list, settings.graceMs ?? GRACE_MS);
  };
  settings.signal.addEventListener('abort', stop, { once: true });
  try {
    const { code, signal } = await ended;
    await ending;
    await Promise.race([output, sleep(ending === undefined ? DRAIN_MS : 100, undefined, { ref: false })]);
    // Cancelled in these last moments: what the program left behind has to go too.
    await ending;
    const oomAfter = countOomKills();
    return {
      code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
      signal: signal ?? undefined,
      peak: memory.peak(),
      oomKills: oomBefore === undefined || oomAfter === undefined ? undefined : oomAfter - oomBefore,
    };
  } finally {
    clearInterval(sampler);
    settings.signal.removeEventListener('abort', stop);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function endOf(child: ChildProcess, program: string) {
  return new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (error) => reject(new UserError(`${program}: cannot be started (${error.message})`)));
  });
}

/** Resolves when both streams have ended. */
async function readOutput(child: ChildProcess, settings: SuperviseSettings): Promise<void> {
  const read = (name: 'stdout' | 'stderr') =>
    new Promise<void>((resolve) => {
      const stream = child[name];
      if (stream === null) return resolve();
      const lines = splitLines((line) => settings.onLine(line, name));
      stream.on('data', lines.add);
      stream.on('error', () => undefined);
      stream.on('close', () => {
        lines.end();
        resolve();
      });
    });
  await Promise.all([read('stdout'), read('stderr')]);
}
