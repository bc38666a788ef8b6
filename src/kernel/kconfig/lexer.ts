import { endOfReference, type Macros } from './macros.ts';

/** A piece of a statement; `unknown` where a program's output is part of it, and `text` is its source then. */
export interface Token {
  readonly kind: 'word' | 'string' | 'operator';
  readonly text: string;
  readonly unknown: boolean;
}

export interface Statement {
  /** From 1. */
  readonly line: number;
  readonly tokens: readonly Token[];
  /** Characters that belong to no token. */
  readonly stray: string;
}

export interface Assignment {
  readonly name: string;
  readonly operator: ':=' | '=' | '+=';
  readonly value: string;
}

const BLANK = /[ \t\r\f\v]*(?:#.*)?/y;
const WORD = /[A-Za-z0-9_-]+/y;
const OPERATOR = /\|\||&&|!=|<=|>=|:=|\+=|[=<>!()]/y;
const ASSIGNMENT = /^\s*([A-Za-z0-9_-]+)\s*(:=|\+=|=)[ \t]*(.*)$/;

/** The lines of a Kconfig file, read statement by statement. */
export interface Reader {
  /** The next statement or assignment; undefined at the end. */
  next(): Statement | Assignment | undefined;
  /** Skips a help text, which its indentation ends (as scripts/kconfig/lexer.l does). */
  skipHelp(): void;
}

/** Reads the text of one Kconfig file. */
export function createReader(text: string, macros: Macros): Reader {
  const lines = text.split('\n');
  let index = 0;

  const statement = (): Statement => {
    const line = index + 1;
    const tokens: Token[] = [];
    let stray = '';
    let source = lines[index] ?? '';
    let at = 0;
    for (;;) {
      at = skip(BLANK, source, at);
      if (source[at] === '\\' && at === source.length - 1 && index + 1 < lines.length) {
        index += 1;
        source = lines[index] ?? '';
        at = 0;
      } else if (at >= source.length) {
        index += 1;
        return { line, tokens, stray };
      } else {
        const found = readToken(source, at, macros);
        if (found.token !== undefined) tokens.push(found.token);
        stray += found.stray ?? '';
        at = found.end;
      }
    }
  };

  return {
    next() {
      while (index < lines.length) {
        const [, name, operator, value = ''] = ASSIGNMENT.exec(lines[index] ?? '') ?? [];
        if (name !== undefined) {
          index += 1;
          return { name, operator: operator as Assignment['operator'], value };
        }
        const found = statement();
        if (found.tokens.length > 0 || found.stray !== '') return found;
      }
      return undefined;
    },
    skipHelp() {
      let first = 0;
      for (; index < lines.length; index += 1) {
        const source = lines[index] ?? '';
        if (source.trim() === '') continue;
        const indent = indentOf(source);
        if (indent === 0 || indent < first) return;
        first ||= indent;
      }
    },
  };
}

function readToken(
  source: string,
  at: number,
  macros: Macros,
): { token?: Token; stray?: string; end: number } {
  const character = source[at];
  if (character === '"' || character === "'") return readString(source, at, character, macros);
  const operator = matchAt(OPERATOR, source, at);
  if (operator !== undefined) {
    return { token: { kind: 'operator', text: operator, unknown: false }, end: at + operator.length };
  }
  // A word may be put together from plain text and references.
  let end = at;
  while (end < source.length) {
    const word = matchAt(WORD, source, end);
    const next = word === undefined ? pastReference(source, end) : end + word.length;
    if (next === end) break;
    end = next;
  }
  if (end === at) return { stray: source[at] ?? '', end: at + 1 };
  const text = source.slice(at, end);
  const { text: value, known } = macros.expand(text);
  if (known && value === '') return { end };
  return { token: { kind: 'word', text: known ? value : text, unknown: !known }, end };
}

function readString(
  source: string,
  at: number,
  quote: string,
  macros: Macros,
): { token: Token; end: number } {
  let text = '';
  let raw = '';
  let unknown = false;
  let end = at + 1;
  while (end < source.length && source[end] !== quote) {
    const reference = pastReference(source, end);
    if (reference > end) {
      const piece = source.slice(end, reference);
      const { text: value, known } = macros.expand(piece);
      text += value;
      raw += piece;
      unknown ||= !known;
      end = reference;
      continue;
    }
    if (source[end] === '\\') end += 1;
    text += source[end] ?? '';
    raw += source[end] ?? '';
    end += 1;
  }
  return { token: { kind: 'string', text: unknown ? raw : text, unknown }, end: end + 1 };
}

/** One past the `$(...)` at a place, the line's end where it is not closed; the place itself where there is none. */
function pastReference(source: string, at: number): number {
  return source.startsWith('$(', at) ? (endOfReference(source, at) ?? source.length) : at;
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function skip(pattern: RegExp, source: string, at: number): number {
  return at + (matchAt(pattern, source, at)?.length ?? 0);
}

function indentOf(source: string): number {
  let width = 0;
  for (const character of source) {
    if (character === '\t') width = (width & ~7) + 8;
    else if (character === ' ') width += 1;
    else break;
  }
  return width;
}
