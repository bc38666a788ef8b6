import type { CacheReport } from '../values/cache.ts';
import { CACHE_COLUMNS, cacheLines, cacheRows } from './cache.ts';
import { code } from './escape.ts';
import { buildFacts, byKind, byUnit, totalsLine } from './facts.ts';
import { countOf } from './numbers.ts';
import type { Report, ReportDiagnostic, ReportImage, ReportSymbol } from './schema.ts';

// A job summary takes 1 MiB for a step; other steps' words need room too.
const LIMIT = 900_000;
// Kept free of list items, so that headings and what closes a list always fit.
const RESERVE = 50_000;
const UNITS = 10;
const LISTED = 20;
const TEXT_LIMIT = 400;

/**
 * Renders a report as GitHub's job summary: one screen, then details that can be opened. Every word from outside is
 * code, so none is markup. It has at most 900 kB; what finds no room is counted, and stands in `report.json`.
 */
export function renderMarkdown(report: Report): string {
  const page = boundedPage();
  const { build } = report;
  page.add(`## Kernel ${report.status === 'ok' ? 'built' : 'build failed'}`, '');
  if (report.status === 'failed')
    page.add(`**Failed:** ${quoted(report.failure ?? 'no cause is known')}`, '');
  page.add('| | |', '| --- | --- |');
  page.add(...buildFacts(report).map(([name, value]) => `| ${name} | ${quoted(value)} |`), '');
  const errors = build.diagnostics.items.filter(({ level }) => level === 'error');
  if (report.status === 'failed' && errors.length > 0) {
    page.add('### Errors', '');
    page.list(errors.map(diagnostic), { shown: 5, form: bullet });
  }
  const suspect = build.lto_coverage?.suspect ?? [];
  if (suspect.length > 0) {
    page.add(`### ${countOf(suspect.length, 'object')} did not go through LTO`, '');
    const lines = suspect.map(({ object, reason }) => `- ${quoted(object)}: ${quoted(reason)}`);
    page.list(lines, { shown: LISTED, form: bullet });
  }
  for (const image of report.images) overview(page, image);
  if (build.cache !== null) cacheTable(page, build.cache);
  if (build.files.length > 0) {
    page.add('### Files', '');
    const lines = build.files.map(({ what, path }) => `- ${quoted(what)}: ${quoted(path)}`);
    page.list(lines, { shown: LISTED, form: bullet });
  }
  evidence(page, report);
  diagnostics(page, report);
  for (const image of report.images) symbolTable(page, image);
  return page.text();
}

interface ListShape {
  readonly shown?: number;
  /** How many there are where the list given is not whole. */
  readonly total?: number;
  /** The line that counts what is not shown. */
  readonly form: (rest: string) => string;
}

interface Page {
  /** Adds lines that belong together, where there is room for all of them. */
  add(...lines: readonly string[]): void;
  /** Adds lines as far as there is room, says how many are left out, and ends with an empty line. */
  list(lines: readonly string[], shape: ListShape): void;
  text(): string;
}

function boundedPage(): Page {
  const parts: string[] = [];
  let size = 0;
  const put = (part: string, limit: number): boolean => {
    const bytes = Buffer.byteLength(part);
    if (size + bytes > limit) return false;
    parts.push(part);
    size += bytes;
    return true;
  };
  const add = (...lines: readonly string[]) => void put(lines.map((line) => `${line}\n`).join(''), LIMIT);
  return {
    add,
    list: (lines, { shown = lines.length, total = lines.length, form }) => {
      let done = 0;
      while (done < Math.min(shown, lines.length) && put(`${lines[done]}\n`, LIMIT - RESERVE)) done += 1;
      if (done < total) add(form(`${total - done} more: see report.json`));
      add('');
    },
    text: () => parts.join(''),
  };
}

function overview(page: Page, image: ReportImage): void {
  page.add(`### ${quoted(image.path)}: ${totalsLine(image)}`, '');
  const groups = byUnit(image.symbols);
  if (groups.length === 0) return;
  page.add('| Translation unit | Symbols | Functions | Such as |', '| --- | ---: | ---: | --- |');
  const rows = groups.slice(0, UNITS).map(({ tu, symbols, functions }) => {
    const names = symbols.slice(0, 3).map(({ name }) => quoted(name));
    return `| ${unit(tu)} | ${symbols.length} | ${functions} | ${names.join(', ')} |`;
  });
  page.list(rows, { total: groups.length, form: (rest) => `\nUnits: ${rest}` });
}

function cacheTable(page: Page, cache: CacheReport): void {
  page.add('### Cache', '', `| ${CACHE_COLUMNS.join(' | ')} |`, '| --- | ---: | --- | --- | --- | --- |');
  page.add(...cacheRows(cache).map((cells) => `| ${cells.map(quoted).join(' | ')} |`), '');
  page.list(
    cacheLines(cache).map((line) => `- ${quoted(line)}`),
    { form: bullet },
  );
}

function symbolTable(page: Page, image: ReportImage): void {
  if (image.symbols.length === 0) return;
  const title = `Every suffixed symbol (${image.symbols.length})`;
  page.add(`<details><summary>${title}</summary>`, '', quoted(image.path), '');
  page.add('| Symbol | Kind | Section | Bytes | Unit | Source |', '| --- | --- | --- | ---: | --- | --- |');
  page.list(byKind(image.symbols).map(row), { form: (rest) => `\nSymbols: ${rest}` });
  page.add('</details>', '');
}

function evidence(page: Page, { build }: Report): void {
  const { suffixReduction, toolchain } = build;
  page.add('<details><summary>Evidence, and how to build it again</summary>', '');
  const lines = [...suffixReduction.evidence, ...toolchain.abilities].map((line) => `- ${quoted(line)}`);
  lines.push(`- toolchain digest ${quoted(toolchain.digest)}`);
  if (build.configDigest !== null) lines.push(`- configuration digest ${quoted(build.configDigest)}`);
  if (build.commit !== null) lines.push(`- commit ${quoted(build.commit)}`);
  // The line is there to be copied, so it is not shortened.
  if (build.makeLine !== '') lines.push(`- ${code(build.makeLine)}`);
  page.list(lines, { form: bullet });
  page.add('</details>', '');
}

function diagnostics(page: Page, { build }: Report): void {
  const { items, total } = build.diagnostics;
  if (items.length === 0) return;
  page.add(`<details><summary>Diagnostics (${total})</summary>`, '');
  page.list(items.map(diagnostic), { total, form: bullet });
  page.add('</details>', '');
}

function row(symbol: ReportSymbol): string {
  const cells = [
    quoted(symbol.symbol),
    symbol.kind,
    symbol.section === null ? '' : quoted(symbol.section),
    String(symbol.size),
    unit(symbol.tu),
    symbol.source === null ? '' : quoted(symbol.source),
  ];
  return `| ${cells.join(' | ')} |`;
}

function diagnostic({ level, message, file, line }: ReportDiagnostic): string {
  const place = file === null ? '' : ` ${quoted(line === null ? file : `${file}:${line}`)}`;
  return `- ${level}${place}: ${quoted(message)}`;
}

function bullet(rest: string): string {
  return `- and ${rest}`;
}

function unit(tu: string | null): string {
  return tu === null ? 'not known' : quoted(tu);
}

function quoted(text: string): string {
  return code(text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text);
}
