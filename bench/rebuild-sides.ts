import { copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { COMMAND } from '../test/services/built.ts';
import { type Job, makeKernel, run, seconds } from './rebuild-make.ts';
import type { Side } from './rebuild-rows.ts';

/** One measurement's times and what was made to be kept. */
export interface Times {
  /** Of the whole: restoring, building, saving. */
  readonly seconds: number;
  readonly parts: Readonly<Record<string, number>>;
  /** Sizes of what the next build is given, in bytes. */
  readonly bytes: Readonly<Record<string, number>>;
  /** Where the output of make is; for counting. */
  readonly buildLog: string;
  /** Statistics log of ccache; absent where there is none. */
  readonly calls?: string;
}

/** What a side finds. */
export interface Start {
  /** Store that an earlier build filled; absent for a cold build. */
  readonly base?: string;
  /** Where the store is to be after this build, for the rows to start from; absent where nobody needs it. */
  readonly keep?: string;
  /** Files that differ from those of the base, relative to the tree. */
  readonly changed: readonly string[];
  /** The two ccache programs. */
  readonly ccacheOld: string;
  readonly ccacheNew: string;
}

/** Builds with a side. The checkout is fresh and the output folder is gone when it begins. */
export function measure(side: Side, job: Job, start: Start): Times {
  switch (side) {
    case 'a':
      return plain(job);
    case 'b48':
      return withCcache(job, start, start.ccacheOld);
    case 'b414':
      return withCcache(job, start, start.ccacheNew);
    case 'c':
      return withSnapshot(job, start);
    case 'd':
      return withTool(job, start);
  }
}

function plain(job: Job): Times {
  const make = seconds(() => makeKernel(job, { makeArgs: [], variables: {} }));
  return { seconds: make, parts: { make }, bytes: {}, buildLog: job.log };
}

/** ccache around CC and nothing else set, its folder packed after each build, as the usual action does. */
function withCcache(job: Job, start: Start, ccache: string): Times {
  const name = 'ccache';
  const folder = path.join(job.folder, name);
  rmSync(folder, { recursive: true, force: true });
  const calls = path.join(job.folder, 'ccache-calls.log');
  rmSync(calls, { force: true });
  const around = {
    makeArgs: [`CC=${ccache} ${job.bin}/clang`],
    variables: { CCACHE_DIR: folder, CCACHE_STATSLOG: calls },
  };
  const restore = seconds(() => unpack(job, start));
  const make = seconds(() => makeKernel(job, around));
  const saved = path.join(job.folder, 'saved.tar.zst');
  const save = seconds(() => pack(job, name, saved));
  return { ...packed(job, start, saved, { restore, make, save }), calls };
}

/** All sources of one older time, the whole output folder of one newer time, and what differs of now. */
function withSnapshot(job: Job, start: Start): Times {
  const restore = seconds(() => {
    if (start.base === undefined) return;
    unpack(job, start);
    const now = Math.floor(Date.now() / 1000);
    touch(job, now - 7200, job.tree, '-path', path.join(job.tree, '.git'), '-prune', '-o');
    touch(job, now - 3600, job.output);
    for (const name of start.changed) run(job.log, 'touch', ['--no-create', path.join(job.tree, name)]);
  });
  const make = seconds(() => makeKernel(job, { makeArgs: [], variables: {} }));
  return snapshotOf(job, { parts: { restore, make } }, start);
}

/** The output folder that a plain make left, packed: what the snapshot's side does after a build. */
export function snapshotOf(job: Job, made: Pick<Times, 'parts'>, start: Start): Times {
  const saved = path.join(job.folder, 'saved.tar.zst');
  const save = seconds(() => pack(job, path.basename(job.output), saved));
  return packed(job, start, saved, { ...made.parts, save });
}

function touch(job: Job, time: number, folder: string, ...except: string[]): void {
  const stamp = ['touch', '--no-dereference', '--no-create', `--date=@${time}`];
  run(job.log, 'find', [folder, ...except, '-exec', ...stamp, '{}', '+']);
}

/** The bundled command, on a machine that has ccache 4.14 and nothing of the tool's own but the store. */
function withTool(job: Job, start: Start): Times {
  const store = path.join(job.folder, 'store');
  const report = path.join(job.folder, 'report');
  const own = path.join(job.folder, 'own');
  const programs = path.join(job.folder, 'programs');
  for (const folder of [store, report, own, programs]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(programs, { recursive: true });
  symlinkSync(start.ccacheNew, path.join(programs, 'ccache'));
  if (start.base !== undefined) {
    run(job.log, 'cp', ['-a', start.base, store]);
    run(job.log, 'sync', []);
  }
  const variables = Object.entries(process.env).filter(
    ([name]) => !/^(GITHUB_|ACTIONS_|RUNNER_|CCACHE_|KERNEL_THINLTO_)/.test(name),
  );
  const env = {
    ...Object.fromEntries(variables),
    PATH: `${programs}:${process.env.PATH}`,
    KERNEL_THINLTO_CACHE: own,
  };
  const args = [
    ...[COMMAND, 'build', '--source', job.tree, '--output', job.output, '--arch', 'x86_64'],
    ...['--config', job.config, ...job.kconfig.flatMap((line) => ['--kconfig', line])],
    ...['--lto', job.mode, '--suffix-reduction', 'on', '--jobs', String(job.jobs)],
    ...['--cache', 'auto', '--cache-dir', store, '--llvm-path', job.bin, '--report-dir', report],
  ];
  const whole = seconds(() => run(job.log, process.execPath, args, env));
  const { build } = JSON.parse(readFileSync(path.join(report, 'report.json'), 'utf8'));
  const parts = new Map<string, number>();
  for (const { name, seconds } of build.phases) parts.set(name, seconds);
  for (const { name, secondsSpent } of build.cache?.levels ?? []) parts.set(`cache: ${name}`, secondsSpent);
  const bytes = {
    'output folder': sizeOf(job, path.join(store, 'entries')),
    'compiler cache': sizeOf(job, path.join(store, 'ccache')),
  };
  if (start.keep !== undefined) {
    rmSync(start.keep, { recursive: true, force: true });
    mkdirSync(path.dirname(start.keep), { recursive: true });
    run(job.log, 'cp', ['-a', store, start.keep]);
  }
  const calls = path.join(job.output, '.kernel-thinlto/ccache-calls.log');
  const buildLog = path.join(report, 'build.log');
  const times = { seconds: whole, parts: Object.fromEntries(parts), bytes, buildLog };
  return existsSync(calls) ? { ...times, calls } : times;
}

// As @actions/cache packs: `tar --posix --use-compress-program zstdmt`, which is level 3 on all processors.
function pack(job: Job, name: string, file: string): void {
  rmSync(file, { force: true });
  const tar = ['--posix', '--use-compress-program', 'zstd -3 -T0', '-cf', file, '-C', job.folder, name];
  run(job.log, 'tar', tar);
}

function unpack(job: Job, start: Start): void {
  if (start.base === undefined) return;
  run(job.log, 'tar', ['-xf', start.base, '--use-compress-program', 'zstd -d', '-C', job.folder]);
}

function packed(job: Job, start: Start, saved: string, parts: Readonly<Record<string, number>>): Times {
  if (start.keep !== undefined) {
    mkdirSync(path.dirname(start.keep), { recursive: true });
    copyFileSync(saved, start.keep);
  }
  const bytes = { packed: lstatSync(saved).size };
  rmSync(saved);
  const whole = Object.values(parts).reduce((sum, part) => sum + part, 0);
  return { seconds: whole, parts, bytes, buildLog: job.log };
}

function sizeOf(job: Job, folder: string): number {
  if (!existsSync(folder)) return 0;
  const list = path.join(job.folder, 'sizes.log');
  rmSync(list, { force: true });
  run(list, 'du', ['--summarize', '--apparent-size', '--block-size=1', folder]);
  return Number.parseInt(readFileSync(list, 'utf8'), 10);
}
