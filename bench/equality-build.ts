import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { phasesOf, readStep } from '../src/build/phases.ts';
import { listPids, readText } from '../src/host/processes.ts';
import type { Report } from '../src/report/schema.ts';
import type { Scene } from './equality-scene.ts';

/** Where the builds of a run take place. */
export interface Site {
  /** Starts the command: a Node program and its script. */
  readonly command: readonly string[];
  /** Folders of clang. */
  readonly llvm: { readonly main: string; readonly other: string | undefined };
  readonly output: string;
  readonly report: string;
  readonly store: string;
}

/** A moment in a build, of this tool's own or one of make's phases. */
export type Moment =
  | 'restoring'
  | 'prepare'
  | 'front end'
  | 'thin link'
  | 'back end'
  | 'thin link and back end'
  | 'link and the rest'
  | 'the last link'
  | 'saving';

export interface BuildCall {
  readonly scene: Scene;
  readonly tree: string;
  readonly cache: 'auto' | 'off';
  /** Gets what the command prints. */
  readonly log: string;
  /** When every process of the build is killed, as a machine's end does it; absent: never. */
  readonly killIn?: Moment;
  /** Whether only the command itself is killed then, and make and its programs are left to themselves. */
  readonly killAlone?: boolean;
}

export interface BuildEnd {
  readonly code: number | null;
  readonly killed: boolean;
  readonly seconds: number;
  /** Absent where the build came to no report. */
  readonly report: Report | undefined;
}

const MARKER = 'KERNEL_THINLTO_EQUALITY';
const POLL_MS = 10;
/** So many compiles of a phase are let through before a build is killed in it. */
const COMPILES = 20;

/** Runs the command once. Resolves when none of its processes is left. */
export async function runBuild(site: Site, call: BuildCall): Promise<BuildEnd> {
  mkdirSync(path.dirname(call.log), { recursive: true });
  rmSync(site.report, { recursive: true, force: true });
  const mark = `${MARKER}=${randomUUID()}`;
  const [program = '', ...script] = site.command;
  const out = openSync(call.log, 'w');
  const started = performance.now();
  const child = spawn(program, [...script, ...argumentsOf(site, call)], {
    env: environment(mark),
    stdio: ['ignore', out, out],
    detached: true,
  });
  closeSync(out);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('exit', resolve);
    child.on('error', reject);
  });
  const stop = () => killMarked(mark);
  process.once('exit', stop);
  let killed = false;
  if (call.killIn !== undefined) {
    killed = await untilMoment(site, call, call.killIn, child);
    if (killed && call.killAlone) child.kill('SIGKILL');
    else if (killed) killMarked(mark);
  }
  const code = await ended;
  if (killed && !call.killAlone) await untilGone(mark);
  process.removeListener('exit', stop);
  const file = path.join(site.report, 'report.json');
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined;
  return { code, killed, seconds: (performance.now() - started) / 1000, report };
}

function argumentsOf(site: Site, { scene, tree, cache }: BuildCall): readonly string[] {
  const llvm = scene.llvm === 'main' ? site.llvm.main : site.llvm.other;
  if (llvm === undefined) throw new Error('KERNEL_THINLTO_TEST_LLVM_OTHER names no LLVM');
  return [
    ...[
      'build',
      '--source',
      tree,
      '--output',
      site.output,
      '--arch',
      scene.arch,
      '--report-dir',
      site.report,
    ],
    ...['--config', 'tinyconfig', '--kconfig', 'CONFIG_64BIT=y', '--lto', scene.lto],
    ...scene.kconfig.flatMap((line) => ['--kconfig', line]),
    ...scene.makeArgs.flatMap((arg) => ['--make-args', arg]),
    ...['--suffix-reduction', scene.reduction, '--llvm-path', llvm],
    ...(cache === 'off' ? ['--cache', 'off'] : ['--cache', 'auto', '--cache-dir', site.store]),
  ];
}

function environment(mark: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(GITHUB_|ACTIONS_|RUNNER_|CCACHE_|KERNEL_THINLTO_TEST_|NODE_TEST)/.test(name),
  );
  const [name = '', value] = mark.split('=');
  return { ...Object.fromEntries(kept), [name]: value };
}

/** Waits for a moment of a build. False where the build ended before it. */
async function untilMoment(site: Site, call: BuildCall, moment: Moment, child: ChildProcess) {
  while (child.exitCode === null && child.signalCode === null) {
    if (hasCome(site, call, moment)) return true;
    await sleep(POLL_MS);
  }
  return false;
}

function hasCome(site: Site, { scene, log }: BuildCall, moment: Moment): boolean {
  const said = readText(log) ?? '';
  if (moment === 'restoring')
    return said.includes('== Cache\n') && existsSync(path.join(site.output, 'init'));
  if (moment === 'saving') return said.includes('== Cache: what this build adds\n');
  if (moment === 'prepare') return said.includes('== Build: prepare\n');
  const lines = (readText(path.join(site.report, 'build.log')) ?? '').split('\n');
  if (moment === 'the last link')
    return lines.some((line) => /^ {2}(LD|SORTTAB) +vmlinux(\.unstripped)?$/.test(line));
  const order: readonly string[] = phasesOf(scene.lto);
  let at = 0;
  let compiles = 0;
  for (const line of lines) {
    const { phase, compile } = readStep(line, scene.lto);
    const next = phase === undefined ? -1 : order.indexOf(phase);
    if (next > at) [at, compiles] = [next, 0];
    if (next === at && compile) compiles += 1;
  }
  const wanted = order.indexOf(moment);
  if (wanted < 0) throw new Error(`a build in mode ${scene.lto} has no phase '${moment}'`);
  const counts = moment === 'front end' || moment === 'back end';
  return at === wanted && (!counts || compiles >= COMPILES);
}

/** Kills every process that has the mark in its environment; all are stopped first, so that none sees another one's end. */
function killMarked(mark: string): void {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    for (const pid of markedPids(mark)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has just ended by itself.
      }
    }
  }
}

async function untilGone(mark: string): Promise<void> {
  while (markedPids(mark).length > 0) {
    killMarked(mark);
    await sleep(POLL_MS);
  }
}

function markedPids(mark: string): readonly number[] {
  return listPids().filter(
    (pid) => pid !== process.pid && readText(`/proc/${pid}/environ`)?.split('\0').includes(mark),
  );
}
