import { UserError } from '../values/error.ts';
import { isThin, type Mode, type ModeRequest, type ReductionRequest } from '../values/mode.ts';
import type { Abilities } from '../values/toolchain.ts';
import type { KernelTree } from '../values/tree.ts';

/** What will be built, and on what evidence. */
export interface Plan {
  readonly mode: Mode;
  readonly reduction: boolean;
  /** One line for each thing that `auto` chose. */
  readonly chosen: readonly string[];
}

/** Takes the `lto` input to a mode that the tree has. Throws a UserError where it has not. */
export function chooseMode(asked: ModeRequest, tree: KernelTree): { mode: Mode; chosen: readonly string[] } {
  if (asked === 'auto') {
    const mode = tree.modes.includes('thin-dist') ? 'thin-dist' : 'thin';
    if (tree.modes.includes(mode)) {
      const why = mode === 'thin-dist' ? 'the tree has it' : 'the tree has no thin-dist';
      return { mode, chosen: [`lto: ${mode}, since ${why} (Linux ${tree.version})`] };
    }
    throw new UserError(`lto: auto finds no ThinLTO in Linux ${tree.version} (${tree.path}); use lto none`);
  }
  if (tree.modes.includes(asked)) return { mode: asked, chosen: [] };
  const has = tree.modes.join(', ');
  const out =
    asked === 'thin-dist'
      ? 'use lto thin, or a tree of Linux 7.2 or later (the first with CONFIG_LTO_CLANG_THIN_DIST)'
      : `use one of ${has}`;
  throw new UserError(
    `lto: ${asked} is not in Linux ${tree.version} (${tree.path}), which has ${has}; ${out}`,
  );
}

/**
 * Decides about suffix reduction for a mode from what the toolchain was seen to do.
 * Throws a UserError where the request cannot be met.
 */
export function chooseReduction(
  asked: ReductionRequest,
  mode: Mode,
  abilities: Abilities,
  toolchainName: string,
): { reduction: boolean; chosen: readonly string[] } {
  if (!isThin(mode)) {
    if (asked !== 'on') return { reduction: false, chosen: [] };
    throw new UserError(
      `suffix-reduction: on needs lto thin or thin-dist, not ${mode}: no other mode promotes locals`,
    );
  }
  const builds = mode === 'thin' ? abilities.thin : abilities.thinDist;
  if (!builds) {
    throw new UserError(
      `lto: ${mode} does not work with ${toolchainName} for ${abilities.target}: ${abilities.evidence.join('; ')}`,
    );
  }
  const can = mode === 'thin' ? abilities.reductionThin : abilities.reductionThinDist;
  if (asked === 'on' && !can) {
    throw new UserError(
      `suffix-reduction: on is not possible in ${mode} with ${toolchainName} (probed: ${abilities.evidence.join('; ')}); use LLVM 23 or later, or suffix-reduction auto`,
    );
  }
  if (asked !== 'auto') return { reduction: asked === 'on', chosen: [] };
  const why = can ? 'the probe saw this toolchain do it' : 'the probe saw that this toolchain cannot';
  return { reduction: can, chosen: [`suffix-reduction: ${can ? 'on' : 'off'}, since ${why} in ${mode}`] };
}
