import type {
  Choice,
  Condition,
  Default,
  Definition,
  Expression,
  KconfigSymbol,
  Range,
  Setting,
  SymbolType,
} from './model.ts';

export type BlockKind = 'menu' | 'if' | 'choice';

interface Block {
  readonly kind: BlockKind;
  readonly depends: Condition[];
  readonly visible: Condition[];
  readonly choice: (Choice & { readonly members: string[] }) | undefined;
}

/** A definition while its lines are read. */
interface Open {
  readonly symbol: string;
  readonly place: string;
  readonly depends: Condition[];
  prompt?: readonly Condition[];
  readonly defaults: Default[];
  readonly ranges: Range[];
  readonly choice?: Choice;
}

interface OpenSymbol {
  readonly name: string;
  type: SymbolType;
  transitional: boolean;
  readonly definitions: Open[];
}

/** What the statements of Kconfig files add up to: symbols under the conditions of what encloses them. */
export interface Structure {
  begin(kind: BlockKind, place: string): void;
  /** Returns false where no such block is the innermost one. */
  end(kind: BlockKind): boolean;
  /** Blocks that are not closed. */
  open(): number;
  config(name: string, place: string): void;
  comment(): true;
  type(name: SymbolType): void;
  transitional(): true;
  prompt(conditions: readonly Condition[]): void;
  /** Of the present entry, else of the innermost block. */
  depends(condition: Condition): void;
  visible(condition: Condition): void;
  default(value: Default): void;
  range(value: Range): void;
  setting(kind: Setting['kind'], symbol: string, condition: Expression | undefined, place: string): void;
  finish(): {
    readonly symbols: ReadonlyMap<string, KconfigSymbol>;
    readonly settings: ReadonlyMap<string, readonly Setting[]>;
  };
}

export function createStructure(): Structure {
  const symbols = new Map<string, OpenSymbol>();
  const settings = new Map<string, Setting[]>();
  const blocks: Block[] = [];
  /** What the lines of an entry are said of; `nothing` for a comment, whose conditions concern nobody. */
  let current: Open | 'block' | 'nothing' = 'block';
  const entry = (): Open | undefined => (typeof current === 'string' ? undefined : current);
  const symbol = (): OpenSymbol | undefined => symbols.get(entry()?.symbol ?? '');

  return {
    begin(kind, place) {
      const choice = kind === 'choice' ? { place, members: [] } : undefined;
      blocks.push({ kind, depends: [], visible: [], choice });
      current = 'block';
    },
    end(kind) {
      if (blocks.at(-1)?.kind !== kind) return false;
      blocks.pop();
      current = 'nothing';
      return true;
    },
    open: () => blocks.length,
    config(name, place) {
      const choice = blocks.findLast((block) => block.choice !== undefined)?.choice;
      choice?.members.push(name);
      const depends = blocks.flatMap((block) => block.depends);
      const definition: Definition & Open = {
        symbol: name,
        place,
        depends,
        defaults: [],
        ranges: [],
        ...(choice !== undefined && { choice }),
      };
      const known = symbols.get(name) ?? { name, type: 'unknown', transitional: false, definitions: [] };
      symbols.set(name, known);
      known.definitions.push(definition);
      current = definition;
    },
    comment() {
      current = 'nothing';
      return true;
    },
    type(name) {
      const of = symbol();
      if (of?.type === 'unknown') of.type = name;
    },
    transitional() {
      const of = symbol();
      if (of !== undefined) of.transitional = true;
      return true;
    },
    prompt(conditions) {
      const of = entry();
      if (of !== undefined) of.prompt = [...blocks.flatMap((block) => block.visible), ...conditions];
    },
    depends(condition) {
      if (current === 'block') blocks.at(-1)?.depends.push(condition);
      else entry()?.depends.push(condition);
    },
    visible(condition) {
      if (current === 'block') blocks.at(-1)?.visible.push(condition);
    },
    default: (value) => entry()?.defaults.push(value),
    range: (value) => entry()?.ranges.push(value),
    setting(kind, name, condition, place) {
      const of = entry();
      if (of === undefined) return;
      const one: Setting = { kind, by: of.symbol, symbol: name, condition, depends: of.depends, place };
      const known = settings.get(name);
      if (known === undefined) settings.set(name, [one]);
      else known.push(one);
    },
    finish: () => ({ symbols, settings }),
  };
}
