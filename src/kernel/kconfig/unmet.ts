import { conjuncts, show, symbolsOf } from './expression.ts';
import type { Condition, Definition, Expression, KconfigSymbol, Setting } from './model.ts';
import { evaluate, given, holds, promptOf, type Scope, shown, type Tristate, tristateOf } from './values.ts';

const DEPTH = 6;
const NAMES = 6;

/** What a search for a reason goes through: bounds the descent, and never explains a symbol by itself. */
interface Descent {
  readonly scope: Scope;
  readonly path: readonly string[];
}

/**
 * `FOO needs BAR (FILE:LINE), which is n; BAR needs ...` where a dependency holds the symbol below `level`, down to
 * the symbol that a user can set; undefined where none does.
 */
export function unmetDependency(symbol: KconfigSymbol, level: Tristate, scope: Scope): string | undefined {
  return dependency(symbol, level, { scope, path: [symbol.name] });
}

/** The same for the conditions of its prompts: why nobody can set it. */
export function hiddenPrompt(symbol: KconfigSymbol, scope: Scope): string | undefined {
  return prompt(symbol, { scope, path: [symbol.name] });
}

/** Why the default of a symbol without a prompt does not give it a value. */
export function missingDefault(symbol: KconfigSymbol, scope: Scope): string | undefined {
  return failedDefault(symbol, { scope, path: [symbol.name] });
}

/** The `select` lines that give a symbol at least `level` now, as `FOO selects it (FILE:LINE)`. */
export function activeSelects(name: string, level: Tristate, scope: Scope): readonly Setting[] {
  const all = scope.kconfig.settings.get(name) ?? [];
  return all.filter((one) => one.kind === 'select' && (given(one, scope) ?? 0) >= level);
}

/** Who could select a symbol, as a list for a message. */
export function selectors(name: string, scope: Scope): string | undefined {
  const all = (scope.kconfig.settings.get(name) ?? []).filter((one) => one.kind === 'select');
  const names = [...new Set(all.map((one) => one.by))];
  if (names.length === 0) return undefined;
  const more = names.length > NAMES ? ` and ${names.length - NAMES} more` : '';
  return `${names.slice(0, NAMES).join(', ')}${more}`;
}

function dependency(symbol: KconfigSymbol, level: Tristate, descent: Descent): string | undefined {
  const failures = symbol.definitions.map((one) => failing(one.depends, level, symbol, descent.scope));
  // One definition whose dependencies hold is enough.
  if (failures.includes(undefined)) return undefined;
  const settable = symbol.definitions.findIndex((one) => one.prompt !== undefined);
  const failure = failures[Math.max(settable, 0)];
  return failure === undefined ? undefined : `${symbol.name} needs ${because(failure, level, descent)}`;
}

/** The first part of some conditions that is below `level`, else the first that a program decided. */
function failing(
  conditions: readonly Condition[],
  level: Tristate,
  symbol: KconfigSymbol,
  scope: Scope,
): Condition | undefined {
  const parts = conditions.flatMap(conjuncts);
  const below = parts.find(({ expression }) => (evaluate(expression, scope) ?? 2) < level);
  if (below !== undefined || tristateOf(scope, symbol.name) > 0) return below;
  return parts.find(({ expression }) => evaluate(expression, scope) === undefined);
}

function prompt(symbol: KconfigSymbol, descent: Descent): string | undefined {
  const { scope } = descent;
  if (symbol.definitions.some((one) => (promptOf(one, scope) ?? 2) > 0)) return undefined;
  const hidden = symbol.definitions.find((one) => one.prompt !== undefined);
  const failure = hidden && failing([...hidden.depends, ...(hidden.prompt ?? [])], 1, symbol, scope);
  return failure && `the prompt of ${symbol.name} needs ${because(failure, 1, descent)}`;
}

/** `EXPR (FILE:LINE), which is n`, and why it is. */
function because({ expression, place }: Condition, level: Tristate, descent: Descent): string {
  const needed = `${show(expression)} (${place})`;
  if (expression.kind === 'symbol') {
    const { name } = expression;
    return `${needed}, which is ${shown(descent.scope, name)}${deeper(name, level, descent)}`;
  }
  if (evaluate(expression, descent.scope) === undefined) return `${needed}, a test of the tools that failed`;
  return `${needed}, and ${facts(expression, level, descent)}`;
}

function facts(expression: Expression, level: Tristate, descent: Descent): string {
  const names = symbolsOf(expression);
  if (names.length === 0) return 'that never holds';
  const said = names.slice(0, NAMES).map((name) => `${name} is ${shown(descent.scope, name)}`);
  const more = names.length > NAMES ? ` and so on (${names.length} symbols)` : '';
  const [only] = names;
  const single = names.length === 1 && only !== undefined;
  const why = !single
    ? ''
    : expression.kind === 'not'
      ? forced(only, descent)
      : deeperIfOff(only, level, descent);
  return `${said.join(', ')}${more}${why}`;
}

/** Why a symbol that should be n is not, where a `select` holds it. */
function forced(name: string, { scope }: Descent): string {
  const [by] = activeSelects(name, 1, scope);
  return by === undefined ? '' : ` (${by.by} selects it, ${by.place})`;
}

function deeperIfOff(name: string, level: Tristate, descent: Descent): string {
  return tristateOf(descent.scope, name) === 0 ? deeper(name, level, descent) : '';
}

/** `; FOO needs ...`: why a symbol is below `level`, or what a user can do about it. */
function deeper(name: string, level: Tristate, descent: Descent): string {
  const { scope, path } = descent;
  if (path.includes(name) || path.length > DEPTH) return '';
  const symbol = scope.kconfig.symbols.get(name);
  if (symbol === undefined) return ` (no Kconfig file defines it for ${scope.kconfig.srcArch})`;
  const below = { scope, path: [...path, name] };
  const reason = dependency(symbol, level, below) ?? prompt(symbol, below);
  if (reason !== undefined) return `; ${reason}`;
  if (symbol.definitions.some((one) => one.prompt !== undefined)) return outOfChoice(symbol, scope);
  return promptless(symbol, below);
}

function outOfChoice(symbol: KconfigSymbol, scope: Scope): string {
  const winner = winnerOver(symbol, scope);
  if (winner === undefined) return '';
  return ` (${winner.name} is the one that is y of their choice, ${winner.place})`;
}

/** The member that is y in a choice of the symbol's, where another is. */
export function winnerOver(symbol: KconfigSymbol, scope: Scope): { name: string; place: string } | undefined {
  for (const { choice } of symbol.definitions) {
    const name = choice?.members.find((member) => member !== symbol.name && tristateOf(scope, member) === 2);
    if (choice !== undefined && name !== undefined) return { name, place: choice.place };
  }
  return undefined;
}

function promptless(symbol: KconfigSymbol, descent: Descent): string {
  const reason = failedDefault(symbol, descent);
  if (reason !== undefined) return `; ${reason}`;
  const by = selectors(symbol.name, descent.scope);
  return by === undefined ? ' (nothing sets it)' : ` (only select sets it: ${by})`;
}

/** Why the defaults of a symbol that has no prompt did not give it a value. */
function failedDefault(symbol: KconfigSymbol, descent: Descent): string | undefined {
  const { scope } = descent;
  for (const one of symbol.definitions.flatMap((definition: Definition) => definition.defaults)) {
    const condition = holds(one.condition, scope);
    const part = condition === 2 || one.condition === undefined ? one.value : one.condition;
    const failure = failing([{ expression: part, place: one.place }], 1, symbol, scope);
    if (failure !== undefined && show(failure.expression) !== 'n') {
      return `the default of ${symbol.name} needs ${because(failure, 1, descent)}`;
    }
  }
  return undefined;
}
