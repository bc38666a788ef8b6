import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { StepResult } from './equality-run.ts';
import type { Step } from './equality-steps.ts';
import { writeResult } from './result.ts';

/** A step of the sequence with the state of the tool that it was run with. */
export interface Recorded extends StepResult {
  /** SHA-256 (hex) of the bundled command. */
  readonly tool: string;
}

/** `results/equality.json`, beside the name, the date and the machine that each result has. */
export interface EqualityResult {
  readonly what: string;
  readonly linux: string;
  readonly llvm: string;
  readonly llvmOther: string | null;
  readonly steps: readonly Recorded[];
}

const NAME = 'equality';
const RESULT = fileURLToPath(new URL(`results/${NAME}.json`, import.meta.url));
const DOCS = fileURLToPath(new URL('../docs/caching.md', import.meta.url));
const BEGIN = '<!-- equality:begin -->';
const END = '<!-- equality:end -->';

/** The steps that are recorded already; empty where there are none. */
export function readRecorded(): readonly Recorded[] {
  return existsSync(RESULT) ? (JSON.parse(readFileSync(RESULT, 'utf8')) as EqualityResult).steps : [];
}

/** Writes the result and its table in the docs, the steps in the order of the sequence. */
export function writeEquality(result: EqualityResult, sequence: readonly Step[]): void {
  const place = new Map(sequence.map((step, at) => [idOf(step.name, step.from.lto, step.style), at]));
  const at = (one: Recorded) => place.get(idOf(one.name, one.lto, one.style));
  const steps = result.steps
    .filter((one) => at(one) !== undefined)
    .sort((a, b) => (at(a) ?? 0) - (at(b) ?? 0));
  writeResult(NAME, { ...result, steps });
  writeDocs(tableOf({ ...result, steps }, sequence));
}

/** Names a step among all. */
export function idOf(name: string, lto: string, style: string): string {
  return `${lto} ${style} ${name}`;
}

/** The result as Markdown: a row for each step, a column for each mode and style. */
function tableOf({ what, linux, llvm, steps }: EqualityResult, sequence: readonly Step[]): string {
  const columns = ['thin-dist', 'thin'].flatMap((lto) =>
    ['CI', 'kept'].map((style) => [lto, style] as const),
  );
  const known = new Set(sequence.map(({ name, from, style }) => idOf(name, from.lto, style)));
  const found = new Map(steps.map((one) => [idOf(one.name, one.lto, one.style), one]));
  const cell = (name: string, lto: string, style: string) => {
    const one = found.get(idOf(name, lto, style));
    if (one !== undefined) return one.equal ? 'same' : '**differs**';
    return known.has(idOf(name, lto, style)) ? 'not run' : '';
  };
  const builds = steps.flatMap((one) => one.builds).filter(({ equal }) => equal === true).length;
  const bad = steps.filter(({ equal }) => !equal);
  const tools = new Set(steps.map(({ tool }) => tool.slice(0, 12)));
  return [
    `${what}. Linux ${linux}, ${llvm}. ${steps.length} of ${sequence.length} steps were run, with ${builds} kernels compared; ` +
      `${bad.length} steps differ. Bundle ${[...tools].join(', ')}.`,
    '',
    `| step | ${columns.map(([lto, style]) => `${lto}, ${style}`).join(' | ')} |`,
    `| --- | ${columns.map(() => '---').join(' | ')} |`,
    ...[...new Set(sequence.map(({ name }) => name))].map(
      (name) => `| ${name} | ${columns.map(([lto, style]) => cell(name, lto, style)).join(' | ')} |`,
    ),
    '',
    ...bad.map(({ name, lto, style, failure }) => `- ${lto}, ${style}, ${name}: ${failure}`),
  ]
    .join('\n')
    .trimEnd();
}

function writeDocs(table: string): void {
  const text = existsSync(DOCS) ? readFileSync(DOCS, 'utf8') : '# The cache\n';
  const marked = text.includes(BEGIN) ? text : `${text}\n${BEGIN}\n${END}\n`;
  const from = marked.indexOf(BEGIN) + BEGIN.length;
  const to = marked.indexOf(END);
  if (to < from) throw new Error(`${DOCS} has no '${END}' after '${BEGIN}'`);
  writeFileSync(DOCS, `${marked.slice(0, from)}\n\n${table}\n\n${marked.slice(to)}`);
}
