import { UserError } from '../values/error.ts';

/** `23.1.4` or `23.1.0-rc1`: a release or a candidate, with all its numbers. */
export const EXACT_VERSION = /^\d{1,4}\.\d{1,4}\.\d{1,4}(-rc\d{1,3})?$/;

/** Orders versions by their numbers, oldest first; a candidate is older than its release. */
export function compareVersions(one: string, other: string): number {
  const a = numbersOf(one);
  const b = numbersOf(other);
  for (let at = 0; at < 4; at++) {
    const [left = 0, right = 0] = [a[at], b[at]];
    // Those of two releases are both infinite, and have no difference.
    if (left !== right) return left - right;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  const [numbers = '', candidate] = version.split('-rc');
  const [major = 0, minor = 0, patch = 0] = numbers.split('.').map(Number);
  return [major, minor, patch, candidate === undefined ? Number.POSITIVE_INFINITY : Number(candidate)];
}

/** Whether a version is the wanted one, or belongs to the wanted series (`23`, `23.1`). */
export function matchesVersion(wanted: string, version: string): boolean {
  if (EXACT_VERSION.test(wanted)) return wanted === version;
  return version.startsWith(`${wanted}.`);
}

/**
 * The version to take of those that a source has: the wanted one, or the newest of the wanted series, where a
 * release goes before every candidate. Throws a UserError that says what `source` (its name and place) has.
 */
export function chooseVersion(wanted: string, versions: readonly string[], source: string): string {
  const matching = versions.filter((version) => matchesVersion(wanted, version)).sort(compareVersions);
  const chosen = matching.filter((version) => !version.includes('-rc')).at(-1) ?? matching.at(-1);
  if (chosen !== undefined) return chosen;
  throw new UserError(`llvm-version: '${wanted}' is not at ${source}; it has ${listVersions(versions)}`);
}

const LISTED = 8;

/** The newest versions of a list, for a message. */
function listVersions(versions: readonly string[]): string {
  const newest = [...new Set(versions)].sort(compareVersions).reverse();
  if (newest.length === 0) return 'none for this machine';
  const more = newest.length > LISTED ? ` and ${newest.length - LISTED} older` : '';
  return `${newest.slice(0, LISTED).join(', ')}${more}`;
}
