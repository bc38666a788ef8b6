/** Text that cannot steer a terminal: control characters but the tab become visible. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, (character) =>
    character < ' ' ? String.fromCharCode(0x2400 + character.charCodeAt(0)) : '\ufffd',
  );
}

// What a comparison by culture passes over: controls, invisible characters, marks.
const INVISIBLE = '[\\p{C}\\p{M}]*';
const LINE_START = new RegExp(`^([\\p{Z}\\p{C}\\p{M}]*):(?=${INVISIBLE}:)`, 'u');
const ANYWHERE = new RegExp(`#(?=${INVISIBLE}#${INVISIBLE}\\[)`, 'gu');

/**
 * One line that a GitHub runner cannot take for a command, whatever was in it: it ends a line at CR and LF, and takes
 * one for a command that begins with `::` after white space, or that has `##[` anywhere (actions/runner,
 * ActionCommand.TryParseV2 and TryParse; both compare by culture, to which invisible characters are nothing).
 */
export function harmless(text: string): string {
  return text
    .replace(/[\r\n\u2028\u2029]+/g, ' ')
    .replace(ANYWHERE, '# ')
    .replace(LINE_START, '$1| :');
}
