import type { Arch } from './arch.ts';
import type { CacheRequest } from './cache.ts';
import type { ModeRequest, ReductionRequest } from './mode.ts';
import type { ToolchainRequest } from './toolchain.ts';

/** One kernel to build: every input, read once and validated. Paths are absolute. */
export interface BuildRequest {
  readonly source: string;
  readonly output: string;
  readonly arch: Arch;
  readonly lto: ModeRequest;
  readonly suffixReduction: ReductionRequest;
  /** Make targets such as `defconfig`, `kvm_guest.config`, or one path of a configuration file. */
  readonly config: readonly string[];
  readonly configFragments: readonly string[];
  readonly kconfig: readonly string[];
  /** Make targets; none means the tree's default, `all`. */
  readonly targets: readonly string[];
  readonly makeArgs: readonly string[];
  readonly jobs: number;
  readonly toolchain: ToolchainRequest;
  readonly cache: CacheRequest;
  readonly reportDir: string;
  readonly failOn: FailOn;
  readonly dryRun: boolean;
  readonly hostPackages: 'install' | 'check';
}

/** What in the report makes a run fail, beside what always does. */
export type FailOn =
  | { readonly kind: 'none' }
  | { readonly kind: 'any-function' }
  | { readonly kind: 'count'; readonly over: number };
