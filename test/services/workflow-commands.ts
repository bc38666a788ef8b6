/** A workflow command that the runner found in a log. */
export interface WorkflowCommand {
  readonly name: string;
  readonly properties: ReadonlyMap<string, string>;
  readonly message: string;
}

/** What the runner knows (actions/runner, ActionCommandManager); anything else it takes for text. */
const KNOWN = new Set([
  ...[
    'add-mask',
    'add-matcher',
    'add-path',
    'debug',
    'echo',
    'endgroup',
    'error',
    'group',
    'internal-set-repo-path',
  ],
  ...['notice', 'remove-matcher', 'save-state', 'set-env', 'set-output', 'stop-commands', 'warning'],
]);

/** Reads a log as the runner does: the commands in it, and what stays as text for people. */
export function readLog(log: string): { commands: readonly WorkflowCommand[]; text: readonly string[] } {
  const commands: WorkflowCommand[] = [];
  const text: string[] = [];
  let stoppedBy: string | undefined;
  // .NET's reader ends a line at CR LF, LF and CR.
  for (const line of log.split(/\r\n|\n|\r/)) {
    const command = readCommand(line, stoppedBy);
    if (stoppedBy !== undefined) {
      if (command?.name === stoppedBy) stoppedBy = undefined;
      else text.push(line);
    } else if (command === undefined) {
      text.push(line);
    } else {
      if (command.name === 'stop-commands') stoppedBy = command.message;
      commands.push(command);
    }
  }
  return { commands, text };
}

function readCommand(line: string, resume: string | undefined): WorkflowCommand | undefined {
  return readNew(line, resume) ?? readOld(line, resume);
}

/** `::name key=value,key=value::message`, after white space. */
function readNew(line: string, resume: string | undefined): WorkflowCommand | undefined {
  // The runner compares by culture, for which these are nothing.
  const seen = line.replace(/[\p{Cc}\p{Cf}\p{Mn}]/gu, '').trimStart();
  if (!seen.startsWith('::')) return undefined;
  const end = seen.indexOf('::', 2);
  if (end < 0) return undefined;
  const [name = '', rest = ''] = cut(seen.slice(2, end), ' ');
  if (!isKnown(name, resume)) return undefined;
  const message = decode(seen.slice(end + 2), DATA);
  return { name, properties: readProperties(rest, ',', PROPERTY), message };
}

/** `##[name key=value;key=value]message`, anywhere in the line. */
function readOld(line: string, resume: string | undefined): WorkflowCommand | undefined {
  const seen = line.replace(/[\p{Cc}\p{Cf}\p{Mn}]/gu, '');
  const start = seen.indexOf('##[');
  const end = seen.indexOf(']', start);
  if (start < 0 || end < 0) return undefined;
  const [name = '', rest = ''] = cut(seen.slice(start + 3, end), ' ');
  if (!isKnown(name, resume)) return undefined;
  return { name, properties: readProperties(rest, ';', OLD), message: decode(seen.slice(end + 1), OLD) };
}

function isKnown(name: string, resume: string | undefined): boolean {
  return KNOWN.has(name.toLowerCase()) || name === resume;
}

type Escapes = readonly (readonly [string, string])[];
const DATA: Escapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%25', '%'],
];
const PROPERTY: Escapes = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%3A', ':'],
  ['%2C', ','],
  ['%25', '%'],
];
const OLD: Escapes = [
  ['%3B', ';'],
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%5D', ']'],
  ['%25', '%'],
];

function readProperties(text: string, separator: string, escapes: Escapes): ReadonlyMap<string, string> {
  const pairs = text.split(separator).filter((part) => part.includes('='));
  return new Map(
    pairs.map((part) => {
      const [key = '', value = ''] = cut(part.trim(), '=');
      return [key, decode(value, escapes)];
    }),
  );
}

function decode(text: string, escapes: Escapes): string {
  return escapes.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

function cut(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
