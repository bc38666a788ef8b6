import { closeSync, mkdirSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Host, Progress } from '../host/host.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import { createDiagnostics, firstCause } from './diagnostics.ts';
import { type MakeCall, makeEnvironment } from './make.ts';
import { type BuildPhase, phasesOf, readStep } from './phases.ts';

export interface PhaseTime {
  readonly name: string;
  readonly seconds: number;
  /** How many compiles a phase of the build had. */
  readonly compiles?: number;
}

export interface BuildResult {
  readonly ok: boolean;
  readonly phases: readonly PhaseTime[];
  readonly diagnostics: readonly Diagnostic[];
  /** How many more there were than could be kept. */
  readonly droppedDiagnostics: number;
  /** One line that says why, where it failed. */
  readonly failure?: string;
}

export interface BuildWork {
  readonly call: MakeCall;
  readonly mode: Mode;
  readonly source: string;
  readonly output: string;
  readonly logFile: string;
  /** How many compiles the front end has, once somebody has counted. */
  readonly frontEndTotal: Promise<number | undefined>;
}

/**
 * Runs the make of a build to its end: every line into the log file, phases and progress from what it prints,
 * diagnostics from what its programs say. A failed build is a result, not an error; a cancelled one is an error.
 */
export async function runBuild(host: Host, work: BuildWork): Promise<BuildResult> {
  mkdirSync(path.dirname(work.logFile), { recursive: true });
  const log = openSync(work.logFile, 'w');
  const diagnostics = createDiagnostics({ source: work.source, output: work.output });
  const phases = followPhases(host, work);
  let logError: string | undefined;
  try {
    const ended = await host.supervise('make', work.call.args, {
      env: makeEnvironment(work.call, host.env),
      onLine: (line) => {
        // A full disk must not hide the compiler's own words about it, so the build goes on without its log.
        try {
          writeSync(log, `${line}\n`);
        } catch (error) {
          logError ??= messageOf(error);
        }
        phases.line(line);
        for (const found of diagnostics.line(line)) host.log.diagnostic(found);
      },
    });
    const found = diagnostics.end();
    const times = phases.end();
    if (host.signal.aborted) throw new UserError('Cancelled: the build was stopped before its end');
    const { errors, warnings } = diagnostics.dropped();
    const result = { phases: times, diagnostics: found, droppedDiagnostics: errors + warnings };
    if (ended.code === 0 && logError === undefined) return { ok: true, ...result };
    return { ok: false, ...result, failure: explain(work, found, ended, logError) };
  } finally {
    closeSync(log);
    phases.end();
  }
}

/** Goes through the phases as the lines tell, shows each as a group with its progress, and takes the times. */
function followPhases(host: Host, work: BuildWork) {
  const order = phasesOf(work.mode);
  const times: PhaseTime[] = [];
  let current = -1;
  let started = performance.now();
  let done = 0;
  let total: number | undefined;
  let progress: Progress | undefined;
  let closeGroup = () => {};

  const leave = () => {
    progress?.end();
    closeGroup();
    const name = order[current];
    if (name !== undefined)
      times.push({ name, seconds: (performance.now() - started) / 1000, compiles: done });
  };
  const enter = (index: number) => {
    leave();
    current = index;
    started = performance.now();
    done = 0;
    const name: BuildPhase = order[index] ?? 'link and the rest';
    closeGroup = host.log.openGroup(`Build: ${name}`);
    progress = host.progress(name, 'items');
    total = name === 'back end' ? countLines(path.join(work.output, 'vmlinux.thinlto-index')) : undefined;
    progress.update(0, total);
    if (name === 'front end') {
      void work.frontEndTotal.then((count) => {
        if (current === index) total = count;
      });
    }
  };

  enter(0);
  let ended = false;
  return {
    line(text: string): void {
      host.log.output(text);
      const step = readStep(text, work.mode);
      const index = step.phase === undefined ? -1 : order.indexOf(step.phase);
      if (index > current) enter(index);
      if (!step.compile || index !== current) return;
      done += 1;
      // A count that turns out too small would promise an end that is past.
      progress?.update(done, total !== undefined && total >= done ? total : undefined);
    },
    end(): readonly PhaseTime[] {
      if (!ended) leave();
      ended = true;
      return times;
    },
  };
}

interface Ended {
  readonly code: number;
  readonly peak: { readonly command: string; readonly bytes: number } | undefined;
  readonly oomKills: number | undefined;
}

function explain(
  work: BuildWork,
  found: readonly Diagnostic[],
  ended: Ended,
  logError: string | undefined,
): string {
  const cause = firstCause(found);
  const { bavail, bsize } = statfsSync(work.output);
  const full = logError !== undefined || (cause?.message.includes('No space left on device') ?? false);
  if (full || bavail * bsize < 1_000_000) {
    return `output: no space left on the disk of ${work.output} (${Math.round((bavail * bsize) / 1e6)} MB free); free some, or choose another output`;
  }
  if (cause?.kind === 'killed') {
    const peak = ended.peak;
    const who =
      peak === undefined
        ? ''
        : `; the largest process was ${peak.command} with ${Math.round(peak.bytes / 1e6)} MB`;
    const oom = ended.oomKills
      ? `the kernel's OOM killer ended ${ended.oomKills} process(es)`
      : 'memory is the likely cause';
    return `A compiler was killed${cause.target === undefined ? '' : ` at ${cause.target}`}: ${oom}${who}; use fewer jobs or a larger machine`;
  }
  if (cause === undefined) return `make ended with exit code ${ended.code}; see ${work.logFile}`;
  const place =
    cause.file === undefined ? '' : `${cause.file}${cause.line === undefined ? '' : `:${cause.line}`}: `;
  return `The build failed: ${place}${cause.message} (see ${work.logFile})`;
}

function countLines(file: string): number | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n').length - 1;
  } catch {
    return undefined;
  }
}
