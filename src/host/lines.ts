import { StringDecoder } from 'node:string_decoder';

/** Characters of a line that are kept; a longer line is cut, and says so. */
export const LINE_LIMIT = 1024 * 1024;

/** Cuts a byte stream into lines, without their ends (LF, CRLF). No line is longer than `limit` and a short mark. */
export function splitLines(
  onLine: (line: string) => void,
  limit = LINE_LIMIT,
): { add(data: Buffer): void; end(): void } {
  const decoder = new StringDecoder('utf8');
  let held = '';
  let cut = false;
  const hold = (text: string) => {
    const room = limit - held.length;
    if (text.length > room) cut = true;
    held += text.length > room ? text.slice(0, room) : text;
  };
  const release = () => {
    const line = held.endsWith('\r') ? held.slice(0, -1) : held;
    onLine(cut ? `${line} [line cut]` : line);
    held = '';
    cut = false;
  };
  const take = (text: string) => {
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      hold(text.slice(from, end));
      release();
      from = end + 1;
    }
    hold(text.slice(from));
  };
  return {
    add: (data) => take(decoder.write(data)),
    end() {
      take(decoder.end());
      if (held !== '') release();
    },
  };
}
