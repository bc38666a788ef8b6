import path from 'node:path';
import { isOff, operandOf, parseExpression } from './expression.ts';
import { type KconfigFiles, kconfigFiles } from './files.ts';
import { createReader, type Reader, type Statement, type Token } from './lexer.ts';
import { createMacros, type Macros } from './macros.ts';
import type { Condition, Expression, Kconfig, SymbolType } from './model.ts';
import { type BlockKind, createStructure, type Structure } from './structure.ts';

interface Parsing {
  readonly files: KconfigFiles;
  readonly macros: Macros;
  readonly structure: Structure;
  readonly problems: string[];
  /** The files that are being read, each sourced by the one before it. */
  readonly stack: string[];
}

/** Where a statement stands, and how to read what belongs to it. */
interface Here {
  readonly file: string;
  readonly place: string;
  readonly reader: Reader;
}

type Handler = (parsing: Parsing, tokens: readonly Token[], here: Here) => boolean;

const DEPTH = 64;
const PROBLEMS = 100;

/**
 * Reads the Kconfig files of a tree for an architecture (`SRCARCH` and `ARCH`), from its top Kconfig on. Runs no
 * program: macros that would run one are kept as text. Throws a UserError where the files pass a bound.
 */
export function parseKconfig(tree: string, srcArch: string, arch: string): Kconfig {
  const exported = new Map([
    ['SRCARCH', srcArch],
    ['ARCH', arch],
    ['srctree', '.'],
  ]);
  const parsing: Parsing = {
    files: kconfigFiles(tree),
    macros: createMacros(exported),
    structure: createStructure(),
    problems: [],
    stack: [],
  };
  readFile(parsing, 'Kconfig', 'Kconfig:1');
  if (parsing.structure.open() > 0) parsing.problems.push('Kconfig: a block that is not closed');
  const { symbols, settings } = parsing.structure.finish();
  return { srcArch, symbols, settings, files: parsing.files.count(), problems: parsing.problems };
}

function readFile(parsing: Parsing, name: string, place: string): void {
  const text =
    parsing.stack.length >= DEPTH || parsing.stack.includes(name) ? undefined : parsing.files.read(name);
  if (text === undefined) {
    problem(parsing, place, `cannot source ${name}`);
    return;
  }
  parsing.stack.push(name);
  const reader = createReader(text, parsing.macros);
  for (let found = reader.next(); found !== undefined; found = reader.next()) {
    if ('name' in found) parsing.macros.assign(found.name, found.operator, found.value);
    else readStatement(parsing, found, { file: name, place: `${name}:${found.line}`, reader });
  }
  parsing.stack.pop();
}

function readStatement(parsing: Parsing, { tokens, stray }: Statement, here: Here): void {
  if (stray !== '') problem(parsing, here.place, `stray ${JSON.stringify(stray.slice(0, 20))}`);
  const [first, ...rest] = tokens;
  // A macro alone on its line, $(error-if,...), is called for its effect.
  if (first === undefined || first.unknown) return;
  const handler = first.kind === 'word' ? HANDLERS.get(first.text) : undefined;
  if (handler?.(parsing, rest, here) !== true) {
    problem(parsing, here.place, `unknown ${tokens.map((token) => token.text).join(' ')}`);
  }
}

function problem(parsing: Parsing, place: string, text: string): void {
  if (parsing.problems.length < PROBLEMS) parsing.problems.push(`${place}: ${text.slice(0, 200)}`);
}

/** An expression that fills the tokens from `from` on; a missing one where `if` begins them and none is needed. */
function wholeExpression(tokens: readonly Token[], from: number): Expression | undefined {
  const found = parseExpression(tokens, from);
  return found?.end === tokens.length ? found.expression : undefined;
}

/** `if EXPR` at `from`, to the end: the condition; null where nothing is there; undefined where it is malformed. */
function ifAt(tokens: readonly Token[], from: number): Expression | null | undefined {
  if (tokens.length === from) return null;
  return tokens[from]?.text === 'if' ? wholeExpression(tokens, from + 1) : undefined;
}

/** `EXPR [if EXPR]` from `from` on. */
function valueWithIf(
  tokens: readonly Token[],
  from = 0,
): { value: Expression; condition: Expression | undefined } | undefined {
  const value = parseExpression(tokens, from);
  const condition = value === undefined ? undefined : ifAt(tokens, value.end);
  if (value === undefined || condition === undefined) return undefined;
  return { value: value.expression, condition: condition ?? undefined };
}

const begin =
  (kind: BlockKind): Handler =>
  ({ structure }, tokens, { place }) => {
    const condition = kind === 'if' ? wholeExpression(tokens, 0) : undefined;
    if (kind === 'if' && condition === undefined) return false;
    structure.begin(kind, place);
    if (condition !== undefined) structure.depends({ expression: condition, place });
    return true;
  };

const end =
  (kind: BlockKind): Handler =>
  ({ structure }, tokens) =>
    tokens.length === 0 && structure.end(kind);

const entry: Handler = ({ structure }, [name, ...rest], { place }) => {
  if (name === undefined || name.kind !== 'word' || rest.length > 0) return false;
  structure.config(name.text, place);
  return true;
};

const prompt: Handler = ({ structure }, tokens, { place }) => {
  const condition = ifAt(tokens, 1);
  if (tokens[0] === undefined || condition === undefined) return false;
  structure.prompt(condition === null ? [] : [{ expression: condition, place }]);
  return true;
};

const type =
  (name: SymbolType): Handler =>
  (parsing, tokens, here) => {
    parsing.structure.type(name);
    return tokens.length === 0 || prompt(parsing, tokens, here);
  };

const defaultOf =
  (name?: SymbolType): Handler =>
  ({ structure }, tokens, { place }) => {
    const found = valueWithIf(tokens);
    if (found === undefined) return false;
    if (name !== undefined) structure.type(name);
    structure.default({ ...found, place });
    return true;
  };

const depends: Handler = ({ structure }, tokens, { place }) => {
  const found = tokens[0]?.text === 'on' ? valueWithIf(tokens, 1) : undefined;
  if (found === undefined) return false;
  structure.depends({ expression: onlyIf(found.value, found.condition), place });
  return true;
};

// `depends on A if B` is `A || B = n` (menu_add_dep of scripts/kconfig/menu.c).
function onlyIf(value: Expression, condition: Expression | undefined): Expression {
  return condition === undefined ? value : { kind: 'or', left: value, right: isOff(condition) };
}

const setting =
  (kind: 'select' | 'imply'): Handler =>
  ({ structure }, tokens, { place }) => {
    const [name] = tokens;
    const condition = ifAt(tokens, 1);
    if (name?.kind !== 'word' || condition === undefined) return false;
    structure.setting(kind, name.text, condition ?? undefined, place);
    return true;
  };

const range: Handler = ({ structure }, tokens, { place }) => {
  const [low, high] = tokens;
  const condition = ifAt(tokens, 2);
  if (low === undefined || high === undefined || condition === undefined) return false;
  structure.range({ low: operandOf(low), high: operandOf(high), condition: condition ?? undefined, place });
  return true;
};

const visible: Handler = ({ structure }, tokens, { place }) => {
  const expression = ifAt(tokens, 0);
  if (expression) structure.visible({ expression, place } satisfies Condition);
  return Boolean(expression);
};

const source: Handler = (parsing, [name, ...rest], { place }) => {
  if (name === undefined || rest.length > 0) return false;
  // A variable that is not set is empty, as in Kconfig itself; those of kbuild's that matter to paths are known.
  const target = name.unknown ? name.text.replaceAll(/\$\([^()]*\)/g, '') : name.text;
  readFile(parsing, path.normalize(target), place);
  return true;
};

const help: Handler = (_parsing, tokens, { reader }) => {
  reader.skipHelp();
  return tokens.length === 0;
};

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['mainmenu', (_parsing, tokens) => tokens.length === 1],
  ['menu', begin('menu')],
  ['endmenu', end('menu')],
  ['if', begin('if')],
  ['endif', end('if')],
  ['choice', begin('choice')],
  ['endchoice', end('choice')],
  ['comment', ({ structure }, tokens) => structure.comment() && tokens.length === 1],
  ['config', entry],
  ['menuconfig', entry],
  ['bool', type('bool')],
  ['tristate', type('tristate')],
  ['string', type('string')],
  ['hex', type('hex')],
  ['int', type('int')],
  ['def_bool', defaultOf('bool')],
  ['def_tristate', defaultOf('tristate')],
  ['default', defaultOf()],
  ['prompt', prompt],
  ['depends', depends],
  ['select', setting('select')],
  ['imply', setting('imply')],
  ['range', range],
  ['visible', visible],
  ['source', source],
  ['help', help],
  ['transitional', ({ structure }, tokens) => structure.transitional() && tokens.length === 0],
  // These say nothing about a value: which symbol is MODULES is known, and choices of trees before 6.9 may be optional.
  ['modules', (_parsing, tokens) => tokens.length === 0],
  ['option', (_parsing, tokens) => tokens.length > 0],
  ['optional', (_parsing, tokens) => tokens.length === 0],
]);
