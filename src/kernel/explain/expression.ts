/** An expression of Kconfig (Documentation/kbuild/kconfig-language.rst, "Menu dependencies"). */
export type Expression =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'constant'; readonly text: string }
  /** A macro such as `$(cc-option,-x)`, whose value this reader cannot know. */
  | { readonly kind: 'macro'; readonly text: string }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'compare';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    };

/** n, m, y; undefined where a macro decides it. */
export type Tristate = 0 | 1 | 2 | undefined;

/** The text of a symbol's value; '' or 'n' where it has none. */
export type ValueOf = (symbol: string) => string;

const TOKEN = /\s*(\|\||&&|!=|<=|>=|[()!=<>]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.+-]+|\$\()/y;
const DEPTH = 200;

/** Reads an expression from the start of a text; `rest` is what follows it. Throws a RangeError for what is none. */
export function parseExpression(text: string): { readonly expression: Expression; readonly rest: string } {
  const state = { text, at: 0, depth: 0 };
  const expression = parseOr(state);
  return { expression, rest: text.slice(state.at).trim() };
}

interface State {
  readonly text: string;
  at: number;
  depth: number;
}

function peek(state: State): string {
  TOKEN.lastIndex = state.at;
  return TOKEN.exec(state.text)?.[1] ?? '';
}

function next(state: State): string {
  TOKEN.lastIndex = state.at;
  const token = TOKEN.exec(state.text)?.[1] ?? '';
  if (token !== '') state.at = TOKEN.lastIndex;
  return token;
}

function parseOr(state: State): Expression {
  let left = parseAnd(state);
  while (peek(state) === '||') {
    next(state);
    left = { kind: 'or', left, right: parseAnd(state) };
  }
  return left;
}

function parseAnd(state: State): Expression {
  let left = parseUnary(state);
  while (peek(state) === '&&') {
    next(state);
    left = { kind: 'and', left, right: parseUnary(state) };
  }
  return left;
}

function parseUnary(state: State): Expression {
  state.depth += 1;
  if (state.depth > DEPTH) throw new RangeError('an expression that is nested too deeply');
  const expression = parseNested(state);
  state.depth -= 1;
  return expression;
}

function parseNested(state: State): Expression {
  if (peek(state) === '!') {
    next(state);
    return { kind: 'not', of: parseUnary(state) };
  }
  if (peek(state) === '(') {
    next(state);
    const inner = parseOr(state);
    if (next(state) !== ')') throw new RangeError(`a missing ')' in '${state.text}'`);
    return inner;
  }
  const left = parseAtom(state);
  if (!/^(=|!=|<|>|<=|>=)$/.test(peek(state))) return left;
  const operator = next(state);
  return { kind: 'compare', operator, left, right: parseAtom(state) };
}

function parseAtom(state: State): Expression {
  const token = next(state);
  if (token === '$(') return { kind: 'macro', text: takeMacro(state) };
  const quoted = /^["'](.*)["']$/s.exec(token)?.[1];
  if (quoted !== undefined)
    return quoted.includes('$(') ? { kind: 'macro', text: quoted } : constantOf(quoted);
  if (token === '' || !/^[\w.+-]+$/.test(token))
    throw new RangeError(`no symbol where one must stand in '${state.text}'`);
  return /^(?:[ymn]|-?\d+|0x[0-9a-f]+)$/i.test(token) && !/^[YMN]$/.test(token)
    ? constantOf(token)
    : { kind: 'symbol', name: token };
}

function constantOf(text: string): Expression {
  return { kind: 'constant', text: text.replace(/\\(.)/g, '$1') };
}

function takeMacro(state: State): string {
  const start = state.at - 2;
  let open = 1;
  while (open > 0 && state.at < state.text.length) {
    const character = state.text[state.at];
    if (character === '(') open += 1;
    else if (character === ')') open -= 1;
    state.at += 1;
  }
  return state.text.slice(start, state.at);
}

/** The value of an expression: `&&` is the least, `||` the greatest, `!` 2 minus. */
export function evaluate(expression: Expression, valueFor: ValueOf): Tristate {
  switch (expression.kind) {
    case 'symbol':
      return tristate(valueFor(expression.name));
    case 'constant':
      return tristate(expression.text);
    case 'macro':
      return undefined;
    case 'not': {
      const value = evaluate(expression.of, valueFor);
      return value === undefined ? undefined : ((2 - value) as Tristate);
    }
    case 'and':
    case 'or': {
      const values = [evaluate(expression.left, valueFor), evaluate(expression.right, valueFor)];
      const decides = expression.kind === 'and' ? 0 : 2;
      if (values.includes(decides)) return decides;
      if (values.includes(undefined)) return undefined;
      return (values.includes(1) ? 1 : 2 - decides) as Tristate;
    }
    case 'compare':
      return compare(expression, valueFor);
  }
}

function compare(
  { operator, left, right }: Extract<Expression, { kind: 'compare' }>,
  valueFor: ValueOf,
): Tristate {
  const a = textOf(left, valueFor);
  const b = textOf(right, valueFor);
  if (a === undefined || b === undefined) return undefined;
  const numbers = [a, b].every((text) => /^-?\d+$|^0x[0-9a-f]+$/i.test(text));
  const order = numbers ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
  const holds = {
    '=': order === 0,
    '!=': order !== 0,
    '<': order < 0,
    '>': order > 0,
    '<=': order <= 0,
    '>=': order >= 0,
  }[operator];
  return holds ? 2 : 0;
}

function textOf(expression: Expression, valueFor: ValueOf): string | undefined {
  if (expression.kind === 'symbol') return valueFor(expression.name);
  return expression.kind === 'constant' ? expression.text : undefined;
}

function tristate(text: string): Tristate {
  if (text === 'y') return 2;
  return text === 'm' ? 1 : 0;
}

/** The expression as Kconfig writes it. */
export function show(expression: Expression): string {
  switch (expression.kind) {
    case 'symbol':
      return expression.name;
    case 'constant':
      return /^[\w-]+$/.test(expression.text) ? expression.text : JSON.stringify(expression.text);
    case 'macro':
      return expression.text;
    case 'not':
      return `!${bracketed(expression.of)}`;
    case 'compare':
      return `${show(expression.left)} ${expression.operator} ${show(expression.right)}`;
    case 'and':
    case 'or': {
      const sign = expression.kind === 'and' ? '&&' : '||';
      return `${bracketed(expression.left, expression.kind)} ${sign} ${bracketed(expression.right, expression.kind)}`;
    }
  }
}

function bracketed(expression: Expression, within?: 'and' | 'or'): string {
  const simple = !['and', 'or', 'compare'].includes(expression.kind) || expression.kind === within;
  return simple || (within !== undefined && expression.kind === 'compare')
    ? show(expression)
    : `(${show(expression)})`;
}
