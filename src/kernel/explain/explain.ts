import type { Arch } from '../../values/arch.ts';
import type { KernelTree } from '../../values/tree.ts';
import type { ConfigLine } from '../config-lines.ts';
import { type Expression, evaluate, show, type ValueOf } from './expression.ts';
import { type Definition, type Kconfig, type Placed, parseKconfig } from './parse.ts';

const DEPTH = 6;

/** Why a requested line did not hold in the final configuration, in one line, from the tree's Kconfig files. */
export function explainUnmet(
  tree: KernelTree,
  arch: Arch,
  values: ReadonlyMap<string, string>,
  wanted: Pick<ConfigLine, 'symbol' | 'value'>,
): string {
  return explainIn(parseKconfig(tree.path, arch.srcArch, arch.name), values, wanted);
}

/** The same over files that were read before. */
export function explainIn(
  kconfig: Kconfig,
  values: ReadonlyMap<string, string>,
  { symbol, value }: Pick<ConfigLine, 'symbol' | 'value'>,
): string {
  const valueFor: ValueOf = (name) => values.get(name) ?? 'n';
  const definitions = kconfig.definitions.get(symbol) ?? [];
  const is = `it is ${valueFor(symbol)}`;
  if (definitions.length === 0)
    return `no Kconfig file of this tree and architecture defines it${nearest(symbol, kconfig)}`;
  if (value === 'n')
    return `${selectedBy(symbol, kconfig, valueFor) ?? byItself(definitions, valueFor) ?? is}`;
  const blocked = definitions.map((definition) => unmetDependency(definition, kconfig, valueFor, 0));
  const reason = blocked.find((one) => one !== undefined);
  if (reason !== undefined && blocked.every((one) => one !== undefined)) return `${symbol} ${reason}`;
  return (
    hidden(symbol, definitions, kconfig, valueFor) ??
    lostChoice(definitions, kconfig, valueFor) ??
    limited(definitions, value, valueFor) ??
    is
  );
}

/** `needs A (FILE:LINE), which is n: A needs ...`, for the first dependency that is n, or may be for a tool's sake. */
function unmetDependency(
  definition: Definition,
  kconfig: Kconfig,
  valueFor: ValueOf,
  depth: number,
): string | undefined {
  const parts = definition.depends.flatMap((one) => conjuncts(one));
  const failed = parts.find((part) => evaluate(part.value, valueFor) === 0);
  if (failed !== undefined)
    return `needs ${show(failed.value)} (${failed.place}), and ${facts(failed.value, kconfig, valueFor, depth)}`;
  const unknown = parts.find((part) => evaluate(part.value, valueFor) === undefined);
  const off = ['n', ''].includes(valueFor(definition.name));
  // Promptless symbols follow their dependencies; where one is off and nothing else is, the tool's test was it.
  if (unknown === undefined || !off || definition.prompt !== undefined) return undefined;
  return `needs ${show(unknown.value)} (${unknown.place}), a test of the tools that failed`;
}

function conjuncts({ value, place }: Placed<Expression>): readonly Placed<Expression>[] {
  if (value.kind !== 'and') return [{ value, place }];
  return [...conjuncts({ value: value.left, place }), ...conjuncts({ value: value.right, place })];
}

/** The values that make an expression n, and of a symbol that nobody can set the reason of its own. */
function facts(expression: Expression, kconfig: Kconfig, valueFor: ValueOf, depth: number): string {
  const names = [...new Set(symbolsOf(expression))].slice(0, 6);
  const said = names.map((name) => `${name} is ${valueFor(name)}`).join(', ') || 'that never holds';
  if (expression.kind !== 'symbol' || depth >= DEPTH) return said;
  const deeper = (kconfig.definitions.get(expression.name) ?? []).map((one) =>
    unmetDependency(one, kconfig, valueFor, depth + 1),
  );
  const reason = deeper.find((one) => one !== undefined);
  if (reason !== undefined) return `${said}: ${expression.name} ${reason}`;
  if (!kconfig.definitions.has(expression.name))
    return `${said}: no Kconfig file of this architecture defines it`;
  const promptless = (kconfig.definitions.get(expression.name) ?? []).every(
    (one) => one.prompt === undefined,
  );
  return promptless ? `${said}: only select sets it` : said;
}

function symbolsOf(expression: Expression): readonly string[] {
  if (expression.kind === 'symbol') return [expression.name];
  if (expression.kind === 'not') return symbolsOf(expression.of);
  if (expression.kind === 'constant' || expression.kind === 'macro') return [];
  return [...symbolsOf(expression.left), ...symbolsOf(expression.right)];
}

function hidden(
  symbol: string,
  definitions: readonly Definition[],
  kconfig: Kconfig,
  valueFor: ValueOf,
): string | undefined {
  const prompts = definitions.flatMap((one) => one.prompt ?? []);
  if (prompts.length === 0) {
    const by = kconfig.selects.filter((one) => one.symbol === symbol).map((one) => one.by);
    const whom =
      by.length === 0
        ? 'its default decides'
        : `it is selected by ${by.slice(0, 4).join(', ')}${by.length > 4 ? ` and ${by.length - 4} more` : ''}`;
    return `it has no prompt, so it cannot be asked for (${definitions[0]?.place}): ${whom}`;
  }
  const conditions = prompts.flatMap((one) => one.condition ?? []);
  if (conditions.length < prompts.length) return undefined;
  const closed = conditions.find((one) => evaluate(one, valueFor) === 0);
  if (closed === undefined) return undefined;
  return `it can be asked for only if ${show(closed)} (${definitions[0]?.place}), and ${facts(closed, kconfig, valueFor, 0)}`;
}

function lostChoice(
  definitions: readonly Definition[],
  kconfig: Kconfig,
  valueFor: ValueOf,
): string | undefined {
  const choice = definitions.find((one) => one.choice !== undefined)?.choice;
  if (choice === undefined) return undefined;
  const members = [...kconfig.definitions.values()].flat().filter((one) => one.choice === choice);
  const winner = members.find((one) => valueFor(one.name) === 'y' && !definitions.includes(one));
  return winner === undefined ? undefined : `of its choice (${choice}) ${winner.name} was taken`;
}

function limited(definitions: readonly Definition[], value: string, valueFor: ValueOf): string | undefined {
  const [first] = definitions;
  if (first === undefined) return undefined;
  const now = valueFor(first.name);
  if (value === 'm' && first.type === 'bool') return `it is bool (${first.place}), so y or n, not m`;
  if (value === 'm' && valueFor('MODULES') !== 'y')
    return `it is ${now}, since MODULES is ${valueFor('MODULES')}`;
  if (value === 'y' && now === 'm') {
    const part = definitions
      .flatMap((one) => one.depends.flatMap(conjuncts))
      .find((one) => evaluate(one.value, valueFor) === 1);
    if (part !== undefined) return `it is limited to m by ${show(part.value)} (${part.place})`;
  }
  const range = definitions
    .flatMap((one) => one.ranges)
    .find((one) => one.condition === undefined || evaluate(one.condition, valueFor) !== 0);
  return range === undefined ? undefined : `it is ${now}; its range is ${range.text} (${range.place})`;
}

function selectedBy(symbol: string, kconfig: Kconfig, valueFor: ValueOf): string | undefined {
  const found = kconfig.selects.find(
    (one) =>
      one.symbol === symbol &&
      valueFor(one.by) !== 'n' &&
      (one.condition === undefined || evaluate(one.condition, valueFor) !== 0),
  );
  return found === undefined
    ? undefined
    : `${found.by} selects it (${found.place}), and ${found.by} is ${valueFor(found.by)}`;
}

function byItself(definitions: readonly Definition[], valueFor: ValueOf): string | undefined {
  const one = definitions.find((definition) => definition.prompt === undefined);
  return one === undefined
    ? undefined
    : `it has no prompt, and its default is ${valueFor(one.name)} (${one.place})`;
}

function nearest(symbol: string, kconfig: Kconfig): string {
  const near = [...kconfig.definitions.keys()]
    .filter((name) => Math.abs(name.length - symbol.length) <= 2)
    .find((name) => distance(name, symbol) <= 2);
  return near === undefined ? '' : ` (did you mean CONFIG_${near}?)`;
}

/** How many letters differ between two names (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
