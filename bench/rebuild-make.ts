import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeCall, makeEnvironment } from '../src/build/make.ts';
import { reductionMakefile } from '../src/build/reduction-makefile.ts';
import { MODE_SYMBOLS } from '../src/kernel/mode-symbols.ts';
import { archOf } from '../src/values/arch.ts';
import type { Mode } from '../src/values/mode.ts';
import type { Config } from './rebuild-rows.ts';

/** What a side builds: the same for all sides of a row. */
export interface Job {
  readonly config: Config;
  /** Lines like CONFIG_X=y. */
  readonly kconfig: readonly string[];
  readonly mode: Mode;
  /** Seconds since 1970, for the kernel's banner. */
  readonly timestamp: number;
  readonly jobs: number;
  /** Folder of clang. */
  readonly bin: string;
  /** The same paths for each measurement: they are in the bitcode. */
  readonly tree: string;
  readonly output: string;
  readonly folder: string;
  readonly log: string;
}

/** What a compiler cache adds to plain make. */
export interface Around {
  readonly makeArgs: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

/** Runs a program to its end, what it says appended to a log. Throws where it fails, with the log's path. */
export function run(log: string, program: string, args: readonly string[], env = process.env): void {
  mkdirSync(path.dirname(log), { recursive: true });
  const out = openSync(log, 'a');
  try {
    const { status, signal, error } = spawnSync(program, args, { env, stdio: ['ignore', out, out] });
    if (error !== undefined) throw error;
    if (status !== 0) {
      const end = signal === null ? `exit code ${status}` : `signal ${signal}`;
      throw new Error(`${program} ${args[0] ?? ''} ended with ${end}; its output: ${log}`);
    }
  } finally {
    closeSync(out);
  }
}

/** Wall seconds of some work. */
export function seconds(work: () => void): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

/** What a person types to build a kernel: configure, switch the options, configure again, make. */
export function makeKernel(job: Job, around: Around): void {
  mkdirSync(job.output, { recursive: true });
  const makefile = path.join(job.folder, `reduction-${job.mode}.mk`);
  writeFileSync(makefile, reductionMakefile(job.mode, true, { builtIn: [] }) ?? '');
  const { tree: source, output, jobs, timestamp } = job;
  const setting = { source, output, jobs, timestamp, makefile };
  const make = (...targets: string[]) => {
    const call = makeCall(
      {
        ...setting,
        arch: archOf('x86_64'),
        llvm: `${job.bin}/`,
        makeArgs: around.makeArgs,
        unseen: around.variables,
      },
      targets,
    );
    run(job.log, 'make', call.args, makeEnvironment(call, process.env));
  };
  make(job.config);
  const on = [...job.kconfig, `CONFIG_${MODE_SYMBOLS[job.mode]}=y`].flatMap((line) => switchOf(line));
  run(job.log, path.join(source, 'scripts/config'), [
    ...['--file', path.join(output, '.config')],
    ...['--disable', MODE_SYMBOLS.none],
    ...on,
  ]);
  make('olddefconfig');
  checkConfig(job);
  make();
}

function switchOf(line: string): readonly string[] {
  const [, symbol = '', value = ''] = /^CONFIG_(\w+)=(.*)$/.exec(line) ?? [];
  return ['--set-val', symbol, value];
}

/** Kconfig drops an option silently; a row that switches nothing would be measured for nothing. */
function checkConfig(job: Job): void {
  const lines = new Set(readFileSync(path.join(job.output, '.config'), 'utf8').split('\n'));
  for (const line of [...job.kconfig, `CONFIG_${MODE_SYMBOLS[job.mode]}=y`]) {
    if (!lines.has(line)) throw new Error(`${line} did not hold in ${job.output}/.config; log: ${job.log}`);
  }
}
