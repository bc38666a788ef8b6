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

function parts(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? '' : rest.slice(dash + 1),
  };
}

/** In turn: a run of other than digits by `rank`, then a run of digits by value. */
function compareText(left: string, right: string): number {
  let a = left;
  let b = right;
  while (a !== '' || b !== '') {
    const [wordA, wordB] = [/^\D*/.exec(a)?.[0] ?? '', /^\D*/.exec(b)?.[0] ?? ''];
    for (let at = 0; at < Math.max(wordA.length, wordB.length); at += 1) {
      const difference = rank(wordA[at]) - rank(wordB[at]);
      if (difference !== 0) return difference;
    }
    a = a.slice(wordA.length);
    b = b.slice(wordB.length);
    const [numberA, numberB] = [/^\d*/.exec(a)?.[0] ?? '', /^\d*/.exec(b)?.[0] ?? ''];
    const difference = BigInt(numberA || '0') - BigInt(numberB || '0');
    if (difference !== 0n) return difference < 0n ? -1 : 1;
    a = a.slice(numberA.length);
    b = b.slice(numberB.length);
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
