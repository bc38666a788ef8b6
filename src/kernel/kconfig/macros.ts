/** Text after its `$(...)` were replaced; `known` is false where a program's output would be part of it. */
export interface Expanded {
  readonly text: string;
  readonly known: boolean;
}

interface Variable {
  readonly value: string;
  readonly recursive: boolean;
  readonly known: boolean;
}

/** The variables of Kconfig files (Documentation/kbuild/kconfig-macro-language.rst). */
export interface Macros {
  /** Takes `name := value`, `name = value` or `name += value`. */
  assign(name: string, operator: ':=' | '=' | '+=', value: string): void;
  expand(text: string): Expanded;
}

const DEPTH = 64;
const LENGTH = 65_536;
const ARGUMENTS = 16;
/** References that one text may lead to: variables that double one another would else take for ever. */
const WORK = 10_000;
const UNKNOWN: Expanded = { text: '', known: false };
/** Built-in functions that give nothing. */
const SILENT = new Set(['error-if', 'info', 'warning-if']);

/** The end of the `$(...)` that starts at `from`, one past its bracket; undefined where it is not closed. */
export function endOfReference(text: string, from: number): number | undefined {
  let nest = 0;
  for (let at = from + 1; at < text.length; at += 1) {
    const character = text[at];
    if (character === '(') nest += 1;
    else if (character === ')') {
      nest -= 1;
      if (nest === 0) return at + 1;
    }
  }
  return undefined;
}

/** Starts with the variables that kbuild exports; every other variable of the environment is taken for unknown. */
export function createMacros(exported: ReadonlyMap<string, string>): Macros {
  const variables = new Map<string, Variable>();
  for (const [name, value] of exported) variables.set(name, { value, recursive: false, known: true });

  let work = 0;

  const expand = (text: string, args: readonly Expanded[], depth: number): Expanded => {
    if (depth > DEPTH) return UNKNOWN;
    let result = '';
    let known = true;
    let at = 0;
    for (;;) {
      const start = text.indexOf('$(', at);
      const end = start < 0 ? undefined : endOfReference(text, start);
      if (end === undefined) return { text: result + text.slice(at), known };
      work += 1;
      if (work > WORK) return UNKNOWN;
      const inner = evaluate(text.slice(start + 2, end - 1), args, depth + 1);
      result += text.slice(at, start) + inner.text;
      known &&= inner.known;
      at = end;
      if (result.length > LENGTH) return UNKNOWN;
    }
  };

  const evaluate = (clause: string, args: readonly Expanded[], depth: number): Expanded => {
    const argument = /^[1-9]\d?$/.test(clause) ? args[Number(clause) - 1] : undefined;
    if (argument !== undefined) return argument;
    const [head = '', ...rest] = splitArguments(clause);
    const name = expand(head, args, depth);
    if (!name.known) return name;
    const variable = variables.get(name.text);
    if (variable !== undefined) {
      if (!variable.recursive) return { text: variable.value, known: variable.known };
      const values = rest.slice(0, ARGUMENTS).map((text) => expand(text, args, depth));
      return expand(variable.value, values, depth);
    }
    if (SILENT.has(name.text)) return { text: '', known: true };
    return UNKNOWN;
  };

  const expandNew = (text: string): Expanded => {
    work = 0;
    return text.includes('$(') ? expand(text, [], 0) : { text, known: true };
  };

  return {
    assign(name, operator, value) {
      const before = variables.get(name);
      const recursive = operator === '+=' ? (before?.recursive ?? true) : operator === '=';
      const added = recursive ? { text: value, known: true } : expandNew(value);
      const joined = operator === '+=' && before !== undefined ? `${before.value} ${added.text}` : added.text;
      const known = added.known && (operator !== '+=' || (before?.known ?? true));
      variables.set(name, { value: joined.slice(0, LENGTH), recursive, known });
    },
    expand: expandNew,
  };
}

function splitArguments(clause: string): readonly string[] {
  const parts: string[] = [];
  let nest = 0;
  let from = 0;
  for (let at = 0; at < clause.length; at += 1) {
    const character = clause[at];
    if (character === '(') nest += 1;
    else if (character === ')') nest -= 1;
    else if (character === ',' && nest === 0) {
      parts.push(clause.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, clause.slice(from)];
}
