import { isThin, type Mode } from '../values/mode.ts';
import type { TreeReduction } from '../values/tree.ts';

const LINKER = '--lto-whole-program-visibility -mllvm -always-rename-promoted-locals=false';
const BACK_END = '-mllvm -always-rename-promoted-locals=false';

/**
 * The makefile that turns suffix reduction on or off without an edit of the tree, or undefined where it is to be off
 * and the tree has none. GNU make reads it before every makefile of the build when `MAKEFILES` names it. A tree that
 * turns reduction on by itself gets it, too, for the front end's sake (below).
 *
 * In every make but the top one KBUILD_LDFLAGS comes from the environment, so a definition here replaces it:
 * the tree's own options are taken out and, for `on`, put in once. An object that is a kernel module by itself
 * is linked in the command that compiles it; it imports nothing, and is left out, so that no front-end command
 * line depends on the reduction. Back ends of distributed ThinLTO rename on their own unless told
 * (https://github.com/llvm/llvm-project/pull/188074), hence the option on `%.thinlto-native.o`.
 */
export function reductionMakefile(mode: Mode, reduction: boolean, tree: TreeReduction): string | undefined {
  if (!isThin(mode)) return undefined;
  if (!reduction && !tree.builtIn.includes(mode)) return undefined;
  const lines = [
    '# Written by kernel-thinlto: suffix reduction for this build.',
    `thinlto-plain-ldflags := $(subst ${BACK_END},,$(filter-out --lto-whole-program-visibility,$(KBUILD_LDFLAGS)))`,
  ];
  if (reduction) {
    lines.push(
      `KBUILD_LDFLAGS = $(thinlto-plain-ldflags) $(if $(filter $(single-obj-m),$@),,${LINKER})`,
      '# A tree that gives its back ends the option itself must not get it twice: clang refuses that.',
      `thinlto-be = $(if $(findstring always-rename-promoted-locals,$(value cmd_cc_o_bc)),,${BACK_END})`,
      '%.thinlto-native.o: override CC += $(thinlto-be)',
    );
  } else {
    lines.push('KBUILD_LDFLAGS = $(thinlto-plain-ldflags)');
  }
  return `${lines.join('\n')}\n`;
}
