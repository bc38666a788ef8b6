import type { Token } from './lexer.ts';
import type { Comparison, Condition, Expression } from './model.ts';

const DEPTH = 100;
const COMPARISONS: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>=']);
const BARE = /^[\w-]+$/;

/**
 * Reads an expression from tokens, from `from` on; `end` is the first token that is no part of it.
 * Returns undefined for what is no expression.
 */
export function parseExpression(
  tokens: readonly Token[],
  from: number,
): { readonly expression: Expression; readonly end: number } | undefined {
  let at = from;
  let depth = 0;
  const operator = (text: string): boolean => {
    const token = tokens[at];
    if (token?.kind !== 'operator' || token.text !== text) return false;
    at += 1;
    return true;
  };
  const chain = (kind: 'and' | 'or', sign: string, part: () => Expression | undefined) => {
    let left = part();
    while (left !== undefined && operator(sign)) {
      const right = part();
      left = right === undefined ? undefined : { kind, left, right };
    }
    return left;
  };
  const either = () => chain('or', '||', both);
  const both = () => chain('and', '&&', unary);
  const unary = (): Expression | undefined => {
    depth += 1;
    if (depth > DEPTH) return undefined;
    const found = nested();
    depth -= 1;
    return found;
  };
  const nested = (): Expression | undefined => {
    if (operator('!')) {
      const of = unary();
      return of === undefined ? undefined : { kind: 'not', of };
    }
    if (operator('(')) {
      const inner = either();
      return operator(')') ? inner : undefined;
    }
    const left = operand();
    const sign = tokens[at];
    if (left === undefined || sign?.kind !== 'operator' || !COMPARISONS.has(sign.text)) return left;
    at += 1;
    const right = operand();
    return right === undefined
      ? undefined
      : { kind: 'compare', operator: sign.text as Comparison, left, right };
  };
  const operand = (): Expression | undefined => {
    const token = tokens[at];
    if (token === undefined || token.kind === 'operator' || isKeyword(token)) return undefined;
    at += 1;
    return operandOf(token);
  };
  const expression = either();
  return expression === undefined ? undefined : { expression, end: at };
}

/** A token as the symbol, constant or macro that it is. */
export function operandOf(token: Token): Expression {
  if (token.unknown) return { kind: 'macro', text: token.text };
  // Kconfig looks y, m and n up as constants, however they are written; a number stands for itself.
  if (token.kind === 'string' || /^(?:[ymn]|-?\d+|0[xX][\da-fA-F]+)$/.test(token.text))
    return { kind: 'constant', text: token.text };
  return { kind: 'symbol', name: token.text };
}

function isKeyword(token: Token): boolean {
  return token.kind === 'word' && !token.unknown && token.text === 'if';
}

/** The expression as Kconfig writes it. */
export function show(expression: Expression): string {
  switch (expression.kind) {
    case 'symbol':
      return expression.name;
    case 'constant':
      return BARE.test(expression.text) ? expression.text : JSON.stringify(expression.text);
    case 'macro':
      return expression.text;
    case 'not':
      return `!${grouped(expression.of, ['symbol', 'macro', 'not', 'constant'])}`;
    case 'compare':
      return `${show(expression.left)} ${expression.operator} ${show(expression.right)}`;
    case 'and':
    case 'or': {
      const plain: readonly Expression['kind'][] = [
        'symbol',
        'macro',
        'not',
        'constant',
        'compare',
        expression.kind,
      ];
      const sign = expression.kind === 'and' ? '&&' : '||';
      return `${grouped(expression.left, plain)} ${sign} ${grouped(expression.right, plain)}`;
    }
  }
}

function grouped(expression: Expression, plain: readonly Expression['kind'][]): string {
  return plain.includes(expression.kind) ? show(expression) : `(${show(expression)})`;
}

/** The expression that is y where another is n, and n where that is m or y. */
export function isOff(expression: Expression): Expression {
  return isAt(expression, 'n');
}

// Comparisons compare symbols only, so the one with n or y is moved inwards.
function isAt(expression: Expression, value: 'n' | 'y'): Expression {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const [left, right] = [isAt(expression.left, value), isAt(expression.right, value)];
      const any = (expression.kind === 'and') === (value === 'n');
      return { kind: any ? 'or' : 'and', left, right };
    }
    case 'not':
      return isAt(expression.of, value === 'n' ? 'y' : 'n');
    case 'symbol':
      return { kind: 'compare', operator: '=', left: expression, right: { kind: 'constant', text: value } };
    default:
      // These are n or y only.
      return value === 'y' ? expression : { kind: 'not', of: expression };
  }
}

/** The names of the symbols in an expression, each once, in their order. */
export function symbolsOf(expression: Expression): readonly string[] {
  return [...new Set(namesIn(expression))];
}

function namesIn(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'symbol':
      return [expression.name];
    case 'constant':
    case 'macro':
      return [];
    case 'not':
      return namesIn(expression.of);
    default:
      return [...namesIn(expression.left), ...namesIn(expression.right)];
  }
}

/** The parts of a condition that must all hold, each as a condition of its own. */
export function conjuncts(condition: Condition): readonly Condition[] {
  const { expression, place } = condition;
  if (expression.kind !== 'and') return [condition];
  return [
    ...conjuncts({ expression: expression.left, place }),
    ...conjuncts({ expression: expression.right, place }),
  ];
}
