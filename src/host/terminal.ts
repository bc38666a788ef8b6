import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { openCacheFolder, setToolFolders } from './folders.ts';
import type { Annotation, DoorHost } from './host.ts';
import { ownCommand } from './own-command.ts';
import { createRun } from './programs.ts';
import { barProgress, lineProgress } from './progress.ts';
import { type Output, openScreen, type Screen } from './screen.ts';
import { createSupervise } from './supervise.ts';
import { printable } from './text.ts';

export interface TerminalSettings {
  /** Gets RUNNER_TOOL_CACHE and RUNNER_TEMP where they are not set. */
  readonly env: Record<string, string | undefined>;
  readonly signal: AbortSignal;
  readonly stdout?: Output;
  readonly stderr?: Output;
  readonly clock?: Clock;
}

/**
 * The host of a person at a terminal, or of a CI other than GitHub: results go to standard output, everything else
 * to standard error.
 */
export function terminalHost(settings: TerminalSettings): DoorHost {
  const { env, signal, stdout = process.stdout, stderr = process.stderr, clock = SYSTEM_CLOCK } = settings;
  setToolFolders(env);
  const draws = stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI;
  const colors = draws && !env.NO_COLOR;
  const screen: Screen = draws ? openScreen(stderr) : plainScreen(stderr);
  const paint = (code: number, text: string) => (colors ? `\x1b[${code}m${text}\x1b[0m` : text);
  const found = (annotation: Annotation) => {
    const color = { error: 31, warning: 33, notice: 36 }[annotation.level];
    const level = paint(color, `${annotation.level}:`);
    screen.line(`${printable(placeOf(annotation))}${level} ${printable(annotation.message)}`);
  };
  let cacheFolder: string | undefined;
  return {
    log: {
      info: (line) => screen.line(printable(line)),
      warning: (line) => screen.line(`${paint(33, 'warning:')} ${printable(line)}`),
      debug(line) {
        if (env.RUNNER_DEBUG === '1') screen.line(printable(line));
      },
      output: () => undefined,
      diagnostic: found,
      openGroup(title) {
        screen.line(paint(1, `== ${printable(title)}`));
        return () => undefined;
      },
    },
    progress: draws ? barProgress(screen, clock) : lineProgress(screen.line, clock),
    run: createRun(signal, env),
    self: ownCommand(),
    supervise: createSupervise(signal, env),
    env,
    signal,
    get cacheFolder() {
      cacheFolder ??= openCacheFolder(env);
      return cacheFolder;
    },
    result(text) {
      screen.setBar(undefined);
      stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    },
    annotate(list) {
      for (const annotation of list) found(annotation);
    },
    summary: async () => undefined,
    setOutputs: () => undefined,
    uploadArtifact: async () => undefined,
  };
}

/** `file:line:column: `, as compilers write it. */
function placeOf({ file, line, column }: Annotation): string {
  if (file === undefined) return '';
  const place = [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined);
  return `${place.join(':')}: `;
}

function plainScreen(output: Output): Screen {
  return {
    line: (text) => output.write(`${text}\n`),
    setBar: () => undefined,
    columns: () => Number.POSITIVE_INFINITY,
  };
}
