/** A variable that must be defined, or must not be, for a line of a makefile to count. */
export interface Condition {
  readonly name: string;
  readonly defined: boolean;
}

/**
 * For each line of a makefile that `matches`, the `ifdef`/`ifndef` conditions that it stands under, outermost first.
 * Other conditions (`ifeq`) are taken to hold.
 */
export function conditionsOf(makefile: string, matches: (line: string) => boolean): readonly (readonly Condition[])[] {
  const found: (readonly Condition[])[] = [];
  const open: (Condition | undefined)[] = [];
  for (const line of makefile.split('\n')) {
    const [, word = '', rest = ''] = /^\s*(ifdef|ifndef|ifeq|ifneq|else|endif)\b\s*(.*)$/.exec(line) ?? [];
    if (word.startsWith('if')) open.push(conditionOf(`${word} ${rest}`));
    else if (word === 'endif') open.pop();
    else if (word === 'else') open.push(otherwise(open.pop(), rest));
    else if (matches(line)) found.push(open.filter((one) => one !== undefined));
  }
  return found;
}

function otherwise(condition: Condition | undefined, rest: string): Condition | undefined {
  // `else ifdef X` closes one condition and opens another in its place; both the old one's absence and the new one
  // count, but the new one alone tells the two modes apart.
  if (rest.startsWith('if')) return conditionOf(rest);
  return condition === undefined ? undefined : { ...condition, defined: !condition.defined };
}

function conditionOf(text: string): Condition | undefined {
  const [, word, name = ''] = /^(ifdef|ifndef)\s+(\w+)/.exec(text) ?? [];
  return word === undefined ? undefined : { name, defined: word === 'ifdef' };
}
