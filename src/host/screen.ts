/** What a host writes to: standard output or standard error. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Lines, and below them one line that is drawn anew. */
export interface Screen {
  line(text: string): void;
  setBar(text: string | undefined): void;
  columns(): number;
}

const CLEAR_LINE = '\r\x1b[K';

/** A screen on a terminal. */
export function openScreen(output: Output): Screen {
  let bar = '';
  return {
    line(text) {
      output.write(bar === '' ? `${text}\n` : `${CLEAR_LINE}${text}\n${bar}`);
    },
    setBar(text = '') {
      if (text === bar) return;
      output.write(`${CLEAR_LINE}${text}`);
      bar = text;
    },
    columns: () => output.columns ?? 80,
  };
}
