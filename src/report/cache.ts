import type { CacheReport } from '../values/cache.ts';
import { duration } from './numbers.ts';

/** What each column of `cacheRows` is. */
export const CACHE_COLUMNS = ['Level', 'Reused', 'Made anew', 'Size', 'Spent', 'Saved'] as const;

const REASONS = 4;

/** What the cache did, a row a level, in the order of `CACHE_COLUMNS`; texts from outside. */
export function cacheRows({ levels }: CacheReport): readonly (readonly string[])[] {
  return levels.map((level) => [
    level.name,
    String(level.hits),
    misses(level.misses),
    sizes(level.bytesBefore, level.bytesAfter),
    duration(level.secondsSpent),
    level.secondsSaved === null ? 'not known' : `about ${duration(level.secondsSaved)} of one processor`,
  ]);
}

/** What is to be said of the cache beside the table, a line each. */
export function cacheLines(report: CacheReport): readonly string[] {
  return [
    ...report.levels.map(({ name, status }) => `${name}: ${status}`),
    report.saved,
    `store: ${report.store}; key: ${report.key.map(([name, value]) => `${name} ${value}`).join(', ')}`,
  ];
}

function misses(list: CacheReport['levels'][number]['misses']): string {
  if (list.length === 0) return 'none';
  const shown = list.slice(0, REASONS).map(({ reason, count }) => `${count}: ${reason}`);
  const rest = list.slice(REASONS).reduce((sum, { count }) => sum + count, 0);
  return [...shown, ...(rest > 0 ? [`${rest}: other reasons, in report.json`] : [])].join('; ');
}

function sizes(before: number, after: number): string {
  if (before === 0 && after === 0) return 'nothing packed';
  if (after === 0) return `${megabytes(before)}, kept`;
  return before === 0 ? megabytes(after) : `${megabytes(before)}, now ${megabytes(after)}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
