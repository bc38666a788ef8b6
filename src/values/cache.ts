/** What the cache may do: `read-only` restores and saves nothing, `always` saves from any branch. */
export type CacheUse = 'auto' | 'always' | 'read-only' | 'off';

/** Where ccache comes from. */
export type CcacheSource = 'auto' | 'system' | 'github' | 'debian';

/** What the request says about caching. */
export interface CacheRequest {
  readonly use: CacheUse;
  /** Most that the compiler cache may hold, bytes. */
  readonly maxBytes: number;
  /** Name of the configuration family, in place of the one that the request's configuration gives. */
  readonly family: string | undefined;
  /** Folder that holds the cache; absent: GitHub's cache on its runners, else a folder of the user's. */
  readonly folder: string | undefined;
  readonly ccache: CcacheSource;
}

/** A ccache on this machine, ready to run. */
export interface Ccache {
  /** `4.14.2` */
  readonly version: string;
  readonly source: 'system' | 'github' | 'debian';
  /** Absolute path of the program. */
  readonly program: string;
  /** SHA-256 (hex) of what was fetched; of the program, for system. */
  readonly digest: string;
  /** Why this one was taken, for people. */
  readonly reason: string;
}

/** Something that happened so often, for one reason. */
export interface CacheCount {
  readonly reason: string;
  readonly count: number;
}

/** What one level of the cache did in a run. Bytes are packed sizes; seconds are wall time. */
export interface CacheLevel {
  readonly name: 'compiler cache' | 'output folder';
  /** What it did, in one line: `restored from …`, `not restored: made with another toolchain`. */
  readonly status: string;
  readonly hits: number;
  readonly misses: readonly CacheCount[];
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Restoring, comparing and packing. */
  readonly secondsSpent: number;
  /** An estimate: what was not compiled, at the measured cost of a compile; null where none was measured. */
  readonly secondsSaved: number | null;
}

/** What the cache did in a run. */
export interface CacheReport {
  /** `GitHub's cache`, or the folder. */
  readonly store: string;
  /** Every ingredient of the keys by its name, in order. */
  readonly key: readonly (readonly [name: string, value: string])[];
  readonly levels: readonly CacheLevel[];
  /** What became of the entry at the end: saved, or why not. */
  readonly saved: string;
}
