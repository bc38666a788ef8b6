import type { Mode } from './mode.ts';

/** What a kernel source tree is and has; read from its files, not from its version. */
export interface KernelTree {
  /** Absolute, links resolved. */
  readonly path: string;
  /** `7.3.4`, `7.4.0-rc1`: VERSION.PATCHLEVEL.SUBLEVEL and EXTRAVERSION of the top Makefile. */
  readonly version: string;
  /** Folders of `arch/` that have a Kconfig. */
  readonly srcArches: readonly string[];
  /** Modes whose Kconfig symbol the tree defines (`none` always). */
  readonly modes: readonly Mode[];
  readonly reduction: TreeReduction;
  /** Git commit, where the tree is a git work tree. */
  readonly commit?: string;
  /** Seconds since 1970 of the commit, or of the newest top-level file where there is no git. */
  readonly timestamp: number;
}

/** What the tree itself does about suffix reduction. */
export interface TreeReduction {
  /** Modes in which its Makefile adds the linker options unasked. */
  readonly builtIn: readonly Mode[];
  /** Kconfig symbol (without CONFIG_) that switches it, in forks that carry the first patch. */
  readonly symbol?: string;
}
