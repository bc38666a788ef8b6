/**
 * Orders two versions of Debian packages as dpkg does (deb-version(7)): epoch, upstream version, revision; `~` comes
 * before the end. Negative where the first is older.
 */
export function compareDebian(left: string, right: string): number {
  const a = parts(left);
  const b = parts(right);
  return a.epoch - b.epoch || compareText(a.upstream, b.upstream) || compareText(a.revision, b.revision);
}

/** Upstream part of a version: `1:23.1.4-2` is 23.1.4, `1:23.1.0~rc1-1` is 23.1.0~rc1. */
export function upstreamOf(version: string): string {
  return parts(version).upstream;
}

/** Whether a version fulfils what a dependency asks of it: `>= 2.38` (deb-control(5), "Syntax of relationship fields"). */
export function holds(version: string, operator: string, wanted: string): boolean {
  const order = compareDebian(version, wanted);
  if (operator === '<<') return order < 0;
  if (operator === '<=') return order <= 0;
  if (operator === '=') return order === 0;
  return operator === '>=' ? order >= 0 : order > 0;
}

function parts(version: string): { epoch: number; upstream: string; revision: string } {
  const epoch = /^(\d{1,9}):/.exec(version);
  const rest = version.slice(epoch?.[0].length ?? 0);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: Number(epoch?.[1] ?? 0),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

/** In turn: a run of other than digits by `rank`, then a run of digits by value. */
function compareText(left: string, right: string): number {
  const [a, b] = [runsOf(left), runsOf(right)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [runA = '', runB = ''] = [a[at], b[at]];
    const difference = at % 2 === 0 ? compareWords(runA, runB) : compareNumbers(runA, runB);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Runs of other than digits at the even places, of digits at the odd ones. */
function runsOf(text: string): readonly string[] {
  return text.split(/(\d+)/);
}

function compareWords(left: string, right: string): number {
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = rank(left[at]) - rank(right[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `~` before the end, the end before letters, letters before everything else. */
function rank(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

function compareNumbers(left: string, right: string): number {
  const [a, b] = [left.replace(/^0+/, ''), right.replace(/^0+/, '')];
  if (a.length !== b.length) return a.length - b.length;
  return a === b ? 0 : a < b ? -1 : 1;
}
