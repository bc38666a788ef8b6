import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { exec } from '@actions/exec';
import { messageOf, UserError } from '../values/error.ts';
import type { ProgramResult, RunProgram } from '../values/program.ts';
import { definedOf, findProgram } from './find-program.ts';
import { endTree, marked, watchTree } from './process-tree.ts';

const OUTPUT_LIMIT = 16 * 1024 * 1024;
const GRACE_MS = 1000;
/** How long a process that the program left behind may hold its output open. */
const DRAIN_MS = 1000;

/**
 * exec() shows neither its process nor the signal that ended it, and leaves an error of its standard input
 * unhandled, which would end this program. Node's channel tells of each new process in the caller's own context.
 */
const born = new AsyncLocalStorage<(child: ChildProcess) => void>();
subscribe('child_process', (message) => {
  const announce = born.getStore();
  if (announce !== undefined) announce((message as { process: ChildProcess }).process);
});

/** Runs short programs with an environment; they are ended, and a UserError thrown, when `signal` is aborted. */
export function createRun(
  signal: AbortSignal,
  env: Readonly<Record<string, string | undefined>>,
): RunProgram {
  return async (program, args, options = {}) => {
    if (signal.aborted) throw cancelled(program);
    const programEnv = options.env ?? definedOf(env);
    const cwd = options.cwd ?? process.cwd();
    if (!existsSync(cwd)) throw new UserError(`${program}: cannot be run in ${cwd}; there is no such folder`);
    const file = findProgram(program, programEnv.PATH, cwd);
    const limit = options.limit ?? OUTPUT_LIMIT;
    const stdout = keepBytes(limit);
    const stderr = keepBytes(limit);
    const watched = watchChild(signal, options.timeoutSeconds);
    try {
      const code = await born.run(watched.born, () =>
        exec(quoteProgram(file), [...args], {
          silent: true,
          ignoreReturnCode: true,
          cwd,
          env: marked(programEnv),
          // An empty buffer closes the input; without one it stays open, and a program that reads it waits.
          input: Buffer.from(options.input ?? ''),
          delay: DRAIN_MS,
          listeners: { stdout: stdout.add, stderr: stderr.add },
        }),
      );
      await watched.ending();
      if (signal.aborted) throw cancelled(program);
      return {
        code: watched.code(code),
        stdout: stdout.text(),
        stderr: stderr.text(),
      } satisfies ProgramResult;
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`${program}: cannot be run (${messageOf(error).split('\n', 1)[0]})`);
    } finally {
      watched.release();
    }
  };
}

/**
 * One program as the command line that exec() splits again: in quotes, where a quote is escaped; a backslash stands
 * outside of them, where it means itself. The space at the end saves a name that ends in one from being trimmed.
 */
export function quoteProgram(file: string): string {
  return `"${file.replace(/["\\]/g, (found) => (found === '"' ? '\\"' : '"\\"'))}" `;
}

function watchChild(signal: AbortSignal, timeoutSeconds: number | undefined) {
  let child: ChildProcess | undefined;
  let endedBy: NodeJS.Signals | null = null;
  let timedOut = false;
  let timer: NodeJS.Timeout | undefined;
  let ending: Promise<void> | undefined;
  const stop = (graceMs: number) => {
    const pid = child?.pid;
    if (pid !== undefined) ending ??= endTree(watchTree({ pid, included: true }), graceMs);
  };
  const onAbort = () => stop(GRACE_MS);
  return {
    born(newChild: ChildProcess) {
      child = newChild;
      // It has no standard input yet; it has one on the next tick, before an error of it can be told.
      process.nextTick(() => newChild.stdin?.on('error', () => undefined));
      newChild.on('exit', (_code, by) => {
        endedBy = by;
      });
      newChild.on('spawn', () => {
        if (signal.aborted) onAbort();
      });
      signal.addEventListener('abort', onAbort, { once: true });
      if (timeoutSeconds === undefined) return;
      timer = setTimeout(() => {
        timedOut = true;
        stop(0);
      }, timeoutSeconds * 1000);
    },
    ending: async () => await ending,
    code(code: number | null): number {
      if (timedOut) return 137;
      return code ?? 128 + (endedBy === null ? 0 : constants.signals[endedBy]);
    },
    release() {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

function keepBytes(limit: number): { add(data: Buffer): void; text(): string } {
  const parts: Buffer[] = [];
  let kept = 0;
  return {
    add(data) {
      const part = data.subarray(0, limit - kept);
      if (part.length === 0) return;
      parts.push(part);
      kept += part.length;
    },
    text: () => Buffer.concat(parts).toString(),
  };
}

function cancelled(program: string): UserError {
  return new UserError(`Cancelled: ${program} was not run to its end`);
}
