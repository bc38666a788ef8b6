import type {
  Comparison,
  Definition,
  Expression,
  Kconfig,
  KconfigSymbol,
  Setting,
  SymbolType,
} from './model.ts';

/** n, m and y as Kconfig counts them. */
export type Tristate = 0 | 1 | 2;

/** The values of a final `.config`, by symbol without CONFIG_, as it writes them (strings in quotes). */
export type ConfigValues = ReadonlyMap<string, string>;

/** A tree's Kconfig with one final configuration of it. */
export interface Scope {
  readonly kconfig: Kconfig;
  readonly config: ConfigValues;
}

/** The value of a symbol in expressions: strings without quotes; what is not in the configuration is n, 0 or ''. */
export function textOf(scope: Scope, name: string): string {
  const type = scope.kconfig.symbols.get(name)?.type;
  const written = scope.config.get(name);
  // In a comparison a name that no file defines stands for itself: `CLANG_VERSION >= 190000`.
  if (written === undefined) return type === undefined ? name : UNSET[type];
  return written.startsWith('"') ? unquote(written) : written;
}

const UNSET: Readonly<Record<SymbolType, string>> = {
  bool: 'n',
  tristate: 'n',
  string: '',
  int: '0',
  hex: '0x0',
  unknown: 'n',
};

/** The value for people: as the `.config` has it, and n for what it has not. */
export function shown(scope: Scope, name: string): string {
  const written = scope.config.get(name);
  if (written !== undefined) return written;
  const type = scope.kconfig.symbols.get(name)?.type;
  return type === 'string' || type === 'int' || type === 'hex' ? 'not set' : 'n';
}

/** n, m or y of a symbol; n for one that is neither bool nor tristate. */
export function tristateOf(scope: Scope, name: string): Tristate {
  const type = scope.kconfig.symbols.get(name)?.type;
  return type === 'bool' || type === 'tristate' ? parseTristate(scope.config.get(name) ?? 'n') : 0;
}

/** The value of an expression; undefined where the result of a program decides it. */
export function evaluate(expression: Expression, scope: Scope): Tristate | undefined {
  switch (expression.kind) {
    case 'symbol':
      return tristateOf(scope, expression.name);
    case 'constant':
      // Without modules an m in an expression is n (rewrite_m of scripts/kconfig/menu.c).
      return expression.text === 'm'
        ? (Math.min(1, tristateOf(scope, 'MODULES')) as Tristate)
        : parseTristate(expression.text);
    case 'macro':
      return undefined;
    case 'not': {
      const value = evaluate(expression.of, scope);
      return value === undefined ? undefined : ((2 - value) as Tristate);
    }
    case 'and':
      return least([evaluate(expression.left, scope), evaluate(expression.right, scope)]);
    case 'or':
      return greatest([evaluate(expression.left, scope), evaluate(expression.right, scope)]);
    case 'compare':
      return compare(expression.operator, expression.left, expression.right, scope);
  }
}

/** The value of a condition that may be missing, which is y then. */
export function holds(condition: Expression | undefined, scope: Scope): Tristate | undefined {
  return condition === undefined ? 2 : evaluate(condition, scope);
}

/** What the dependencies of a definition allow at most. */
export function allowed(definition: Pick<Definition, 'depends'>, scope: Scope): Tristate | undefined {
  return least(definition.depends.map(({ expression }) => evaluate(expression, scope)));
}

/** What the dependencies of a symbol allow at most; one of its definitions is enough. */
export function dependencies(symbol: KconfigSymbol, scope: Scope): Tristate | undefined {
  return greatest(symbol.definitions.map((definition) => allowed(definition, scope)));
}

/** Up to which value a user can set a symbol: n where none of its prompts shows. */
export function visibility(symbol: KconfigSymbol, scope: Scope): Tristate | undefined {
  return greatest(symbol.definitions.map((definition) => promptOf(definition, scope)));
}

/** The same of one definition. */
export function promptOf(definition: Definition, scope: Scope): Tristate | undefined {
  if (definition.prompt === undefined) return 0;
  const conditions = [...definition.depends, ...definition.prompt];
  return least(conditions.map(({ expression }) => evaluate(expression, scope)));
}

/** The value that a `select` or `imply` gives. */
export function given(setting: Setting, scope: Scope): Tristate | undefined {
  return least([tristateOf(scope, setting.by), holds(setting.condition, scope), allowed(setting, scope)]);
}

function least(values: readonly (Tristate | undefined)[]): Tristate | undefined {
  if (values.includes(0)) return 0;
  if (values.includes(undefined)) return undefined;
  return values.includes(1) ? 1 : 2;
}

function greatest(values: readonly (Tristate | undefined)[]): Tristate | undefined {
  if (values.includes(2)) return 2;
  if (values.includes(undefined)) return undefined;
  return values.includes(1) ? 1 : 0;
}

function parseTristate(text: string): Tristate {
  if (text === 'y') return 2;
  return text === 'm' ? 1 : 0;
}

interface Operand {
  readonly text: string;
  readonly type: SymbolType;
}

// Mirrors __expr_calc_value of scripts/kconfig/expr.c: numbers where both sides are, else texts.
function compare(
  operator: Comparison,
  left: Expression,
  right: Expression,
  scope: Scope,
): Tristate | undefined {
  const a = operand(left, scope);
  const b = operand(right, scope);
  if (a === undefined || b === undefined) return undefined;
  const strings = a.type === 'string' && b.type === 'string';
  const x = strings ? undefined : numberOf(a);
  const y = strings ? undefined : numberOf(b);
  const order = x === undefined || y === undefined ? ordered(a.text, b.text) : ordered(x, y);
  return RESULTS[operator](order) ? 2 : 0;
}

const RESULTS: Readonly<Record<Comparison, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function ordered<T extends string | bigint>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function operand(expression: Expression, scope: Scope): Operand | undefined {
  if (expression.kind === 'symbol') {
    const type = scope.kconfig.symbols.get(expression.name)?.type ?? 'unknown';
    return { text: textOf(scope, expression.name), type };
  }
  if (expression.kind !== 'constant') return undefined;
  return { text: expression.text, type: /^[ymn]$/.test(expression.text) ? 'tristate' : 'unknown' };
}

/** A text as the number that it stands for in comparisons and ranges; undefined for what is none. */
export function numberOf({ text, type }: Operand): bigint | undefined {
  if (type === 'bool' || type === 'tristate') return BigInt(['n', 'm', 'y'].indexOf(text));
  if (type === 'hex' && /^(0[xX])?[0-9a-fA-F]+$/.test(text)) return BigInt(`0x${text.replace(/^0[xX]/, '')}`);
  if (/^0[xX][0-9a-fA-F]+$/.test(text) && type !== 'int') return BigInt(text);
  return /^-?[0-9]+$/.test(text) ? BigInt(text) : undefined;
}

function unquote(written: string): string {
  return written.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}
