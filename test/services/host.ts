import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../src/host/host.ts';
import { createRun } from '../../src/host/programs.ts';
import { createSupervise } from '../../src/host/supervise.ts';

/** A host for tests: programs are run for real, what is logged is kept in `lines`. */
export function testHost(changes: Partial<Host> = {}): Host & { readonly lines: string[] } {
  const lines: string[] = [];
  const signal = changes.signal ?? new AbortController().signal;
  const env = changes.env ?? process.env;
  return {
    lines,
    log: {
      info: (line) => lines.push(line),
      warning: (line) => lines.push(`warning: ${line}`),
      debug: () => undefined,
      output: () => undefined,
      diagnostic: (found) => lines.push(`${found.level}: ${found.message}`),
      openGroup: (title) => {
        lines.push(title);
        return () => undefined;
      },
    },
    progress: () => ({ update: () => undefined, end: () => undefined }),
    run: createRun(signal, env),
    self: [process.execPath, fileURLToPath(new URL('../../src/cli.ts', import.meta.url))],
    supervise: createSupervise(signal, env),
    env,
    cacheFolder: tmpdir(),
    signal,
    ...changes,
  };
}
