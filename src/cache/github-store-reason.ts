import { oneLine } from './store-entry.ts';

const LINES = 200;
const LENGTH = 500;

/** Keeps what @actions/cache prints, as far as it says why something failed. */
export interface Reasons {
  add(line: string): void;
  /** Why the call failed, in one line without addresses; undefined where nothing said so. */
  reason(): string | undefined;
  /** The last failed attempt, for where the call was ended from outside. */
  lastAttempt(): string | undefined;
}

export function collectReasons(): Reasons {
  const lines: string[] = [];
  const find = (pattern: RegExp) => {
    const text = lines.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined);
    return text === undefined ? undefined : plain(unescaped(text), lines);
  };
  return {
    add(line) {
      if (
        !/^::(?:debug|warning|error)|^Failed to |^Attempt |^Cache (?:save|restore) skipped|^\S*(?:tar|zstd|gzip): /.test(
          line,
        )
      )
        return;
      if (/^::debug/.test(line) && !/^::debug::Failed to reserve cache: /.test(line)) return;
      lines.push(line.slice(0, LENGTH));
      if (lines.length > LINES) lines.splice(1, 1);
    },
    // A failed reservation is shown as "another job may be creating this cache", whatever it was.
    reason: () =>
      find(/^::warning.*?::Cache reservation failed: (.*)/) ??
      find(/^::debug::Failed to reserve cache: (?:Error: )?(.*)/) ??
      find(/^::(?:warning|error).*?::(?!You've hit a rate limit)(?:Failed to (?:restore|save): )?(.*)/) ??
      find(/^Failed to (?:restore|save): (.*)/) ??
      find(/^(Cache (?:save|restore) skipped: .*)/),
    lastAttempt: () => {
      const last = lines.findLast((line) => line.startsWith('Attempt '));
      return last === undefined ? undefined : withoutAddresses(last.replace(/\. Retrying request in .*/, ''));
    },
  };
}

// @actions/core escapes the message of a workflow command so.
function unescaped(text: string): string {
  return text.replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%25/g, '%');
}

function plain(text: string, lines: readonly string[]): string {
  const code = /\/tar"? failed with error: .* exit code (\d+)/.exec(text)?.[1];
  if (code !== undefined) {
    const detail = lines.map((line) => /^(?:\S*\/)?(\w*(?:tar|zstd|gzip): .*)/.exec(line)?.[1]).find(Boolean);
    return `tar ended with code ${code} (${detail ?? 'without a word'})`;
  }
  return withoutAddresses(
    oneLine(text.replace('uploadCacheArchiveSDK: internal error uploading cache archive: ', '')),
  );
}

// The address of a blob holds the signature that opens it.
function withoutAddresses(text: string): string {
  return text.replace(/\bhttps?:\/\/[^\s"')]+/g, (address) => {
    return URL.canParse(address) ? new URL(address).host : 'an address';
  });
}
