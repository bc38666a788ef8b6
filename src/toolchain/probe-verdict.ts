/** Static functions of the trial: one name that a single translation unit has, and one that two have. */
export const ONCE = 'probe_once';
export const COLLIDING = 'probe_twice';
const EXTERNAL = 'probe_sink';

/** What a trial showed, and the words for it. */
export interface Verdict {
  readonly able: boolean;
  readonly why: string;
}

/** The outcome of one trial: the symbols that `llvm-nm --format=posix` printed, or why there are none. */
export type Outcome = string | Verdict;

interface Symbols {
  /** Names of global definitions, which promoted locals have become. */
  readonly globals: readonly string[];
  readonly undefineds: readonly string[];
}

function readSymbols(text: string): Symbols {
  const globals: string[] = [];
  const undefineds: string[] = [];
  for (const line of text.split('\n')) {
    const [name, letter] = line.split(' ');
    if (name === undefined || letter === undefined) continue;
    if (letter === 'U') undefineds.push(name);
    else if (/^[A-Z]$/.test(letter)) globals.push(name);
  }
  return { globals: globals.sort(), undefineds };
}

function named(symbols: Symbols, name: string): string[] {
  return symbols.globals.filter((global) => global === name || isSuffixed(global, name));
}

function isSuffixed(symbol: string, name: string): boolean {
  return symbol.startsWith(`${name}.llvm.`) && /^\d+$/.test(symbol.slice(name.length + 6));
}

/** ThinLTO works where the statics that an imported function calls were promoted, and every reference is met. */
export function judgeThin(outcome: Outcome): Verdict {
  if (typeof outcome !== 'string') return outcome;
  const symbols = readSymbols(outcome);
  const promoted = [...named(symbols, ONCE), ...named(symbols, COLLIDING)];
  const lost = symbols.undefineds.filter((name) => name !== EXTERNAL);
  if (lost.length > 0) return { able: false, why: `nothing defines ${lost.join(', ')}` };
  if (promoted.length === 3)
    return {
      able: true,
      why: `functions were imported, and the statics they call promoted (${promoted[0]} ...)`,
    };
  return { able: false, why: 'no function was imported from another translation unit' };
}

/**
 * Suffix reduction works where the static of a single translation unit kept its name, the colliding two are still
 * two symbols, one of them suffixed, every reference is met, and without the options each had a suffix.
 */
export function judgeReduction(without: Outcome, reduced: Outcome): Verdict {
  if (typeof without !== 'string') return without;
  if (typeof reduced !== 'string') return reduced;
  const before = judgeThin(without);
  if (!before.able) return before;
  const base = readSymbols(without);
  if (base.globals.includes(ONCE) || base.globals.includes(COLLIDING)) {
    return {
      able: false,
      why: 'without its options, too, a promoted local keeps its name, so the trial shows nothing',
    };
  }
  const after = judgeThin(reduced);
  if (!after.able) return after;
  const symbols = readSymbols(reduced);
  const once = named(symbols, ONCE);
  const colliding = named(symbols, COLLIDING);
  if (!once.includes(ONCE))
    return { able: false, why: `the options are taken, but ${once.join(', ')} remains` };
  if (!colliding.includes(COLLIDING) || colliding.length !== 2) {
    return {
      able: false,
      why: `the options are taken, but of a colliding pair ${colliding.join(', ')} remain`,
    };
  }
  return { able: true, why: `${ONCE} kept its name, ${colliding.join(' and ')} remain` };
}
