import type { DiagnosticTool } from '../values/diagnostic.ts';

/** What one line says, with its path as it was printed. */
export interface Found {
  readonly tool: DiagnosticTool;
  readonly level: 'error' | 'warning';
  readonly message: string;
  readonly kind?: 'killed' | undefined;
  readonly path?: string | undefined;
  readonly line?: number;
  readonly column?: number;
  readonly flag?: string | undefined;
  readonly target?: string | undefined;
}

type Reader = readonly [RegExp, (groups: Readonly<Record<string, string | undefined>>) => Found | undefined];

const KILLED = /^(?:Killed|Error 137)(?: \(core dumped\))?$/;
const FLAG = / \[(-W[\w,=+#-]{1,120})\]$/;

// Most particular first: each line is given to the readers in turn, and the first that takes it decides.
const READERS: readonly Reader[] = [
  // GNU make: src/job.c (child_error), src/remake.c, src/output.c (fatal, error). Where the rule stands is no cause.
  [/^g?make(?:\[\d+\])?: \*\*\* (?:Waiting for unfinished jobs|Deleting )/, () => undefined],
  [
    /^g?make(?:\[\d+\])?: \*\*\* \[(?:[^\]\s]+?:\d+: )?(?<target>[^\]]+)\] (?<how>(?:Error \d+|[A-Z][a-z ]+)(?: \(core dumped\))?)(?: \(ignored\))?$/,
    ({ target, how = '' }) => ({
      tool: 'make',
      level: 'error',
      message: KILLED.test(how) ? `the program that makes ${target} was killed` : `${target}: ${how}`,
      kind: KILLED.test(how) ? 'killed' : undefined,
      target,
    }),
  ],
  [
    /^g?make(?:\[\d+\])?: \*\*\* (?<message>No rule to make target '(?<wanted>[^']+)'(?:, needed by '(?<target>[^']+)')?)\.(?: {2}Stop\.)?$/,
    ({ message = '', wanted, target }) => ({
      tool: 'make',
      level: 'error',
      message,
      target: target ?? wanted,
    }),
  ],
  [
    /^(?:g?make(?:\[\d+\])?|(?<path>[^\s:]+):(?<line>\d+)): \*\*\* (?<message>.+?)(?:\.? {2}Stop\.)?$/,
    ({ path, line, message = '' }) => ({ tool: 'make', level: 'error', message, path, ...at(line) }),
  ],
  [
    /^g?make(?:\[\d+\])?: (?:warning: (?<warning>.+)|(?<missing>.+: No such file or directory))$/,
    ({ warning, missing }) => ({
      tool: 'make',
      level: warning === undefined ? 'error' : 'warning',
      message: warning ?? missing ?? '',
    }),
  ],
  [
    /^(?<path>(?:[^\s:]*\/)?(?:Makefile|Kbuild)[^\s:/]*|[^\s:]+\.mk):(?<line>\d+): warning: (?<message>.+)$/,
    ({ path, line, message = '' }) => ({ tool: 'make', level: 'warning', message, path, ...at(line) }),
  ],
  // scripts/mod/modpost.c (modpost_log)
  [
    /^(?<level>ERROR|WARNING|FATAL): modpost: (?<message>(?:(?:"[^"]+" )?\[?(?<target>[^\s\]:]+\.ko|vmlinux(?:\.o)?)(?:\]|:))?.*)$/,
    ({ level, message = '', target }) => ({ tool: 'modpost', level: levelOf(level), message, target }),
  ],
  // tools/objtool/include/objtool/warn.h
  [
    /^(?:(?<target>[^\s:]+): )?(?<level>warning|error): objtool: (?<message>.+)$/,
    ({ target, level, message = '' }) => ({ tool: 'objtool', level: levelOf(level), message, target }),
  ],
  [/^objtool: (?<message>.+)$/, ({ message = '' }) => ({ tool: 'objtool', level: 'error', message })],
  // lld/Common/ErrorHandler.cpp. A message can begin with a place of its own.
  [
    /^(?:[^\s:]*\/)?ld\.lld(?:-\d+)?: (?<level>error|warning|fatal error): (?:(?<path>[^\s:]+):(?<line>\d+)(?::(?<column>\d+))?: )?(?<message>.+)$/,
    ({ level, path, line, column, message = '' }) => ({
      tool: 'lld',
      level: levelOf(level),
      message,
      path,
      ...at(line, column),
    }),
  ],
  [
    /^(?:[^\s:]*\/)?(?<name>llvm-[a-z]+)(?:-\d+)?: (?<level>error|warning): (?<message>.+)$/,
    ({ name, level, message }) => ({ tool: 'llvm', level: levelOf(level), message: `${name}: ${message}` }),
  ],
  // scripts/kconfig: parser.y (yyerror, zconf_error), menu.c (menu_warn), confdata.c (conf_warning), symbol.c
  [
    /^(?<path>(?:[^\s:]*\/)?(?:Kconfig[^\s:/]*|\.config|[^\s:/]+\.config|[^\s:/]*defconfig)):(?<line>\d+): ?(?:(?<warning>warning: )|error: )?(?<message>\S.*)$/,
    ({ path, line, warning, message = '' }) => ({
      tool: 'kconfig',
      level: warning === undefined ? 'error' : 'warning',
      message,
      path,
      ...at(line),
    }),
  ],
  [
    /^WARNING: (?<message>unmet direct dependencies detected for \w+)$/,
    ({ message = '' }) => ({ tool: 'kconfig', level: 'warning', message }),
  ],
  [
    /^error: (?<message>recursive dependency detected!)$/,
    ({ message = '' }) => ({ tool: 'kconfig', level: 'error', message }),
  ],
  // scripts/dtc: checks.c (check_msg), srcpos.c (srcpos_verror), util.h (die)
  [
    /^(?<path>[^\s:]+):(?:(?<line>\d+)\.(?<column>\d+)\S*:)? (?<level>Warning|ERROR) \((?<flag>\w+)\): (?<message>.+)$/,
    ({ path, line, column, level, flag, message = '' }) => ({
      tool: 'dtc',
      level: levelOf(level),
      message,
      path,
      ...at(line, column),
      flag,
    }),
  ],
  [
    /^(?:Error|ERROR|FATAL ERROR): (?<path>[^\s:]+):(?<line>\d+)\.(?<column>\d+)\S* (?<message>.+)$/,
    ({ path, line, column, message = '' }) => ({
      tool: 'dtc',
      level: 'error',
      message,
      path,
      ...at(line, column),
    }),
  ],
  [/^(?:FATAL )?ERROR: (?<message>.+)$/, ({ message = '' }) => ({ tool: 'dtc', level: 'error', message })],
  // clang/lib/Frontend/TextDiagnostic.cpp; the integrated assembler prints the same form.
  [
    /^(?<path>[^:]+):(?<line>\d+):(?:(?<column>\d+):)? (?<level>fatal error|error|warning): (?<message>.+)$/,
    ({ path = '', line, column, level, message = '' }) => ({
      tool: /\.[sS]$|^<(?:inline asm|instantiation)>$/.test(path) ? 'assembler' : 'clang',
      level: levelOf(level),
      ...withoutFlag(message),
      path,
      ...at(line, column),
    }),
  ],
  [
    /^(?:(?:[^\s:]*\/)?clang[\w+.-]*: )?(?<level>fatal error|error|warning): (?<message>.+)$/,
    ({ level, message = '' }) => ({
      tool: 'clang',
      level: levelOf(level),
      ...withoutFlag(message),
      kind: /^unable to execute command: Killed/.test(message) ? 'killed' : undefined,
    }),
  ],
  // GNU as, which a request for no integrated assembler brings in.
  [
    /^(?<path>[^\s:]+):(?<line>\d+): (?<level>Error|Warning|Fatal error): (?<message>.+)$/,
    ({ path, line, level, message = '' }) => ({
      tool: 'assembler',
      level: levelOf(level),
      message,
      path,
      ...at(line),
    }),
  ],
  [
    /^(?:Killed|(?:\S*bash|\S*sh): (?:line \d+: )?\s*\d+ Killed(?: .*)?)$/,
    () => ({ tool: 'shell', level: 'error', message: 'a program of the build was killed', kind: 'killed' }),
  ],
  [
    /^(?:\S*\/)?(?:ba|da)?sh: (?:(?:line )?\d+: )?(?<message>.+: (?:command )?not found)$/,
    ({ message = '' }) => ({ tool: 'shell', level: 'error', message }),
  ],
  [
    /^(?<message>.+: No space left on device)$/,
    ({ message = '' }) => ({ tool: 'shell', level: 'error', message }),
  ],
];

/** What a line of make's output says, if it is the first line of a warning or an error of a tool known here. */
export function readDiagnostic(line: string): Found | undefined {
  for (const [pattern, read] of READERS) {
    const match = pattern.exec(line);
    if (match !== null) return read(match.groups ?? {});
  }
  return undefined;
}

function levelOf(word: string | undefined): 'error' | 'warning' {
  return word?.toLowerCase() === 'warning' ? 'warning' : 'error';
}

function at(line?: string, column?: string): { line?: number; column?: number } {
  return {
    ...(line !== undefined && Number(line) > 0 && { line: Number(line) }),
    ...(column !== undefined && Number(column) > 0 && { column: Number(column) }),
  };
}

function withoutFlag(message: string): { message: string; flag?: string } {
  const match = FLAG.exec(message.slice(-140));
  const flag = match?.[1]?.replace(/^-Werror,(?=-W)/, '');
  if (match === null || flag === undefined) return { message };
  return { message: message.slice(0, message.length - match[0].length), flag };
}
