import { spawn } from 'node:child_process';
import { constants, tmpdir } from 'node:os';
import type { Host } from '../../src/host/host.ts';
import { UserError } from '../../src/values/error.ts';
import type { RunProgram } from '../../src/values/program.ts';

/** A host for tests: programs are run for real, what is logged is kept in `lines`. */
export function testHost(changes: Partial<Host> = {}): Host & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    log: {
      info: (line) => lines.push(line),
      warning: (line) => lines.push(`warning: ${line}`),
      debug: () => undefined,
      group: async (title, work) => {
        lines.push(title);
        return await work();
      },
    },
    progress: () => ({ update: () => undefined, end: () => undefined }),
    run: runProgram,
    env: process.env,
    cacheFolder: tmpdir(),
    signal: new AbortController().signal,
    ...changes,
  };
}

const runProgram: RunProgram = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: options.env }),
    });
    const timer =
      options.timeoutSeconds !== undefined
        ? setTimeout(() => child.kill('SIGKILL'), options.timeoutSeconds * 1000)
        : undefined;
    const limit = options.limit ?? 64 * 1024 * 1024;
    const keep = (stream: NodeJS.ReadableStream): (() => string) => {
      const parts: Buffer[] = [];
      let kept = 0;
      stream.on('data', (data: Buffer) => {
        if (kept < limit) parts.push(data.subarray(0, limit - kept));
        kept += data.length;
      });
      return () => Buffer.concat(parts).toString();
    };
    const stdout = keep(child.stdout);
    const stderr = keep(child.stderr);
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new UserError(`${program}: cannot be run (${error.message})`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
        stdout: stdout(),
        stderr: stderr(),
      });
    });
  });
