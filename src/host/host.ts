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
  /** One line of a long program's output. GitHub shows it in the open group; a terminal has the bar instead. */
  output(line: string): void;
  /** What was found in such output. A terminal shows it at once; on GitHub `output` has shown it already. */
  diagnostic(found: Annotation): void;
  /** Shows the lines that follow under one heading (a log group on GitHub); returns the function that ends it. */
  openGroup(title: string): () => void;
}

/** Shows `work`'s lines under one heading. */
export async function inGroup<T>(host: Pick<Host, 'log'>, title: string, work: () => Promise<T>): Promise<T> {
  const close = host.log.openGroup(title);
  try {
    return await work();
  } finally {
    close();
  }
}

/** One long piece of work's state, reported as often as it changes; the host decides what to show. */
export interface Progress {
  /** `total` is absent while it is unknown. */
  update(done: number, total: number | undefined, note?: string): void;
  /** Ends the piece of work and clears its bar. */
  end(): void;
}

export type StartProgress = (title: string, unit: 'bytes' | 'items') => Progress;

export interface SuperviseOptions {
  readonly cwd?: string;
  /** The whole environment of the program; the host's where absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called for each line of either stream, without its line end. */
  onLine(line: string, stream: 'stdout' | 'stderr'): void;
}

export interface Supervised {
  /** Exit code; 128 + n where signal n ended it. */
  readonly code: number;
  readonly signal: NodeJS.Signals | undefined;
  /** The process of the tree that was seen with the most memory (resident, bytes), and what it worked on. */
  readonly peak: { readonly command: string; readonly bytes: number } | undefined;
  /** Processes that the kernel's OOM killer ended meanwhile; undefined where no counter can be read. */
  readonly oomKills: number | undefined;
}

/**
 * Runs a long program (make) to its end, line by line. Where the host's signal is aborted, its whole process tree
 * is ended first. Throws a UserError where the program is not there.
 */
export type Supervise = (
  program: string,
  args: readonly string[],
  options: SuperviseOptions,
) => Promise<Supervised>;

/** What a stage may ask of the world around it. */
export interface Host {
  readonly log: Log;
  readonly progress: StartProgress;
  readonly run: RunProgram;
  /** What starts this program again: node, and the file that it was started with. */
  readonly self: readonly string[];
  readonly supervise: Supervise;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder for downloads and state that outlives a run; made at the first read, a UserError where it cannot be. */
  readonly cacheFolder: string;
  /** Aborted when the user or the runner cancels. */
  readonly signal: AbortSignal;
}

/** What a door does with the results; no stage has it. */
export interface DoorHost extends Host {
  /** The text that a person asked for: standard output of the command, the log on GitHub. */
  result(text: string): void;
  /**
   * GitHub shows ten of each level a step, so what belongs to files comes in one call, of which the most telling are
   * taken. One place a level is left for what is said later about the whole run.
   */
  annotate(list: readonly Annotation[]): void;
  /** Adds to the job summary; a terminal has none. */
  summary(markdown: string): Promise<void>;
  /** Outputs of the step; a terminal has none. */
  setOutputs(values: Readonly<Record<string, string>>): void;
  /** Stores files below `root` as one artifact; what fails is a warning. A terminal has none. */
  uploadArtifact(name: string, files: readonly string[], root: string): Promise<void>;
}
