import type { RunProgram } from '../values/program.ts';

export interface Annotation {
  readonly level: 'notice' | 'warning' | 'error';
  readonly message: string;
  readonly title?: string;
  /** Relative to the repository. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Log {
  info(line: string): void;
  warning(line: string): void;
  debug(line: string): void;
  /** Shows `work`'s lines under one heading (a log group on GitHub). */
  group<T>(title: string, work: () => Promise<T>): Promise<T>;
}

/** One long piece of work's state, reported as often as it changes; the host decides what to show. */
export interface Progress {
  /** `total` is absent while it is unknown. */
  update(done: number, total: number | undefined, note?: string): void;
  /** Ends the piece of work and clears its bar. */
  end(): void;
}

export type StartProgress = (title: string, unit: 'bytes' | 'items') => Progress;

/** What a stage may ask of the world around it. */
export interface Host {
  readonly log: Log;
  readonly progress: StartProgress;
  readonly run: RunProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder for downloads and state that outlives a run. */
  readonly cacheFolder: string;
  /** Aborted when the user or the runner cancels. */
  readonly signal: AbortSignal;
}
