import { show } from './expression.ts';
import type { Expression, Kconfig, KconfigSymbol, SymbolType } from './model.ts';
import { nearest } from './nearest.ts';
import {
  activeSelects,
  hiddenPrompt,
  missingDefault,
  selectors,
  unmetDependency,
  winnerOver,
} from './unmet.ts';
import {
  type ConfigValues,
  holds,
  numberOf,
  type Scope,
  shown,
  type Tristate,
  textOf,
  tristateOf,
  visibility,
} from './values.ts';

/**
 * Why a requested value did not hold in a final configuration, in one line with the place of what decided.
 * `symbol` is without CONFIG_; `wanted` is as `.config` writes values, n for one that is not set.
 */
export function explainUnmet(kconfig: Kconfig, config: ConfigValues, symbol: string, wanted: string): string {
  const scope = { kconfig, config };
  const found = kconfig.symbols.get(symbol);
  if (found === undefined) {
    const near = nearest(symbol, kconfig.symbols.keys());
    const hint = near === undefined ? '' : `; did you mean CONFIG_${near}?`;
    return `no Kconfig file of this tree defines it for ${kconfig.srcArch}${hint}`;
  }
  const reason = renamed(found, kconfig) ?? wrongType(found, wanted);
  if (reason !== undefined) return reason;
  return (wanted === 'n' ? whyOn(found, scope) : whyNot(found, wanted, scope)) ?? fallback(found, scope);
}

function whyNot(symbol: KconfigSymbol, wanted: string, scope: Scope): string | undefined {
  const level: Tristate = wanted === 'y' && symbol.type === 'tristate' ? 2 : 1;
  return (
    unmetDependency(symbol, level, scope) ??
    withoutModules(wanted, scope) ??
    notSettable(symbol, scope) ??
    hiddenPrompt(symbol, scope) ??
    lostChoice(symbol, scope) ??
    raised(symbol, wanted, scope) ??
    outOfRange(symbol, wanted, scope)
  );
}

/** Why a symbol is on that should be off. */
function whyOn(symbol: KconfigSymbol, scope: Scope): string | undefined {
  const [by] = activeSelects(symbol.name, 1, scope);
  if (by !== undefined) return `${by.by} selects it (${by.place}), and ${by.by} is ${shown(scope, by.by)}`;
  const choice = symbol.definitions.find((one) => one.choice !== undefined)?.choice;
  if (choice !== undefined) {
    const others = choice.members.filter((member) => member !== symbol.name);
    return `one member of its choice (${choice.place}) is always y; ask for another (${others.slice(0, 6).join(', ')})`;
  }
  const now = shown(scope, symbol.name);
  const fixed = notSettable(symbol, scope);
  if (fixed !== undefined) return `${fixed}; it is ${now}`;
  const hidden = hiddenPrompt(symbol, scope);
  return hidden && `${hidden}; so its default decides (${defaultPlace(symbol, scope)}), which is ${now}`;
}

function renamed(symbol: KconfigSymbol, kconfig: Kconfig): string | undefined {
  if (!symbol.transitional) return undefined;
  const users = [...kconfig.symbols.values()].filter((one) =>
    one.definitions.some((definition) =>
      definition.defaults.some(({ value }) => show(value) === symbol.name),
    ),
  );
  const hint = users.length === 0 ? '' : `; ask for ${users.map((one) => `CONFIG_${one.name}`).join(' or ')}`;
  return `it is an old name that Kconfig reads and never writes (${placeOf(symbol)})${hint}`;
}

const TAKES: Readonly<Record<SymbolType, { readonly form: RegExp; readonly says: string }>> = {
  bool: { form: /^[yn]$/, says: 'y or n' },
  tristate: { form: /^[ymn]$/, says: 'y, m or n' },
  string: { form: /^"/, says: 'a text in quotes' },
  int: { form: /^-?\d+$/, says: 'a decimal number' },
  hex: { form: /^(0[xX])?[0-9a-fA-F]+$/, says: 'a hexadecimal number' },
  unknown: { form: /^/, says: 'anything' },
};

function wrongType(symbol: KconfigSymbol, wanted: string): string | undefined {
  const { form, says } = TAKES[symbol.type];
  if (wanted === 'n' || form.test(wanted)) return undefined;
  return `it is of type ${symbol.type} (${placeOf(symbol)}), which takes ${says}`;
}

function withoutModules(wanted: string, scope: Scope): string | undefined {
  if (wanted !== 'm' || tristateOf(scope, 'MODULES') > 0) return undefined;
  return 'MODULES is n, and m is no value without it; set CONFIG_MODULES=y, or ask for y';
}

function notSettable(symbol: KconfigSymbol, scope: Scope): string | undefined {
  if (symbol.definitions.some((one) => one.prompt !== undefined)) return undefined;
  const by = selectors(symbol.name, scope);
  const defaults = symbol.definitions.some((one) => one.defaults.length > 0);
  const isOff = /^(bool|tristate)$/.test(symbol.type) && tristateOf(scope, symbol.name) === 0;
  const missing = isOff ? missingDefault(symbol, scope) : undefined;
  const who = [
    missing ?? (defaults ? `its default decides (${defaultPlace(symbol, scope)})` : undefined),
    by && `it is selected by ${by}`,
  ];
  const sets = who.filter(Boolean).join(', or ') || 'nothing sets it';
  return `it has no prompt (${placeOf(symbol)}), so it cannot be asked for: ${sets}`;
}

function lostChoice(symbol: KconfigSymbol, scope: Scope): string | undefined {
  const winner = winnerOver(symbol, scope);
  return winner && `one member of its choice (${winner.place}) is y, and that is ${winner.name}`;
}

function raised(symbol: KconfigSymbol, wanted: string, scope: Scope): string | undefined {
  if (wanted !== 'm' || tristateOf(scope, symbol.name) !== 2) return undefined;
  const [by] = activeSelects(symbol.name, 2, scope);
  return by && `${by.by} selects it (${by.place}), and ${by.by} is y`;
}

function outOfRange(symbol: KconfigSymbol, wanted: string, scope: Scope): string | undefined {
  const ranges = symbol.definitions.flatMap((one) => one.ranges);
  const range = ranges.find((one) => (holds(one.condition, scope) ?? 0) > 0);
  const value = numberOf({ text: wanted, type: symbol.type });
  if (range === undefined || value === undefined) return undefined;
  const end = (expression: Expression) => {
    const text = expression.kind === 'symbol' ? textOf(scope, expression.name) : show(expression);
    return { text, number: numberOf({ text, type: symbol.type }) };
  };
  const [low, high] = [end(range.low), end(range.high)];
  const inside = value >= (low.number ?? value) && value <= (high.number ?? value);
  return inside ? undefined : `its range is ${low.text} to ${high.text} (${range.place})`;
}

function fallback(symbol: KconfigSymbol, scope: Scope): string {
  const now = `Kconfig made it ${shown(scope, symbol.name)} (${placeOf(symbol)})`;
  return visibility(symbol, scope) === undefined ? `${now}; a test of the tools decides about it` : now;
}

function defaultPlace(symbol: KconfigSymbol, scope: Scope): string {
  const defaults = symbol.definitions.flatMap((one) => one.defaults);
  const active = defaults.find((one) => (holds(one.condition, scope) ?? 0) > 0);
  return (active ?? defaults[0])?.place ?? placeOf(symbol);
}

function placeOf(symbol: KconfigSymbol): string {
  return symbol.definitions[0]?.place ?? 'Kconfig';
}
