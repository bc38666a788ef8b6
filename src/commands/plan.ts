import { commandLine, makeCall } from '../build/make.ts';
import { reductionMakefile } from '../build/reduction-makefile.ts';
import type { Host } from '../host/host.ts';
import { configTargets, readConfigRequest } from '../kernel/configure.ts';
import { presentToolchain } from '../toolchain/resolve.ts';
import { isThin, type Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import type { KernelTree } from '../values/tree.ts';
import { makefilePath, makeSetting } from './build-setting.ts';
import { describePlan } from './plan-text.ts';

/** What a dry run says: the plan of a build, of which nothing is run. */
export async function planBuild(
  host: Host,
  request: BuildRequest,
  tree: KernelTree,
  mode: Mode,
  chosen: readonly string[],
): Promise<string> {
  const toolchain = await presentToolchain(host, request.toolchain);
  const llvm = toolchain?.llvm ?? `<folder of LLVM ${request.toolchain.version}>/bin/`;
  // What `auto` will find is only known once the toolchain was tried, which a dry run does not do.
  const reduction = isThin(mode) && request.suffixReduction !== 'off';
  const makefile = reductionMakefile(mode, reduction, tree.reduction);
  const setting = makeSetting(
    request,
    tree,
    llvm,
    makefile === undefined ? undefined : makefilePath(request),
  );
  const config = readConfigRequest(request, tree, request.arch, mode, reduction);
  const calls = [...configTargets(config), request.targets].map((targets) =>
    commandLine(makeCall(setting, targets)),
  );
  return describePlan({ request, tree, mode, reduction, toolchain, makefile, chosen, config, calls });
}
