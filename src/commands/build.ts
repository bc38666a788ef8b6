import { copyFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { type Audit, auditBuild } from '../audit/audit.ts';
import { countFrontEnd } from '../build/front-end-count.ts';
import { commandLine, type MakeSetting, makeCall, makeEnvironment } from '../build/make.ts';
import { redoFrontEndsWithoutFlags } from '../build/mode-switch.ts';
import { chooseMode, chooseReduction } from '../build/plan.ts';
import { type BuildResult, type PhaseTime, runBuild } from '../build/run.ts';
import { listOutput } from '../cache/output-files.ts';
import { restoreTimes } from '../cache/retime.ts';
import type { OutputState } from '../cache/state.ts';
import { type Host, inGroup } from '../host/host.ts';
import {
  configRequestDigest,
  configure,
  isConfigSource,
  readConfigRequest,
  readConfigured,
} from '../kernel/configure.ts';
import { ensurePackages } from '../kernel/host-packages.ts';
import { readTree, refuseUnbuildable } from '../kernel/tree.ts';
import type { Report } from '../report/schema.ts';
import { renderText } from '../report/text.ts';
import { writeReport } from '../report/write.ts';
import type { Outputs } from '../request/outputs.ts';
import { isThin, type Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import type { Abilities, Toolchain } from '../values/toolchain.ts';
import type { KernelTree } from '../values/tree.ts';
import { makeSetting, prepareFolders, withCache, writeMakefile } from './build-setting.ts';
import { type Caching, openCaching, type Unfinished } from './caching.ts';
import { closeCaching } from './caching-end.ts';
import type { PackedEntry } from './entry.ts';
import { planBuild } from './plan.ts';
import { type BuildFindings, composeReport, logFile, outputsOf } from './report.ts';
import { installToolchain, probeToolchain } from './toolchain.ts';

/** How a run ended. */
export interface Outcome {
  /** What a person reads: the report, or the plan of a dry run. */
  readonly text: string;
  /** Why the run failed, in one line. */
  readonly failure?: string;
  readonly report?: Report;
  readonly outputs?: Outputs;
  /** Files to keep: the report's forms and the log. */
  readonly files: readonly string[];
  /** An entry of the cache that is for the post step to save. */
  readonly entry?: PackedEntry;
}

/**
 * Builds the kernel of a request, looks at what came out, and reports. Throws a UserError where there is nothing to
 * report. `onUnfinished` is told what could be saved of the cache where the program is ended before it returns.
 */
export async function buildKernel(
  host: Host,
  request: BuildRequest,
  onUnfinished: (what: Unfinished) => void = () => undefined,
): Promise<Outcome> {
  const started = new Date();
  const tree = await readTree(host, request.source);
  refuseUnbuildable(tree, request.arch);
  const { mode, chosen } = chooseMode(request.lto, tree);
  if (request.suffixReduction === 'on' && !isThin(mode)) chooseReduction('on', mode, NOTHING, '');
  readConfigRequest(request, tree, request.arch, mode, true);
  if (request.dryRun) return { text: await planBuild(host, request, tree, mode, chosen), files: [] };

  prepareFolders(request);
  await ensurePackages(host, request.hostPackages);
  const times: PhaseTime[] = [];
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const value = await work();
    times.push({ name, seconds: (performance.now() - from) / 1000 });
    return value;
  };
  const toolchain = await timed('toolchain', () => installToolchain(host, request.toolchain));
  const abilities = await timed('probe', () => probeToolchain(host, toolchain, request.arch));
  const name = `LLVM ${toolchain.version}`;
  const reduced = chooseReduction(request.suffixReduction, mode, abilities, name);
  for (const line of [...chosen, ...reduced.chosen]) host.log.info(line);

  const caching = await timed('cache: restore', () =>
    openCaching(host, request, tree, mode, toolchain, onUnfinished),
  );
  const chosenFor = { host, request, tree, mode, reduction: reduced.reduction, toolchain, abilities };
  try {
    return await buildWith({ ...chosenFor, caching, times, timed, started });
  } catch (error) {
    if (caching !== undefined) restoreTimes(tree.path, caching.carried.touched);
    throw error;
  }
}

interface Chosen {
  readonly host: Host;
  readonly request: BuildRequest;
  readonly tree: KernelTree;
  readonly mode: Mode;
  readonly reduction: boolean;
  readonly toolchain: Toolchain;
  readonly abilities: Abilities;
  readonly caching: Caching | undefined;
  readonly times: PhaseTime[];
  readonly timed: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  readonly started: Date;
}

async function buildWith(chosen: Chosen): Promise<Outcome> {
  const { host, request, tree, mode, reduction, toolchain, caching, times, timed } = chosen;
  const plain = makeSetting(request, tree, toolchain.llvm, writeMakefile(request, tree, mode, reduction));
  const setting = caching === undefined ? plain : withCache(request, plain, caching);
  const config = readConfigRequest(request, tree, request.arch, mode, reduction);
  const configRequest = configRequestDigest(config, request.makeArgs) ?? '';
  const configured = await timed('configuration', async () => {
    const before = caching?.carried.before;
    if (before !== undefined && isSettled(before, configRequest, caching?.carried.changed ?? [])) {
      host.log.info('Configuration: as in the output folder, and nothing that it follows from has changed');
      return readConfigured(config, tree, request.arch, request.output);
    }
    return inGroup(host, `Configuration: ${request.config.join(' ')}`, () =>
      configure(host, config, tree, request.arch, request.output, (...targets) => {
        const call = makeCall(setting, targets);
        // Kconfig tries the compiler some hundred times, on nothing that would be worth keeping.
        const env = { ...makeEnvironment(call, host.env), CCACHE_DISABLE: '1' };
        return host.run('make', call.args, { env });
      }),
    );
  });
  if (mode === 'thin-dist') {
    const redone = redoFrontEndsWithoutFlags(request.output);
    if (redone > 0)
      host.log.info(`${redone} front ends are made again: another mode left them without their flags`);
  }
  const outputsBefore = caching === undefined ? [] : listOutput(request.output, [request.reportDir]);
  const result = await build(host, request, tree, mode, setting);
  times.push(...result.phases);
  const end = { mode, configured, configRequest, result, outputsBefore };
  // Each waits for programs of its own most of the time.
  const [cached, found] = await both(
    caching && timed('cache: save', () => closeCaching(host, request, caching, end)),
    timed('audit', async () => audit(request, tree, mode, result)),
  );
  const findings: BuildFindings = {
    request,
    tree,
    mode,
    reduction,
    toolchain,
    abilities: chosen.abilities,
    configured,
    makeLine: commandLine(makeCall(plain, request.targets)),
    ...(cached !== undefined && { cache: cached.report }),
    result,
    audit: found,
    phases: times,
    started: chosen.started,
  };
  return { ...finish(findings), ...(cached?.entry !== undefined && { entry: cached.entry }) };
}

/** Waits for both, also where one fails; then throws what the first of them threw. */
async function both<A, B>(first: Promise<A> | undefined, second: Promise<B>): Promise<[A | undefined, B]> {
  const ended = await Promise.allSettled([first, second]);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return [await first, await second];
}

/** Whether the `.config` that an output folder holds is the one that a request gives again. */
function isSettled(before: OutputState, asked: string, changed: readonly string[]): boolean {
  return asked !== '' && before.configRequest === asked && !changed.some(isConfigSource);
}

const NOTHING: Abilities = {
  target: '',
  thin: false,
  thinDist: false,
  reductionThin: false,
  reductionThinDist: false,
  evidence: [],
};

function finish(findings: BuildFindings): Outcome {
  const { request } = findings;
  const report = composeReport(findings);
  const paths = writeReport(report, request.reportDir);
  const outputs = outputsOf(findings, report, paths);
  const config = path.join(request.reportDir, 'config');
  copyFileSync(findings.configured.file, config);
  return {
    text: renderText(report),
    ...(report.failure !== null && { failure: report.failure }),
    report,
    outputs,
    files: [paths.json, paths.text, paths.markdown, logFile(request), config],
  };
}

async function build(
  host: Host,
  request: BuildRequest,
  tree: KernelTree,
  mode: Mode,
  setting: MakeSetting,
): Promise<BuildResult> {
  const call = makeCall(setting, request.targets);
  host.log.info(commandLine(call));
  const targets = request.targets;
  const whole = targets.length === 0 || targets.includes('all');
  const counted = whole || targets.some((target) => /^(vmlinux|modules|[a-z]*Image(\.\w+)?)$/.test(target));
  const frontEndTotal = counted
    ? countFrontEnd(host, {
        treePath: tree.path,
        output: request.output,
        arch: request.arch,
        modules: whole || targets.includes('modules'),
        environment: makeEnvironment(call, host.env),
      }).catch(() => undefined)
    : Promise.resolve(undefined);
  return runBuild(host, {
    call,
    mode,
    source: tree.path,
    output: request.output,
    logFile: logFile(request),
    frontEndTotal,
  });
}

function audit(request: BuildRequest, tree: KernelTree, mode: Mode, result: BuildResult): Audit | undefined {
  if (!result.ok || !existsSync(path.join(request.output, 'vmlinux'))) return undefined;
  return auditBuild({ output: request.output, tree: tree.path, mode });
}
