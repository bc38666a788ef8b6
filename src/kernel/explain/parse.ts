import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Expression, parseExpression } from './expression.ts';

/** A condition with the place that it stands at, `arch/Kconfig:780`. */
export interface Placed<T> {
  readonly value: T;
  readonly place: string;
}

/** One definition of a symbol; a symbol may have several. */
export interface Definition {
  readonly name: string;
  readonly place: string;
  type: string;
  /** Whether a user can set it, and under which condition beside its dependencies. */
  prompt: { readonly condition: Expression | undefined } | undefined;
  readonly depends: Placed<Expression>[];
  readonly defaults: { readonly value: string; readonly condition: Expression | undefined }[];
  readonly ranges: {
    readonly text: string;
    readonly condition: Expression | undefined;
    readonly place: string;
  }[];
  /** Which choice it is a member of, by the choice's place. */
  readonly choice: string | undefined;
}

/** `select` of one symbol by another. */
export interface Select {
  readonly by: string;
  readonly symbol: string;
  readonly condition: Expression | undefined;
  readonly place: string;
}

export interface Kconfig {
  readonly definitions: ReadonlyMap<string, readonly Definition[]>;
  readonly selects: readonly Select[];
  /** Lines that the reader did not know, with their places. */
  readonly unknown: readonly string[];
}

interface Reading {
  readonly tree: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly definitions: Map<string, Definition[]>;
  readonly selects: Select[];
  readonly unknown: string[];
  /** What encloses the present line: menus, ifs and choices with their dependencies. */
  readonly blocks: {
    readonly kind: string;
    readonly depends: Placed<Expression>[];
    readonly place: string;
  }[];
  files: number;
  current: Definition | undefined;
}

const FILES = 10_000;
const FILE_BYTES = 4 << 20;
const DEPTH = 50;

/**
 * Reads the Kconfig files of a tree for an architecture, from its top Kconfig on. Macros that run programs are kept
 * as text. Throws a RangeError where a bound on files, bytes or depth is passed.
 */
export function parseKconfig(tree: string, srcArch: string, arch: string): Kconfig {
  const variables = new Map([
    ['SRCARCH', srcArch],
    ['ARCH', arch],
    ['srctree', tree],
    ['HEADER_ARCH', srcArch],
  ]);
  const reading: Reading = {
    tree,
    variables,
    definitions: new Map(),
    selects: [],
    unknown: [],
    blocks: [],
    files: 0,
    current: undefined,
  };
  readFile(reading, 'Kconfig', 0);
  return reading;
}

function readFile(reading: Reading, name: string, depth: number): void {
  const file = path.join(reading.tree, name);
  if (!existsSync(file)) return;
  reading.files += 1;
  if (depth > DEPTH || reading.files > FILES || statSync(file).size > FILE_BYTES) {
    throw new RangeError(`${name}: too many, too large or too deeply nested Kconfig files`);
  }
  const lines = readFileSync(file, 'utf8').split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const place = `${name}:${index + 1}`;
    let text = lines[index] ?? '';
    while (text.endsWith('\\') && index + 1 < lines.length) {
      index += 1;
      text = `${text.slice(0, -1)} ${lines[index]}`;
    }
    if (/^\s*help\s*$/.test(text)) {
      index = skipHelp(lines, index);
      continue;
    }
    const line = text.replace(/^\s+/, '').trimEnd();
    if (line === '' || line.startsWith('#')) continue;
    const source = /^[or]*source\s+"(.*)"$/.exec(line);
    if (source === null) readLine(reading, line, place);
    else readFile(reading, sourced(reading, name, line, source[1] ?? ''), depth + 1);
  }
}

// Help text ends at the first line that is indented less than its own first line.
function skipHelp(lines: readonly string[], at: number): number {
  const indent = (text: string) => text.replaceAll('\t', '        ').search(/\S/);
  let index = at + 1;
  while (index < lines.length && (lines[index] ?? '').trim() === '') index += 1;
  const first = indent(lines[index] ?? '');
  if (first <= 0) return index - 1;
  while (index < lines.length && ((lines[index] ?? '').trim() === '' || indent(lines[index] ?? '') >= first))
    index += 1;
  return index - 1;
}

function sourced(reading: Reading, name: string, line: string, target: string): string {
  const expanded = target.replace(
    /\$\((\w+)\)/g,
    (whole, variable: string) => reading.variables.get(variable) ?? whole,
  );
  const relative = expanded.startsWith(`${reading.tree}/`)
    ? expanded.slice(reading.tree.length + 1)
    : expanded;
  return /^o?rsource/.test(line) ? path.join(path.dirname(name), relative) : path.normalize(relative);
}

function readLine(reading: Reading, line: string, place: string): void {
  const [, word = '', rest = ''] = /^([A-Za-z_][\w-]*|-{3}help-{3})\s*(.*)$/s.exec(line) ?? [];
  if (/^[\w-]+\s*(:=|\+=|=)/.test(line) || line.startsWith('$(')) return;
  const handler = HANDLERS[word];
  if (handler === undefined) reading.unknown.push(`${place}: ${line}`);
  else handler(reading, rest, place);
}

type Handler = (reading: Reading, rest: string, place: string) => void;

const open =
  (kind: string): Handler =>
  (reading, rest, place) => {
    const depends = kind === 'if' ? [{ value: expressionOf(reading, rest), place }] : [];
    reading.blocks.push({ kind, depends, place });
    reading.current = undefined;
  };
const close: Handler = (reading) => {
  reading.blocks.pop();
  reading.current = undefined;
};
const config: Handler = (reading, rest, place) => {
  const definition: Definition = {
    name: rest,
    place,
    type: '',
    prompt: undefined,
    depends: reading.blocks.flatMap((block) => block.depends),
    defaults: [],
    ranges: [],
    choice: reading.blocks.findLast((block) => block.kind === 'choice')?.place,
  };
  const known = reading.definitions.get(rest);
  if (known === undefined) reading.definitions.set(rest, [definition]);
  else known.push(definition);
  reading.current = definition;
};
const type =
  (name: string): Handler =>
  (reading, rest) => {
    if (reading.current === undefined) return;
    reading.current.type = name;
    if (rest !== '') prompt(reading, rest, '');
  };
const prompt: Handler = (reading, rest) => {
  if (reading.current === undefined) return;
  const [, after = ''] = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\S+)\s*(.*)$/s.exec(rest) ?? [];
  reading.current.prompt = { condition: conditionOf(reading, after) };
};
const defaults =
  (name: string): Handler =>
  (reading, rest) => {
    if (reading.current === undefined) return;
    if (name !== '') reading.current.type = name;
    const { expression, rest: after } = parseExpression(substitute(reading, rest));
    const value = expression.kind === 'constant' ? expression.text : '';
    reading.current.defaults.push({ value, condition: conditionOf(reading, after) });
  };
const depends: Handler = (reading, rest, place) => {
  const { expression, rest: after } = parseExpression(substitute(reading, rest.replace(/^on\s+/, '')));
  const only = conditionOf(reading, after);
  // `depends on A if B`: where B is n, A does not matter.
  const value: Expression =
    only === undefined ? expression : { kind: 'or', left: { kind: 'not', of: only }, right: expression };
  if (reading.current !== undefined) reading.current.depends.push({ value, place });
  else reading.blocks.at(-1)?.depends.push({ value, place });
};
const select: Handler = (reading, rest, place) => {
  const [, symbol = '', after = ''] = /^(\w+)\s*(.*)$/s.exec(rest) ?? [];
  if (reading.current === undefined) return;
  reading.selects.push({ by: reading.current.name, symbol, condition: conditionOf(reading, after), place });
};
const range: Handler = (reading, rest, place) => {
  const [, text = '', after = ''] = /^(\S+\s+\S+)\s*(.*)$/s.exec(rest) ?? [];
  reading.current?.ranges.push({ text, condition: conditionOf(reading, after), place });
};
const nothing: Handler = () => {};

const HANDLERS: Readonly<Record<string, Handler | undefined>> = {
  __proto__: null as never,
  mainmenu: nothing,
  menu: open('menu'),
  endmenu: close,
  if: open('if'),
  endif: close,
  choice: open('choice'),
  endchoice: close,
  comment: (reading) => {
    reading.current = undefined;
    // Its own `depends on` lines would else be taken for those of the block.
    reading.current = {
      name: '',
      place: '',
      type: '',
      prompt: undefined,
      depends: [],
      defaults: [],
      ranges: [],
      choice: undefined,
    };
  },
  config,
  menuconfig: config,
  bool: type('bool'),
  tristate: type('tristate'),
  string: type('string'),
  hex: type('hex'),
  int: type('int'),
  def_bool: defaults('bool'),
  def_tristate: defaults('tristate'),
  prompt,
  default: defaults(''),
  depends,
  select,
  imply: nothing,
  range,
  visible: nothing,
  modules: nothing,
  option: nothing,
  optional: nothing,
  transitional: nothing,
};

function conditionOf(reading: Reading, text: string): Expression | undefined {
  const [, condition] = /^if\s+(.*)$/s.exec(text.trim()) ?? [];
  return condition === undefined ? undefined : expressionOf(reading, condition);
}

function expressionOf(reading: Reading, text: string): Expression {
  return parseExpression(substitute(reading, text)).expression;
}

function substitute(reading: Reading, text: string): string {
  return text.replace(/\$\((\w+)\)/g, (whole, variable: string) => reading.variables.get(variable) ?? whole);
}
