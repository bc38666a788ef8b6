import { written } from '../kernel/config-lines.ts';
import type { ConfigRequest } from '../kernel/configure.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import type { Toolchain } from '../values/toolchain.ts';
import type { KernelTree } from '../values/tree.ts';

export interface PlannedBuild {
  readonly request: BuildRequest;
  readonly tree: KernelTree;
  readonly mode: Mode;
  readonly reduction: boolean;
  /** Where one is on this machine already. */
  readonly toolchain: Toolchain | undefined;
  readonly makefile: string | undefined;
  readonly chosen: readonly string[];
  readonly config: ConfigRequest;
  /** The calls of make, in their order: configuration, then the build. */
  readonly calls: readonly string[];
}

/** What a dry run prints. */
export function describePlan(plan: PlannedBuild): string {
  const { request, tree, toolchain } = plan;
  const auto = request.suffixReduction === 'auto' ? ' if the probe of the toolchain sees it work' : '';
  const llvm =
    toolchain === undefined
      ? `LLVM ${request.toolchain.version} from ${request.toolchain.source}, to be fetched`
      : `LLVM ${toolchain.version} in ${toolchain.bin} (${toolchain.reason})`;
  const base = 'file' in plan.config.base ? [`cp ${plan.config.base.file} ${request.output}/.config`] : [];
  const merge = plan.config.lines.map((line) => `  ${written(line)}`);
  const last = plan.calls.length - 1;
  return [
    'Dry run: nothing of this was done.',
    '',
    `Tree        ${tree.path} (Linux ${tree.version})`,
    `Output      ${request.output}`,
    `Build       ${request.arch.name}, ${plan.mode}, suffix reduction ${plan.reduction ? `on${auto}` : 'off'}`,
    `Toolchain   ${llvm}`,
    `Cache       ${request.cache.use}${request.cache.folder === undefined ? '' : `, ${request.cache.folder}`}; the lines below are those without it, for the same kernel`,
    ...plan.chosen.map((line) => `Chosen      ${line}`),
    '',
    'Configuration:',
    ...base,
    ...plan.calls.slice(0, last - 1),
    `merged into ${request.output}/.config, and checked again at the end:`,
    ...merge,
    ...plan.calls.slice(last - 1, last),
    '',
    'Build:',
    ...(plan.calls[last] === undefined ? [] : [plan.calls[last]]),
    ...(plan.makefile === undefined ? [] : ['', 'The file that MAKEFILES names:', plan.makefile.trimEnd()]),
    '',
  ].join('\n');
}
