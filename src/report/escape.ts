// Control characters, invisible format characters (which turn the direction of text), and lone surrogates.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text from outside as one harmless line of a terminal or page: what cannot be seen is written as `\u{1b}`. */
export function oneLine(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/**
 * Text from outside as code in GitHub's Markdown, in a table too. A code span shows anything as it is but a backtick
 * and, in a table, a pipe and the backslash before it; with one of those, every character that could mean something
 * is written as a number. GitHub looks for mentions in neither.
 */
export function code(text: string): string {
  const line = oneLine(text);
  if (line.trim() === '') return '`-`';
  if (!/[`|\\]/.test(line)) return `\`${line}\``;
  const inert = line.replace(/[^A-Za-z0-9 ]/gu, (character) => `&#${character.codePointAt(0)};`);
  // An address of electronic mail becomes a link even then.
  return `<code>${inert.replaceAll('&#64;', '&#64;&#8288;')}</code>`;
}
