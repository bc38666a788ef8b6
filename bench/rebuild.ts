// What a rebuild costs: plain make, ccache around CC, a snapshot of the output folder, and this tool, on the same changes
// in one run on one machine, each from a fresh checkout. Goes on where it was stopped; defconfig takes hours.
// Run, with Node 24:
//   KERNEL_THINLTO_TEST_TREE=TREE KERNEL_THINLTO_TEST_LLVM=LLVM CCACHE_NEW=PROGRAM CCACHE_OLD=PROGRAM \
//     node bench/rebuild.ts [--config defconfig|tinyconfig] [--rows a,b] [--sides a,d] [--repeat N] [--work DIR]
// A row that is named is measured in any configuration; plain make of a row that has it only on tinyconfig, where --sides
// names it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { COMMAND } from '../test/services/built.ts';
import { testToolchainFolder } from '../test/services/llvm.ts';
import { testTree } from '../test/services/tree.ts';
import { countCompiles, digestOf, digestOfFolder } from './rebuild-count.ts';
import type { Job } from './rebuild-make.ts';
import {
  find,
  type Identity,
  type Measurement,
  type RebuildResult,
  readMeasurements,
  withRun,
  writeMeasurements,
} from './rebuild-result.ts';
import { BASE_KCONFIG, type Config, ROWS, type Row, SIDES, type Side } from './rebuild-rows.ts';
import { measure, snapshotOf, type Times } from './rebuild-sides.ts';
import { writeDocs } from './rebuild-table.ts';
import { type Commit, changedFiles, freshCheckout, makeRepository } from './rebuild-tree.ts';

// A run that takes longer is not done again.
const SHORT_SECONDS = 120;
const DEBIAN_OLD = 'on Debian 12: apt-get install ccache; elsewhere its package, unpacked by dpkg-deb -x';
const NEW = '4.14 of https://github.com/ccache/ccache/releases, or of Debian unstable';

const { values: flags } = parseArgs({
  options: {
    config: { type: 'string', default: 'tinyconfig' },
    rows: { type: 'string' },
    sides: { type: 'string' },
    repeat: { type: 'string', default: '3' },
    work: { type: 'string', default: path.join(os.tmpdir(), 'kernel-thinlto-rebuild') },
  },
});
const config: Config = oneOf('--config', flags.config, ['defconfig', 'tinyconfig']);
const repeat = Number(flags.repeat);
if (!Number.isInteger(repeat) || repeat < 1) fail(`--repeat: '${flags.repeat}' is not a number from 1`);
const named = flags.rows?.split(',').map((name) =>
  oneOf(
    '--rows',
    name,
    ROWS.map((row) => row.name),
  ),
);
const sides = flags.sides?.split(',').map((name) => oneOf('--sides', name, SIDES)) ?? SIDES;
const rows = ROWS.filter((row) => named?.includes(row.name) ?? row.configs.includes(config));
const sidesOf = (row: Row): readonly Side[] =>
  SIDES.filter((side) => sides.includes(side) && (side === 'a' ? hasPlain(row) : row.sides.includes(side)));
const hasPlain = (row: Row) =>
  row.plain.includes(config) || (flags.sides !== undefined && row.plain.length > 0);

const folder = path.resolve(flags.work);
mkdirSync(folder, { recursive: true });
const given = process.env.KERNEL_THINLTO_TEST_LLVM ?? '';
const bin = existsSync(path.join(given, 'clang')) ? given : path.join(testToolchainFolder(), 'bin');
const usedSides = new Set(rows.flatMap(sidesOf));
const ccacheOld = usedSides.has('b48')
  ? ccacheOf('CCACHE_OLD', /^4\.[78]\b/, '4.7.5 or 4.8', DEBIAN_OLD)
  : null;
const ccacheNew =
  usedSides.has('b414') || usedSides.has('d') ? ccacheOf('CCACHE_NEW', /^4\.1[4-9]\b/, '4.14', NEW) : null;
const tool = usedSides.has('d') ? await digestOfFolder(path.dirname(COMMAND)) : null;

const tree = testTree();
console.log(`Repository of ${tree} in ${folder}`);
const repository = makeRepository(folder, tree, config);
const jobs = os.availableParallelism();
const machine = {
  processor: os.cpus()[0]?.model ?? 'unknown',
  processors: jobs,
  memoryGB: Math.round(os.totalmem() / 1e9),
  kernel: os.release(),
  node: process.version,
};
let result: RebuildResult = {
  what: 'x86_64; wall seconds of a rebuild after a change, restoring and saving included',
  config,
  kconfig: BASE_KCONFIG[config].join(' '),
  machine,
  versions: {
    linux: linuxVersion(),
    llvm: firstLine(path.join(bin, 'clang')),
  },
  measurements: readMeasurements(config),
};

try {
  for (const row of rows) {
    await measureRow(row);
    writeDocs(result);
  }
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

/** The sides of a row one after the other, and that again until each has its runs. */
async function measureRow(row: Row): Promise<void> {
  for (let turn = 0; turn < repeat; turn += 1) {
    for (const side of sidesOf(row)) {
      const runs = find(result.measurements, row.name, side, identityOf(row, side))?.runs ?? [];
      if (runs.length > turn || (runs[0] !== undefined && runs[0].seconds > SHORT_SECONDS)) continue;
      await ensureBase(row, side);
      await measureOnce(row, side);
    }
  }
}

/** Fills the store that a row starts from, by a cold build, where it is not there from an earlier one. */
async function ensureBase(row: Row, side: Side): Promise<void> {
  const cold = coldRow(row);
  if (cold === undefined || side === 'a') return;
  const mark = `${storeOf(cold, side)}.json`;
  const wanted = JSON.stringify(identityOf(cold, side));
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  await measureOnce(cold, side);
}

async function measureOnce(row: Row, side: Side): Promise<void> {
  const commit = commitOf(row);
  const cold = coldRow(row);
  const output = path.join(folder, 'out');
  const log = path.join(folder, 'logs', `${config}-${row.name}-${side}.log`);
  const job: Job = {
    config,
    kconfig: linesOf(row),
    mode: row.mode,
    timestamp: commit.seconds,
    jobs,
    bin,
    tree: path.join(folder, 'tree'),
    output,
    folder,
    log,
  };
  rmSync(output, { recursive: true, force: true });
  rmSync(log, { force: true });
  freshCheckout(repository, commit, job.tree);
  // What the checkout left to be written is not this build's.
  execFileSync('sync');
  const start = {
    changed: changedFiles(repository, commit),
    ccacheOld: ccacheOld?.program ?? '',
    ccacheNew: ccacheNew?.program ?? '',
    ...(cold !== undefined && { base: storeOf(cold, side) }),
  };
  const times = kept(row, side, (keep) => measure(side, job, { ...start, ...keep }));
  await record(row, side, job, times);
  // The snapshot's first build is a plain make: this one is packed, and not made again.
  if (side === 'a' && cold === undefined && sidesOf(row).includes('c'))
    await record(
      row,
      'c',
      job,
      kept(row, 'c', (keep) => snapshotOf(job, times, { ...start, ...keep })),
    );
}

/** Has a cold build fill the store that others start from, which is none until it ended well. */
function kept(row: Row, side: Side, work: (keep: { keep?: string }) => Times): Times {
  if (coldRow(row) !== undefined || side === 'a') return work({});
  const keep = storeOf(row, side);
  rmSync(`${keep}.json`, { force: true });
  const times = work({ keep });
  writeFileSync(`${keep}.json`, JSON.stringify(identityOf(row, side)));
  return times;
}

async function record(row: Row, side: Side, { tree, output }: Job, times: Times): Promise<void> {
  const compiles = await countCompiles(times.buildLog, times.calls, row.mode, tree, output);
  const run = {
    date: new Date().toISOString(),
    seconds: rounded(times.seconds),
    parts: Object.fromEntries(Object.entries(times.parts).map(([name, value]) => [name, rounded(value)])),
    ...compiles,
    bytes: times.bytes,
    vmlinux: await digestOf(path.join(output, 'vmlinux')),
    systemMap: await digestOf(path.join(output, 'System.map')),
    equal: null,
  };
  const measurements: readonly Measurement[] = withRun(
    result.measurements,
    row.name,
    side,
    identityOf(row, side),
    run,
  );
  result = writeMeasurements({ ...result, measurements });
  const { frontEnds, backEnds } = compiles;
  console.log(
    `${row.name} ${side}: ${run.seconds.toFixed(1)} s, front ends ${frontEnds.ran} of ${frontEnds.asked} asked for, back ends ${backEnds.ran} of ${backEnds.asked}`,
  );
}

/** The row whose build fills the stores that a row starts from; undefined for a cold one. */
function coldRow(row: Row): Row | undefined {
  return row.base && ROWS.find((one) => one.base === undefined && one.mode === row.base);
}

function commitOf(row: Row): Commit {
  return repository.rows.get(row.name) ?? repository.base;
}

function linesOf(row: Row): readonly string[] {
  return [...BASE_KCONFIG[config], ...(row.kconfig?.[config] ?? [])];
}

function storeOf(cold: Row, side: Side): string {
  return path.join(folder, 'base', `${config}-${cold.name}-${side}`);
}

function identityOf(row: Row, side: Side): Identity {
  const versions = { a: null, b48: ccacheOld, b414: ccacheNew, c: null, d: ccacheNew };
  const restores = row.base !== undefined && side !== 'a';
  return {
    commit: commitOf(row).id,
    base: restores ? repository.base.id : null,
    config,
    kconfig: linesOf(row).join(' '),
    mode: row.mode,
    baseMode: restores ? (row.base ?? null) : null,
    jobs,
    machine: `${machine.processor}, ${jobs} processors, ${machine.memoryGB} GB`,
    llvm: result.versions.llvm,
    ccache: versions[side]?.version ?? null,
    tool: side === 'd' ? tool : null,
  };
}

function ccacheOf(variable: string, version: RegExp, wanted: string, howTo: string) {
  const program = process.env[variable] ?? '';
  if (!existsSync(program)) fail(`${variable} names no ccache ${wanted}: ${howTo}`);
  const found = /^ccache version (\S+)/.exec(firstLine(program))?.[1] ?? 'of an unknown version';
  if (!version.test(found)) fail(`${variable}: ${program} is ccache ${found}, not ${wanted}: ${howTo}`);
  return { program: path.resolve(program), version: found };
}

function firstLine(program: string): string {
  return execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n', 1)[0] ?? '';
}

function linuxVersion(): string {
  const makefile = readFileSync(path.join(tree, 'Makefile'), 'utf8');
  const of = (name: string) => new RegExp(`^${name} *= *(.*)$`, 'm').exec(makefile)?.[1] ?? '';
  return `${of('VERSION')}.${of('PATCHLEVEL')}.${of('SUBLEVEL')}${of('EXTRAVERSION')}`;
}

function oneOf<T extends string>(flag: string, value: string, known: readonly T[]): T {
  return known.find((one) => one === value) ?? fail(`${flag}: '${value}' is none of ${known.join(', ')}`);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function fail(message: string): never {
  console.error(`rebuild: ${message}`);
  process.exit(1);
}
