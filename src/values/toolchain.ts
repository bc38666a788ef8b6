export type ToolchainSource = 'kernel-org' | 'github' | 'debian' | 'system' | 'url';

/** What the request says about the LLVM to use. */
export interface ToolchainRequest {
  /** `23`, `23.1`, `23.1.4`, `23.1.0-rc1`. */
  readonly version: string;
  /** `auto`, a source's name, or an `http(s)://` URL of an archive. */
  readonly source: string;
  /** Folder of an installed LLVM (its prefix or its `bin`), or a suffix such as `-23`. */
  readonly path?: string;
  /** SHA-256 that the fetched archive (for Debian: the set of packages; for system: the programs) must have. */
  readonly sha256?: string;
  /** Base URL used in place of the source's own. */
  readonly mirror?: string;
  /** File with the OpenPGP public key that signs the mirror's checksums, in place of the source's own key. */
  readonly key?: string;
  /** Token for api.github.com, against its rate limit. */
  readonly githubToken?: string;
}

/** An LLVM on this machine, ready to run. */
export interface Toolchain {
  /** As the programs say: `23.1.4`. */
  readonly version: string;
  readonly source: ToolchainSource;
  /** SHA-256 (hex) of what was fetched; for system, of the programs and their LLVM libraries. */
  readonly digest: string;
  /** Folder of the programs, absolute. */
  readonly bin: string;
  /** Suffix of the programs' names: '' or '-23'. */
  readonly suffix: string;
  /** What `LLVM=` takes: `/path/bin/`, `-23` or `1`. */
  readonly llvm: string;
  /** Why this one was taken, for people. */
  readonly reason: string;
  /** The inputs that pin exactly this one for the next run. */
  readonly pin: Readonly<Record<string, string>>;
}

/** What a toolchain was seen to do, for one target, by compiling and linking two small translation units. */
export interface Abilities {
  readonly target: string;
  readonly thin: boolean;
  readonly thinDist: boolean;
  readonly reductionThin: boolean;
  readonly reductionThinDist: boolean;
  /** The evidence: one line a trial, for the log and the summary. */
  readonly evidence: readonly string[];
}
