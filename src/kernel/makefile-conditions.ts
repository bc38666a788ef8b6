/** Whether a variable of the kernel's configuration is y: by its name with CONFIG_. */
export type IsSet = (name: string) => boolean;

interface Block {
  /** The present branch; undefined where it cannot be told. */
  readonly active: boolean | undefined;
  /** Whether a branch before this one was surely taken. */
  readonly taken: boolean;
}

const DIRECTIVE = /^ *(ifdef|ifndef|ifeq|ifneq|else|endif)\b(.*)$/;

/**
 * The lines of a makefile that count under a configuration, continued lines joined. Follows ifdef, ifndef, ifeq and
 * ifneq as far as CONFIG_ variables decide them; where another variable decides, both branches are taken to count.
 */
export function linesUnder(makefile: string, isSet: IsSet): readonly string[] {
  const blocks: Block[] = [];
  const found: string[] = [];
  for (const line of makefile.replaceAll('\\\n', ' ').split('\n')) {
    const [, word, rest = ''] = DIRECTIVE.exec(line) ?? [];
    if (word === undefined) {
      if (blocks.every((block) => block.active !== false)) found.push(line);
    } else if (word === 'endif') blocks.pop();
    else if (word === 'else') blocks.push(otherwise(blocks.pop(), rest, isSet));
    else blocks.push(branch(evaluate(`${word}${rest}`, isSet), false));
  }
  return found;
}

function branch(condition: boolean | undefined, taken: boolean): Block {
  return { active: taken ? false : condition, taken: taken || condition === true };
}

function otherwise(before: Block | undefined, rest: string, isSet: IsSet): Block {
  const condition = rest.trim().startsWith('if') ? evaluate(rest.trim(), isSet) : true;
  // Where the branch before may or may not have been taken, so may this one.
  const { active, taken } = before ?? { active: false, taken: false };
  const sure = active !== undefined || taken || condition === false;
  return branch(sure ? condition : undefined, taken);
}

function evaluate(condition: string, isSet: IsSet): boolean | undefined {
  const [, word, rest = ''] = /^(ifdef|ifndef|ifeq|ifneq)\b\s*(.*?)\s*(?:#.*)?$/.exec(condition) ?? [];
  if (word === 'ifdef' || word === 'ifndef') {
    return rest.startsWith('CONFIG_') ? isSet(rest) === (word === 'ifdef') : undefined;
  }
  const [, a, b] = /^\((.*),\s*(.*)\)$/.exec(rest) ?? /^["'](.*)["']\s+["'](.*)["']$/.exec(rest) ?? [];
  const values = [a, b].map((side) =>
    side?.replaceAll(/\$\((CONFIG_\w+)\)/g, (_, name) => (isSet(name) ? 'y' : '')),
  );
  const [left, right] = values;
  if (left === undefined || right === undefined || `${left}${right}`.includes('$')) return undefined;
  return (left.trim() === right.trim()) === (word === 'ifeq');
}
