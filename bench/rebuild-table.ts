import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BarGroup, barPlot } from './plot.ts';
import type { Measurement, RebuildResult } from './rebuild-result.ts';
import { type Config, type Marks, ROWS, type Row, SIDES, type Side } from './rebuild-rows.ts';

const DOCS = fileURLToPath(new URL('../docs', import.meta.url));

/** Writes the table between its markers in docs/caching.md, which is made where it is not there, and the plot. */
export function writeDocs(result: RebuildResult): void {
  const plot = `img/rebuild-${result.config}.svg`;
  mkdirSync(path.join(DOCS, 'img'), { recursive: true });
  writeFileSync(path.join(DOCS, plot), plotOf(result));
  const file = path.join(DOCS, 'caching.md');
  const [begin, end] = markers(result.config);
  let text = existsSync(file) ? readFileSync(file, 'utf8') : '# Caching\n';
  if (!text.includes(begin)) text = `${text}\n${begin}\n${end}\n`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (to < from) throw new Error(`${file} lacks the line '${end}'`);
  const body = `${begin}\n\n${tableOf(result)}\n![Seconds of each rebuild](${plot})\n\n`;
  writeFileSync(file, text.slice(0, from) + body + text.slice(to));
}

/** The result as Markdown: seconds of each side, ratios beside what is asked, compiles, sizes. */
export function tableOf(result: RebuildResult): string {
  const rows = ROWS.filter((row) => SIDES.some((side) => of(result, row, side) !== undefined));
  const { machine, versions } = result;
  const extra = result.kconfig === '' ? '' : ` with \`${result.kconfig}\``;
  const runs = result.measurements.map((one) => one.runs.length);
  const dates = result.measurements.flatMap((one) => one.runs.map(({ date }) => date.slice(0, 10))).sort();
  const tools = new Set(result.measurements.flatMap(({ identity }) => identity.tool ?? []));
  return [
    `x86_64 \`${result.config}\`${extra}, Linux ${versions.linux}, ${versions.llvm}, \`thin-dist\` with suffix reduction; ` +
      `${machine.processors} processors (${machine.processor}), ${machine.memoryGB} GB; ${[...new Set([dates[0], dates.at(-1)])].join(' to ')}. ` +
      `Wall seconds, each from a fresh checkout, restoring and saving included; medians of up to ${Math.max(1, ...runs)} runs.` +
      (result.config === 'defconfig' ? '' : ' The limits beside the ratios are meant for defconfig.') +
      (tools.size > 1 ? ` (d) is of ${tools.size} states of the tool.` : ''),
    '',
    `| what changed | (a) make | (b) ccache ${ccacheOf(result, 'b48')} | (b) ccache ${ccacheOf(result, 'b414')} | (c) snapshot | (d) this | (d)/(a) | (d)/(b, new) | (d)/(c) | same kernel as (a) |`,
    '| --- | --: | --: | --: | --: | --: | --- | --- | --- | --- |',
    ...rows.map((row) => secondsRow(result, row)),
    '',
    'Compiles of C that the compiler really did, front ends + back ends (in `thin` the back ends run in the linker):',
    '',
    '| what changed | (a) | (b, old) | (b, new) | (c) | (d) |',
    '| --- | --: | --: | --: | --: | --: |',
    ...rows.map(
      (row) => `| ${row.title} | ${SIDES.map((side) => compiles(result, row, side)).join(' | ')} |`,
    ),
    '',
    sizes(result),
    '',
  ].join('\n');
}

function secondsRow(result: RebuildResult, row: Row): string {
  const median = (side: Side) => medianOf(of(result, row, side));
  const cells = SIDES.map((side) => {
    const value = median(side);
    return value === undefined ? '' : value.toFixed(1);
  });
  const d = median('d');
  const against: readonly [keyof Marks, number | undefined][] = [
    ['a', median('a') ?? coldPlain(result, row)],
    ['b414', median('b414')],
    ['c', median('c')],
  ];
  const ratios = against.map(([side, other]) => ratio(d, other, row.marks[side]));
  return `| ${[row.title, ...cells, ...ratios, sameKernel(result, row)].join(' | ')} |`;
}

/** Plain make from nothing in the row's mode: what it takes whatever changed. */
function coldPlain(result: RebuildResult, row: Row): number | undefined {
  const cold = ROWS.find((one) => one.base === undefined && one.mode === row.mode);
  return cold && medianOf(of(result, cold, 'a'));
}

function ratio(value: number | undefined, other: number | undefined, mark: number | undefined): string {
  const asked = mark === undefined ? '' : `≤ ${mark}`;
  if (value === undefined || other === undefined) return asked === '' ? '' : `not measured (${asked})`;
  const found = value / other;
  const shown = found.toFixed(found < 0.1 ? 3 : 2);
  return mark === undefined ? shown : `${shown} (${asked}: ${found <= mark ? 'met' : '**missed**'})`;
}

function sameKernel(result: RebuildResult, row: Row): string {
  const runs = of(result, row, 'd')?.runs ?? [];
  if (runs.length === 0) return '';
  if (runs.some(({ equal }) => equal === false)) return '**no**';
  return runs.every(({ equal }) => equal === true) ? 'yes' : 'not compared';
}

function compiles(result: RebuildResult, row: Row, side: Side): string {
  const run = of(result, row, side)?.runs.at(-1);
  return run === undefined ? '' : `${run.frontEnds.ran} + ${run.backEnds.ran}`;
}

function sizes(result: RebuildResult): string {
  const cold = ROWS[0];
  const said = SIDES.flatMap((side) => {
    const bytes = (cold && of(result, cold, side)?.runs.at(-1)?.bytes) ?? {};
    const parts = Object.entries(bytes).map(([name, size]) => `${name} ${(size / 1e6).toFixed(0)} MB`);
    return parts.length === 0 ? [] : [`(${side}) ${parts.join(' + ')}`];
  });
  return `Stores after the cold build: ${said.join('; ')}.`;
}

function plotOf(result: RebuildResult): string {
  const groups: BarGroup[] = [];
  const names: Record<Side, string> = {
    a: 'make',
    b48: `ccache ${ccacheOf(result, 'b48')}`,
    b414: `ccache ${ccacheOf(result, 'b414')}`,
    c: 'folder snapshot',
    d: 'kernel-thinlto',
  };
  for (const row of ROWS) {
    const bars = SIDES.flatMap((side, colour) => {
      const value = medianOf(of(result, row, side));
      return value === undefined ? [] : [{ label: names[side], value, colour }];
    });
    if (bars.length > 0) groups.push({ title: row.title.replaceAll('`', ''), bars });
  }
  return barPlot(`Rebuild of x86_64 ${result.config} after a change`, 'seconds', groups);
}

function of(result: RebuildResult, row: Row, side: Side): Measurement | undefined {
  return result.measurements.find((one) => one.row === row.name && one.side === side);
}

function ccacheOf(result: RebuildResult, side: Side): string {
  const found = result.measurements.find((one) => one.side === side)?.identity.ccache;
  return found ?? (side === 'b48' ? '4.8' : '4.14');
}

function medianOf(measurement: Measurement | undefined): number | undefined {
  const sorted = measurement?.runs.map(({ seconds }) => seconds).sort((a, b) => a - b) ?? [];
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? undefined : (low + high) / 2;
}

function markers(config: Config): readonly [begin: string, end: string] {
  return [
    `<!-- rebuild ${config}: begin, written by bench/rebuild.ts -->`,
    `<!-- rebuild ${config}: end -->`,
  ];
}
