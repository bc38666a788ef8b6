/** An expression of Kconfig (Documentation/kbuild/kconfig-language.rst, "Menu dependencies"). */
export type Expression =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'constant'; readonly text: string }
  /** A macro that runs a program, such as `$(cc-option,-x)`: what it gives is not known here. */
  | { readonly kind: 'macro'; readonly text: string }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'compare';
      readonly operator: Comparison;
      readonly left: Expression;
      readonly right: Expression;
    };

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

export type SymbolType = 'bool' | 'tristate' | 'string' | 'hex' | 'int' | 'unknown';

/** An expression with the line that it stands in: `arch/Kconfig:830`, relative to the tree. */
export interface Condition {
  readonly expression: Expression;
  readonly place: string;
}

export interface Default {
  readonly value: Expression;
  readonly condition: Expression | undefined;
  readonly place: string;
}

export interface Range {
  readonly low: Expression;
  readonly high: Expression;
  readonly condition: Expression | undefined;
  readonly place: string;
}

/** `select` or `imply`: what one definition sets in another symbol. */
export interface Setting {
  readonly kind: 'select' | 'imply';
  readonly by: string;
  readonly symbol: string;
  readonly condition: Expression | undefined;
  /** Those of the definition that has the line. */
  readonly depends: readonly Condition[];
  readonly place: string;
}

/** One `config` or `menuconfig` entry; a symbol may have several. */
export interface Definition {
  readonly symbol: string;
  readonly place: string;
  /** Of the enclosing menus, ifs and choices, outermost first, then its own. */
  readonly depends: readonly Condition[];
  /** What lets a user set it: all must hold beside `depends`. Absent where it has no prompt. */
  readonly prompt?: readonly Condition[];
  readonly defaults: readonly Default[];
  readonly ranges: readonly Range[];
  readonly choice?: Choice;
}

/** A `choice`, of whose members that can be set exactly one is y. */
export interface Choice {
  readonly place: string;
  readonly members: readonly string[];
}

export interface KconfigSymbol {
  readonly name: string;
  readonly type: SymbolType;
  /** An old name that is read, and never written to a `.config`. */
  readonly transitional: boolean;
  readonly definitions: readonly Definition[];
}

/** The Kconfig files of a tree, read for one architecture. */
export interface Kconfig {
  /** Folder below `arch/`. */
  readonly srcArch: string;
  readonly symbols: ReadonlyMap<string, KconfigSymbol>;
  /** By the symbol that is set. */
  readonly settings: ReadonlyMap<string, readonly Setting[]>;
  readonly files: number;
  /** Lines that the reader did not understand, with their places; for a tree that Kconfig accepts there are none. */
  readonly problems: readonly string[];
}
