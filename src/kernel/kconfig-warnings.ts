const LIMIT = 50;
const LENGTH = 500;

/**
 * The warnings in what Kconfig wrote to standard error, one line each: `FILE:LINE:warning: ...`, and the blocks
 * `WARNING: unmet direct dependencies ...` with the lines that belong to them.
 */
export function kconfigWarnings(stderr: string): readonly string[] {
  const found: string[] = [];
  let block = false;
  for (const raw of stderr.split('\n')) {
    const line = raw.replaceAll(/[\x00-\x1f\x7f]+/g, ' ').trimEnd();
    const last = found.length - 1;
    if (/^WARNING: /.test(line)) {
      found.push(line);
      block = true;
    } else if (block && /^ /.test(line)) {
      found[last] = `${found[last]}; ${line.trim()}`.slice(0, LENGTH);
    } else {
      block = false;
      if (/\bwarning: /i.test(line)) found.push(line.trim().slice(0, LENGTH));
    }
  }
  const unique = [...new Set(found)];
  const more = unique.length - LIMIT;
  return more > 0 ? [...unique.slice(0, LIMIT), `${more} more warnings of Kconfig`] : unique;
}
