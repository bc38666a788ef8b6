/** The program, or family of programs, whose message it is. */
export type DiagnosticTool =
  | 'clang'
  | 'assembler'
  | 'lld'
  | 'llvm'
  | 'modpost'
  | 'objtool'
  | 'kconfig'
  | 'dtc'
  | 'make'
  | 'shell';

/** A warning or an error of a build. Its texts come from outside: one line each, without control characters. */
export interface Diagnostic {
  readonly tool: DiagnosticTool;
  readonly level: 'error' | 'warning';
  /** `killed`: a signal ended the program from outside, for which too little memory is the likely cause. */
  readonly kind?: 'killed';
  readonly message: string;
  /** Relative to the source tree; only for a file that is in the tree. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** `-Wframe-larger-than`, or the name of dtc's check. */
  readonly flag?: string;
  /** What was being made: of make, modpost and objtool. */
  readonly target?: string;
  /** What belongs to it: how the file was included, and further notes. */
  readonly notes: readonly string[];
  /** How often it came: a warning in a header comes once for each translation unit. */
  readonly count: number;
}
