/** What a short program left behind. */
export interface ProgramResult {
  /** Exit code; 128 + n where signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  /** The whole environment of the program; this process's where absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Bytes kept of each stream; what is over is dropped. */
  readonly limit?: number;
  /** Seconds after which the program is killed; its code is then 137. */
  readonly timeoutSeconds?: number;
}

/**
 * Runs a short program to its end, without a shell, and keeps its output.
 * Does not throw for an exit code; throws a UserError where the program is not there.
 */
export type RunProgram = (
  program: string,
  args: readonly string[],
  options?: ProgramOptions,
) => Promise<ProgramResult>;
