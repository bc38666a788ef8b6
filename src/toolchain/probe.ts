import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Abilities, Toolchain } from '../values/toolchain.ts';
import { COLLIDING, judgeReduction, judgeThin, ONCE, type Verdict } from './probe-verdict.ts';

/** The translation units of the trial: `importer.o` imports both callers, and so promotes the statics they call. */
const SOURCES: Readonly<Record<string, string>> = {
  first: `extern void probe_sink(int);
static __attribute__((noinline)) void ${ONCE}(int x) { probe_sink(x); probe_sink(x + 1); }
static __attribute__((noinline)) void ${COLLIDING}(int x) { probe_sink(x + 2); probe_sink(x + 3); }
void probe_first(int x) { ${ONCE}(x); ${COLLIDING}(x); }
`,
  second: `extern void probe_sink(int);
static __attribute__((noinline)) void ${COLLIDING}(int x) { probe_sink(x + 4); probe_sink(x + 5); }
void probe_second(int x) { ${COLLIDING}(x); }
`,
  importer: `extern void probe_first(int);
extern void probe_second(int);
void probe_importer(int x) { probe_first(x); probe_second(x); }
`,
};
const UNITS = Object.keys(SOURCES);

// The flags by which the kernel's top Makefile gets ThinLTO (CC_FLAGS_LTO).
const COMPILE = ['-O2', '-ffreestanding', '-nostdlib', '-fno-pic'];
const LTO = ['-flto=thin', '-fsplit-lto-unit', '-fvisibility=hidden'];
const REDUCE_BACK_END = ['-mllvm', '-always-rename-promoted-locals=false'];
const REDUCE_LINK = ['--lto-whole-program-visibility', ...REDUCE_BACK_END];
const TIMEOUT_SECONDS = 30;

/** A step of a trial that did not succeed; its message is the tool's own. */
class StepFailed extends Error {}

/** Runs one program of the toolchain in the trial's folder and returns its output; throws StepFailed. */
type Tool = (program: string, args: readonly string[]) => Promise<string>;

/**
 * Sees what a toolchain does for an architecture, by compiling and linking three small translation units without
 * and with suffix reduction, in-process and distributed as kbuild does it (scripts/Makefile.vmlinux_a,
 * scripts/Makefile.thinlto), and reading the symbols. A tool that is missing, refuses, crashes or hangs makes an
 * ability false, with the tool's words as evidence. Leaves nothing in `scratchFolder` (made where absent).
 * Throws only where that folder cannot be written, or where the run is cancelled.
 */
export async function probe(
  host: Host,
  toolchain: Toolchain,
  arch: Arch,
  scratchFolder: string,
): Promise<Abilities> {
  await mkdir(scratchFolder, { recursive: true });
  const folder = await mkdtemp(join(scratchFolder, 'probe-'));
  try {
    const verdicts = await runTrials(toolOf(host, toolchain, folder), arch, folder);
    if (host.signal.aborted) throw new UserError('Cancelled: the toolchain was not probed to the end');
    return {
      target: arch.target,
      thin: verdicts.thin.able,
      thinDist: verdicts.thinDist.able,
      reductionThin: verdicts.reductionThin.able,
      reductionThinDist: verdicts.reductionThinDist.able,
      evidence: [
        `ThinLTO, in-process: ${said(verdicts.thin)}`,
        `ThinLTO, distributed: ${said(verdicts.thinDist)}`,
        `reduction, in-process: ${said(verdicts.reductionThin)}`,
        `reduction, distributed: ${said(verdicts.reductionThinDist)}`,
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function said(verdict: Verdict): string {
  return `${verdict.able ? 'yes' : 'no'}: ${verdict.why}`;
}

function toolOf(host: Host, toolchain: Toolchain, folder: string): Tool {
  return async (program, args) => {
    const name = `${program}${toolchain.suffix}`;
    let result: Awaited<ReturnType<Host['run']>>;
    try {
      result = await host.run(join(toolchain.bin, name), args, {
        cwd: folder,
        limit: 65536,
        timeoutSeconds: TIMEOUT_SECONDS,
      });
    } catch (error) {
      throw new StepFailed(messageOf(error));
    }
    if (result.code === 0) return result.stdout;
    throw new StepFailed(failureWords(name, result.code, result.stderr));
  };
}

function failureWords(name: string, code: number, stderr: string): string {
  if (code === 137) return `${name} was killed (it was given ${TIMEOUT_SECONDS} s)`;
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const line = lines.find((one) => one.includes('error: ')) ?? lines[0];
  const words = line
    ?.replace(/^\S+: error: /, '')
    .replace(/ {2}Try: '.*$/, '')
    .trim()
    .slice(0, 300);
  return `${name} ended with code ${code}${words === undefined ? '' : `: ${words}`}`;
}

interface Verdicts {
  readonly thin: Verdict;
  readonly thinDist: Verdict;
  readonly reductionThin: Verdict;
  readonly reductionThinDist: Verdict;
}

async function runTrials(tool: Tool, arch: Arch, folder: string): Promise<Verdicts> {
  const failed = await failureOf(async () => {
    for (const [unit, text] of Object.entries(SOURCES)) await writeFile(join(folder, `${unit}.c`), text);
    await forUnits((unit) =>
      tool('clang', [`--target=${arch.target}`, ...COMPILE, ...LTO, '-c', '-o', `${unit}.o`, `${unit}.c`]),
    );
  });
  if (failed !== undefined) {
    return { thin: failed, thinDist: failed, reductionThin: failed, reductionThinDist: failed };
  }
  const [thin, thinOn, dist, distOn] = await Promise.all([
    symbolsOrFailure(() => inProcess(tool, 'thin', [])),
    symbolsOrFailure(() => inProcess(tool, 'thin-on', REDUCE_LINK)),
    symbolsOrFailure(() => distributed(tool, arch, folder, 'dist', [], [])),
    symbolsOrFailure(() => distributed(tool, arch, folder, 'dist-on', REDUCE_LINK, REDUCE_BACK_END)),
  ]);
  return {
    thin: judgeThin(thin),
    thinDist: judgeThin(dist),
    reductionThin: judgeReduction(thin, thinOn),
    reductionThinDist: judgeReduction(dist, distOn),
  };
}

async function inProcess(tool: Tool, name: string, linkOptions: readonly string[]): Promise<string> {
  await tool('ld.lld', ['-r', ...linkOptions, '-o', `${name}.o`, ...UNITS.map((unit) => `${unit}.o`)]);
  return tool('llvm-nm', ['--format=posix', `${name}.o`]);
}

/** Thin link, one back-end compile a translation unit, link; on objects of its own, since indexes go beside them. */
async function distributed(
  tool: Tool,
  arch: Arch,
  folder: string,
  name: string,
  linkOptions: readonly string[],
  backEndOptions: readonly string[],
): Promise<string> {
  await mkdir(join(folder, name));
  for (const unit of UNITS) await copyFile(join(folder, `${unit}.o`), join(folder, name, `${unit}.o`));
  const objects = UNITS.map((unit) => `${name}/${unit}.o`);
  await tool('ld.lld', ['-r', ...linkOptions, `--thinlto-index-only=${name}/index`, ...objects]);
  await forUnits((unit) =>
    tool('clang', [
      ...[`--target=${arch.target}`, ...COMPILE, '-fvisibility=hidden', ...backEndOptions],
      ...['-x', 'ir', '-fno-lto', '-Wno-unused-command-line-argument'],
      ...[
        `-fthinlto-index=${name}/${unit}.o.thinlto.bc`,
        '-c',
        '-o',
        `${name}/${unit}.native.o`,
        `${name}/${unit}.o`,
      ],
    ]),
  );
  await tool('ld.lld', ['-r', '-o', `${name}.o`, ...UNITS.map((unit) => `${name}/${unit}.native.o`)]);
  return tool('llvm-nm', ['--format=posix', `${name}.o`]);
}

/** Does the work for each unit at once, and fails only when all of it has ended: none still writes files then. */
async function forUnits(work: (unit: string) => Promise<unknown>): Promise<void> {
  const results = await Promise.allSettled(UNITS.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function symbolsOrFailure(work: () => Promise<string>): Promise<string | Verdict> {
  let symbols = '';
  const failed = await failureOf(async () => {
    symbols = await work();
  });
  return failed ?? symbols;
}

async function failureOf(work: () => Promise<void>): Promise<Verdict | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof StepFailed) return { able: false, why: error.message };
    throw error;
  }
}
