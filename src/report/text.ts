import type { CacheReport } from '../values/cache.ts';
import { cacheLines, cacheRows } from './cache.ts';
import { oneLine } from './escape.ts';
import { buildFacts, byUnit, type Fact, totalsLine } from './facts.ts';
import { countOf } from './numbers.ts';
import type { Report, ReportImage } from './schema.ts';

const UNITS = 10;
const ERRORS = 5;
const SUSPECTS = 5;

/** Renders a report for a terminal: one screen; the rest is counted, and stands in `report.json`. */
export function renderText(report: Report): string {
  const lines = [...facts(buildFacts(report)), ''];
  if (report.status === 'failed')
    lines.push(`FAILED: ${report.failure ?? 'no cause is known'}`, ...errors(report), '');
  const suspect = report.build.lto_coverage?.suspect ?? [];
  if (suspect.length > 0) {
    lines.push(`${countOf(suspect.length, 'object')} did not go through LTO:`);
    for (const { object, reason } of suspect.slice(0, SUSPECTS)) lines.push(`  ${object}: ${reason}`);
    lines.push(...rest(suspect.length - SUSPECTS), '');
  }
  for (const image of report.images) lines.push(...imageLines(image), '');
  const { makeLine, files, cache } = report.build;
  if (cache !== null) lines.push(...cacheText(cache), '');
  if (makeLine !== '') lines.push('The same build again:', `  ${makeLine}`, '');
  if (files.length > 0) lines.push(...facts(files.map(({ what, path }) => [what, path])));
  return `${lines.map(oneLine).join('\n').trimEnd()}\n`;
}

function cacheText(cache: CacheReport): readonly string[] {
  const rows = cacheRows(cache).map(
    ([level, hits, misses, size, spent, saved]) =>
      `  ${level}: ${hits} reused; made anew: ${misses}; ${size}; ${spent} spent, saved: ${saved}`,
  );
  return ['Cache:', ...rows, ...cacheLines(cache).map((line) => `  ${line}`)];
}

function imageLines(image: ReportImage): readonly string[] {
  const lines = [`${image.path}: ${totalsLine(image)}`];
  const groups = byUnit(image.symbols);
  const shown = groups.slice(0, UNITS);
  const width = Math.max(...shown.map(({ tu }) => label(tu).length), 0);
  for (const { tu, symbols, functions } of shown) {
    const names = symbols.slice(0, 3).map(({ name }) => name);
    const more = symbols.length > names.length ? ', ...' : '';
    const counts = `${String(symbols.length).padStart(5)}${functions > 0 ? ` (${countOf(functions, 'function')})` : ''}`;
    lines.push(`  ${label(tu).padEnd(width)} ${counts}: ${names.join(', ')}${more}`);
  }
  const left = groups.slice(UNITS);
  const symbols = left.reduce((sum, group) => sum + group.symbols.length, 0);
  if (symbols > 0) {
    lines.push(
      `  ${countOf(symbols, 'more symbol')} from ${countOf(left.length, 'more translation unit')}: see report.json`,
    );
  }
  return lines;
}

function errors({ build }: Report): readonly string[] {
  const found = build.diagnostics.items.filter(({ level }) => level === 'error');
  return found.slice(0, ERRORS).map(({ file, line, message }) => {
    const place = file === null ? '' : `${file}${line === null ? '' : `:${line}`}: `;
    return `  ${place}${message}`;
  });
}

function rest(number: number): readonly string[] {
  return number > 0 ? [`  and ${number} more: see report.json`] : [];
}

function facts(pairs: readonly Fact[]): readonly string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

function label(tu: string | null): string {
  return tu ?? '(unit not known)';
}
