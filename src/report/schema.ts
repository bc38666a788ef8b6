import type { CacheReport } from '../values/cache.ts';
import type { Mode, ReductionRequest } from '../values/mode.ts';
import type { ToolchainSource } from '../values/toolchain.ts';

/** Version of the report's form; a change that a reader of an older one would trip over raises it. */
export const SCHEMA = 1;

/** `report.json`: what was built, with what, and what is in it. Published as `schema/report-1.json`. */
export interface Report {
  readonly schema: typeof SCHEMA;
  readonly status: 'ok' | 'failed';
  /** Why the run failed, in one line; null where it did not. */
  readonly failure: string | null;
  readonly build: ReportBuild;
  /** Empty where the build failed before there was one. */
  readonly images: readonly ReportImage[];
}

export interface ReportBuild {
  /** As `ARCH=` takes it. */
  readonly arch: string;
  readonly lto: Mode;
  readonly suffixReduction: ReportReduction;
  readonly kernelVersion: string;
  /** Git commit of the source tree; null where it is no git work tree. */
  readonly commit: string | null;
  /** SHA-256 (hex) of the final `.config`; null where there is none. */
  readonly configDigest: string | null;
  readonly toolchain: ReportToolchain;
  /** The command that makes this build again. */
  readonly makeLine: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly finished: string;
  /** In their order; the last one of a failed build is the one that failed. */
  readonly phases: readonly ReportPhase[];
  /** Null where there was nothing to audit. */
  readonly lto_coverage: ReportCoverage | null;
  readonly diagnostics: ReportDiagnostics;
  readonly files: readonly ReportFile[];
  /** What the cache did; null where it was off. */
  readonly cache: CacheReport | null;
}

export interface ReportReduction {
  readonly requested: ReductionRequest;
  /** What the build was told, `auto` being settled. */
  readonly chosen: 'on' | 'off';
  /** What the objects show; `unknown` where they show nothing either way. */
  readonly effective: boolean | 'unknown';
  /** One line for each fact that the verdict stands on. */
  readonly evidence: readonly string[];
}

export interface ReportToolchain {
  readonly version: string;
  readonly source: ToolchainSource;
  /** SHA-256 (hex). */
  readonly digest: string;
  /** What a probe saw it do, one line a trial. */
  readonly abilities: readonly string[];
}

export interface ReportPhase {
  readonly name: string;
  readonly seconds: number;
}

export interface ReportCoverage {
  /** Objects that went into the link as LLVM bitcode. */
  readonly bitcode: number;
  /** Objects that are native by right. */
  readonly native: number;
  /** Objects that should have gone through LTO, and did not. */
  readonly suspect: readonly { readonly object: string; readonly reason: string }[];
}

export interface ReportDiagnostics {
  /** How many there were; `items` holds the first of them. */
  readonly total: number;
  readonly items: readonly ReportDiagnostic[];
}

export interface ReportDiagnostic {
  readonly level: 'error' | 'warning' | 'notice';
  readonly message: string;
  /** Relative to the source tree where it lies in it. */
  readonly file: string | null;
  readonly line: number | null;
}

export interface ReportFile {
  /** What it is: `kernel image`, `build log`. */
  readonly what: string;
  readonly path: string;
}

export interface ReportImage {
  /** Relative to the output folder. */
  readonly path: string;
  readonly totals: {
    readonly all: number;
    readonly functions: number;
    readonly data: number;
    readonly unnamed: number;
  };
  readonly symbols: readonly ReportSymbol[];
}

export interface ReportSymbol {
  readonly symbol: string;
  readonly name: string;
  readonly kind: 'function' | 'data' | 'unnamed';
  readonly section: string | null;
  /** Bytes. */
  readonly size: number;
  /** The number behind `.llvm.`, in decimal: more digits than a JSON number keeps. */
  readonly hash: string;
  /** Object of the defining translation unit, relative to the output folder; null where it is not known. */
  readonly tu: string | null;
  /** Source file of that unit, relative to the source tree; null where it is not known. */
  readonly source: string | null;
}

/** Diagnostics that a report keeps. */
export const DIAGNOSTICS_LIMIT = 200;
