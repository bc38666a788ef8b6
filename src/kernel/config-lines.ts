import { readFileSync, statSync } from 'node:fs';
import { messageOf, UserError } from '../values/error.ts';

/** One request for a Kconfig symbol. */
export interface ConfigLine {
  /** Without CONFIG_. */
  readonly symbol: string;
  /** As `.config` writes it; `n` for `# CONFIG_X is not set`. */
  readonly value: string;
  /** Where the request stands, for messages: `kconfig: …`, `config-fragment: FILE:LINE`. */
  readonly origin: string;
}

const SET = /^CONFIG_([A-Za-z0-9_]+)=(.*)$/;
const UNSET = /^# CONFIG_([A-Za-z0-9_]+) is not set$/;
const VALUE = /^(?:[ymn]|-?\d{1,20}|0[xX][0-9a-fA-F]{1,16}|"(?:[^"\\]|\\.)*")$/;
const FORMS = 'CONFIG_X=y, =m, =n, a number, "text", or # CONFIG_X is not set';
const FILE_LIMIT = 4 << 20;

/** Reads single options. Throws a UserError that names a malformed one. */
export function readOptions(lines: readonly string[]): readonly ConfigLine[] {
  return lines.map((text) => parse(text, `kconfig: ${text}`) ?? malformed('kconfig', text));
}

/** Reads a fragment: configuration lines, comments and blank lines. Throws a UserError with the file and line. */
export function readFragment(file: string): readonly ConfigLine[] {
  return readText(file, 'config-fragment')
    .split('\n')
    .flatMap((raw, index) => {
      const text = raw.trim();
      const where = `config-fragment: ${file}:${index + 1}`;
      const line = parse(text, where);
      if (line !== undefined) return [line];
      return text === '' || text.startsWith('#') ? [] : malformed(where, text);
    });
}

/** Reads a file that an input names. Throws a UserError where it is not there, not a file, or too large. */
export function readText(file: string, input: string): string {
  try {
    if (statSync(file).size > FILE_LIMIT) throw new UserError(`${input}: ${file} is larger than 4 MiB; it is no configuration`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${input}: ${file} cannot be read (${messageOf(error).split(',', 1)[0]})`);
  }
}

/** The values of a final `.config`, by symbol; a symbol that is not in it is `n`. */
export function readValues(config: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const text of config.split('\n')) {
    const [, symbol = '', value = ''] = SET.exec(text) ?? [];
    if (symbol !== '') values.set(symbol, value);
  }
  return values;
}

/**
 * A configuration with requests put in: an earlier line of the same symbol is replaced, the last request counts.
 */
export function mergeLines(config: string, lines: readonly ConfigLine[]): string {
  const wanted = new Map(lines.map((line) => [line.symbol, line]));
  const kept = config.split('\n').filter((text) => {
    const symbol = SET.exec(text)?.[1] ?? UNSET.exec(text)?.[1];
    return symbol === undefined || !wanted.has(symbol);
  });
  while (kept.at(-1) === '') kept.pop();
  return `${[...kept, ...[...wanted.values()].map(written)].join('\n')}\n`;
}

/** A request as `.config` writes it. */
export function written({ symbol, value }: ConfigLine): string {
  return value === 'n' ? `# CONFIG_${symbol} is not set` : `CONFIG_${symbol}=${value}`;
}

function parse(text: string, origin: string): ConfigLine | undefined {
  const unset = UNSET.exec(text)?.[1];
  if (unset !== undefined) return { symbol: unset, value: 'n', origin };
  const [, symbol, value] = SET.exec(text) ?? [];
  if (symbol === undefined || value === undefined || !VALUE.test(value)) return undefined;
  return { symbol, value, origin };
}

function malformed(where: string, text: string): never {
  throw new UserError(`${where}: '${text.slice(0, 200)}' is no configuration line; write ${FORMS}`);
}
