import { readFileSync, statSync } from 'node:fs';
import { messageOf, UserError } from '../values/error.ts';

/** One request for a Kconfig symbol. */
export interface ConfigLine {
  /** Without CONFIG_. */
  readonly symbol: string;
  /** As `.config` writes it; `n` for `# CONFIG_X is not set`. */
  readonly value: string;
  /** The input that it comes from, for messages: `kconfig`, `config-fragment: FILE:LINE`, `lto: thin`. */
  readonly origin: string;
}

const NAME = 'CONFIG_([A-Za-z0-9_]{1,128})';
const SET = new RegExp(`^${NAME}=(.*)$`);
const UNSET = new RegExp(`^# ${NAME} is not set$`);
const VALUE =
  /^(?:[ymn]|-?\d{1,20}|0[xX][0-9a-fA-F]{1,16}|"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f]){0,4096}")$/;
const FORMS = 'CONFIG_X=y (or m, n, 12, 0x1f, "text") or "# CONFIG_X is not set"';
const FILE_LIMIT = 4 << 20;

/** Reads single options. Throws a UserError that names a malformed one, and the forms that are taken. */
export function readOptions(lines: readonly string[]): readonly ConfigLine[] {
  return lines.map((text) => parse(text.trim(), 'kconfig') ?? malformed('kconfig', text));
}

/** Reads a fragment: configuration lines, comments and blank lines. Throws a UserError with the file and line. */
export function readFragment(file: string): readonly ConfigLine[] {
  const texts = readText(file, 'config-fragment').split('\n');
  return texts.flatMap((raw, index) => {
    const text = raw.trim();
    const origin = `config-fragment: ${file}:${index + 1}`;
    const line = parse(text, origin);
    if (line !== undefined) return [line];
    return text === '' || text.startsWith('#') ? [] : malformed(origin, text);
  });
}

/** Reads a file that an input names. Throws a UserError where it is not there, not a file, or too large. */
export function readText(file: string, input: string): string {
  try {
    const found = statSync(file);
    if (!found.isFile()) throw new UserError(`${input}: ${file} is not a file`);
    if (found.size > FILE_LIMIT)
      throw new UserError(`${input}: ${file} is larger than 4 MiB; it is no configuration`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${input}: ${file} cannot be read (${messageOf(error).split(',', 1)[0]})`);
  }
}

/** The values of a `.config`, by symbol; a symbol that is not in it is n. */
export function readValues(config: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const text of config.split('\n')) {
    const [, symbol, value = ''] = SET.exec(text) ?? [];
    if (symbol !== undefined) values.set(symbol, value);
  }
  return values;
}

/** A configuration with requests put in: earlier lines of the same symbol are taken out, the last request counts. */
export function mergeLines(config: string, lines: readonly ConfigLine[]): string {
  const wanted = lastOfEach(lines);
  const symbols = new Set(wanted.map((line) => line.symbol));
  const kept = config.split('\n').filter((text) => {
    const symbol = SET.exec(text)?.[1] ?? UNSET.exec(text)?.[1];
    return symbol === undefined || !symbols.has(symbol);
  });
  while (kept.at(-1) === '') kept.pop();
  return `${[...kept, ...wanted.map(written)].join('\n')}\n`;
}

/** The request that counts for each symbol, in the order of those. */
export function lastOfEach(lines: readonly ConfigLine[]): readonly ConfigLine[] {
  const last = new Map(lines.map((line) => [line.symbol, line]));
  return lines.filter((line) => last.get(line.symbol) === line);
}

/** A request as `.config` writes it. */
export function written({ symbol, value }: Pick<ConfigLine, 'symbol' | 'value'>): string {
  return value === 'n' ? `# CONFIG_${symbol} is not set` : `CONFIG_${symbol}=${value}`;
}

/** Whether a final configuration gives a symbol what was asked for. */
export function isMet({ symbol, value }: ConfigLine, values: ReadonlyMap<string, string>): boolean {
  const final = values.get(symbol) ?? (value === '""' ? '""' : 'n');
  // Kconfig puts 0x before a hexadecimal number that was written without.
  return final === value || final === `0x${value}`;
}

function parse(text: string, origin: string): ConfigLine | undefined {
  const unset = UNSET.exec(text)?.[1];
  if (unset !== undefined) return { symbol: unset, value: 'n', origin };
  const [, symbol, value] = SET.exec(text) ?? [];
  if (symbol === undefined || value === undefined || !VALUE.test(value)) return undefined;
  return { symbol, value, origin };
}

function malformed(where: string, text: string): never {
  const shown = text.slice(0, 200).replaceAll(/[\x00-\x1f\x7f]/g, '?');
  const prefix =
    /^[A-Z0-9_]+=/.test(text) && !text.startsWith('CONFIG_') ? `; did you mean 'CONFIG_${shown}'?` : '';
  throw new UserError(`${where}: '${shown}' is no configuration line; write ${FORMS}${prefix}`);
}
