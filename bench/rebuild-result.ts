import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Compiles } from './rebuild-count.ts';
import type { Config, Side } from './rebuild-rows.ts';
import { writeResult } from './result.ts';

/** `results/rebuild-<config>.json`, besides the name and the date that each result has. */
export interface RebuildResult {
  readonly what: string;
  readonly config: Config;
  /** Lines that each build of it has on top, with spaces between them. */
  readonly kconfig: string;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly measurements: readonly Measurement[];
}

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGB: number;
  /** Of the system that it runs. */
  readonly kernel: string;
  readonly node: string;
}

export interface Versions {
  readonly linux: string;
  readonly llvm: string;
}

/** One side of a row. */
export interface Measurement {
  readonly row: string;
  readonly side: Side;
  /** What was measured; a measurement of something else is made anew. */
  readonly identity: Identity;
  readonly runs: readonly Run[];
}

/** All that a time depends on. */
export interface Identity {
  /** Git commit of the sources: it is the same for the same sources in each run. */
  readonly commit: string;
  /** Of the sources that the store was filled from; null for a cold build. */
  readonly base: string | null;
  readonly config: Config;
  /** Lines on top of it, with spaces between them. */
  readonly kconfig: string;
  readonly mode: string;
  /** Mode of the build that filled the store; null for a cold build. */
  readonly baseMode: string | null;
  readonly jobs: number;
  readonly machine: string;
  readonly llvm: string;
  /** Version; null for a side without one. */
  readonly ccache: string | null;
  /** SHA-256 (hex) of the bundled command; null for a side without it. */
  readonly tool: string | null;
}

export interface Run {
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Wall seconds of the whole: restoring, configuring, building, saving. The checkout is not in it. */
  readonly seconds: number;
  /** Wall seconds of the parts that are known. */
  readonly parts: Readonly<Record<string, number>>;
  readonly frontEnds: Compiles;
  readonly backEnds: Compiles;
  /** Sizes of the store afterwards. */
  readonly bytes: Readonly<Record<string, number>>;
  /** SHA-256 (hex). */
  readonly vmlinux: string;
  readonly systemMap: string;
  /** Whether both files are those of plain make of the same sources; null where that was not built. */
  readonly equal: boolean | null;
}

/** What there is already of a configuration; empty where nothing is. */
export function readMeasurements(config: Config): readonly Measurement[] {
  const file = fileURLToPath(new URL(`results/rebuild-${config}.json`, import.meta.url));
  if (!existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, 'utf8')) as RebuildResult).measurements;
}

/** Writes the result, each run compared with plain make of the same sources. */
export function writeMeasurements(result: RebuildResult): RebuildResult {
  const compared = { ...result, measurements: compare(result.measurements) };
  writeResult(`rebuild-${result.config}`, compared);
  return compared;
}

/** The measurements with one more run; another identity of the same row and side goes. */
export function withRun(
  measurements: readonly Measurement[],
  row: string,
  side: Side,
  identity: Identity,
  run: Run,
): readonly Measurement[] {
  const before = find(measurements, row, side, identity);
  const others = measurements.filter((one) => one.row !== row || one.side !== side);
  return [...others, { row, side, identity, runs: [...(before?.runs ?? []), run] }];
}

/** The measurement of a row and side with just this identity. */
export function find(
  measurements: readonly Measurement[],
  row: string,
  side: Side,
  identity: Identity,
): Measurement | undefined {
  const wanted = JSON.stringify(identity);
  return measurements.find(
    (one) => one.row === row && one.side === side && JSON.stringify(one.identity) === wanted,
  );
}

function compare(measurements: readonly Measurement[]): readonly Measurement[] {
  const sources = ({ commit, config, kconfig, mode, llvm }: Identity) =>
    JSON.stringify([commit, config, kconfig, mode, llvm]);
  const plain = new Map(
    measurements
      .filter(({ side, runs }) => side === 'a' && runs.length > 0)
      .map(({ identity, runs }) => [sources(identity), runs[0]]),
  );
  return measurements.map((one) => {
    const other = plain.get(sources(one.identity));
    const runs = one.runs.map((run) => ({
      ...run,
      equal: other === undefined ? null : run.vmlinux === other.vmlinux && run.systemMap === other.systemMap,
    }));
    return { ...one, runs };
  });
}
