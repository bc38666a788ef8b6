import { parseArgs } from 'node:util';
import { UserError } from '../values/error.ts';
import { type Command, type Input, inputsOf } from './inputs.ts';
import type { Raw } from './values.ts';

/** Reads a command's flags from its words. Throws a UserError for an unknown or incomplete one. */
export function readFlags(command: Command, words: readonly string[]): Raw {
  const inputs = inputsOf(command);
  const options = Object.fromEntries(inputs.map((input) => [input.name, optionOf(input)]));
  const raw = new Map<string, string[]>();
  const { tokens } = parse(command, words, options);
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      throw new UserError(`${command}: '${token.value}' is not a flag; see kernel-thinlto ${command} --help`);
    }
    const input = inputs.find((known) => known.name === token.name);
    if (input === undefined) {
      throw new UserError(
        `${command}: ${token.rawName} is not a flag of it${nearest(token.name, inputs)}; see kernel-thinlto ${command} --help`,
      );
    }
    if (input.value !== '' && token.value === undefined) {
      throw new UserError(`${command}: ${token.rawName} needs a value: ${token.rawName} ${input.value}`);
    }
    raw.set(input.name, [
      ...(raw.get(input.name) ?? []),
      input.value === '' ? (token.value ?? 'true') : (token.value ?? ''),
    ]);
  }
  return raw;
}

// A value may begin with a dash (`--llvm-path -23`), which parseArgs in its strict form refuses.
function parse(
  command: Command,
  words: readonly string[],
  options: Record<string, { type: 'string' | 'boolean' }>,
) {
  try {
    return parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  } catch (error) {
    throw new UserError(`${command}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function optionOf(input: Input): { type: 'string' | 'boolean' } {
  return { type: input.value === '' ? 'boolean' : 'string' };
}

function nearest(name: string, inputs: readonly Input[]): string {
  const found = inputs.find((input) => input.name.startsWith(name) || name.startsWith(input.name));
  return found === undefined ? '' : ` (--${found.name}?)`;
}

/** The help of one command: its flags with what holds where they are absent. */
export function flagsHelp(command: Command): string {
  return inputsOf(command)
    .map((input) => {
      const head = `  --${input.name}${input.value === '' ? '' : ` ${input.value}`}`;
      const tail = input.value === '' ? '' : ` [${input.default ?? input.fallback}]`;
      const again = input.repeated === true ? ' May be repeated.' : '';
      return `${head}\n${wrap(`${input.help}${again}${tail}`, 78, '      ')}`;
    })
    .join('\n');
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && indent.length + last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => indent + line).join('\n');
}
