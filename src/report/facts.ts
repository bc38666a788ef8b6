import { countOf, duration } from './numbers.ts';
import type { Report, ReportImage, ReportSymbol } from './schema.ts';

/** A name and what is said of it; the value is text from outside. */
export type Fact = readonly [name: string, value: string];

/** What was built and with what, in the order in which people ask. */
export function buildFacts({ build }: Report): readonly Fact[] {
  const { toolchain } = build;
  const commit = build.commit === null ? '' : `, commit ${build.commit.slice(0, 12)}`;
  return [
    ['Kernel', `${build.kernelVersion}, ${build.arch}${commit}`],
    ['LTO', build.lto],
    ['Suffix reduction', reduction(build)],
    [
      'Toolchain',
      `LLVM ${toolchain.version} from ${toolchain.source}, digest ${toolchain.digest.slice(0, 16)}`,
    ],
    ['LTO coverage', coverage(build.lto_coverage)],
    ['Time', times(build)],
  ];
}

/** One line on an image's suffixed symbols by kind. */
export function totalsLine({ totals }: ReportImage): string {
  const kinds = [
    countOf(totals.functions, 'function'),
    countOf(totals.data, 'data object'),
    countOf(totals.unnamed, 'unnamed constant'),
  ];
  return `${countOf(totals.all, 'suffixed symbol')}: ${kinds.join(', ')}`;
}

/** The suffixed symbols that come from one translation unit. */
export interface UnitGroup {
  /** Null for those whose unit is not known. */
  readonly tu: string | null;
  readonly source: string | null;
  readonly symbols: readonly ReportSymbol[];
  readonly functions: number;
}

const KINDS: readonly ReportSymbol['kind'][] = ['function', 'data', 'unnamed'];

/** The symbols with functions first, then data, then unnamed constants; else in the order given. */
export function byKind(symbols: readonly ReportSymbol[]): readonly ReportSymbol[] {
  return symbols.toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

/** Groups symbols by translation unit: most functions first, then most symbols, then by name. */
export function byUnit(symbols: readonly ReportSymbol[]): readonly UnitGroup[] {
  const groups = new Map<string | null, ReportSymbol[]>();
  for (const symbol of symbols) {
    const group = groups.get(symbol.tu);
    if (group === undefined) groups.set(symbol.tu, [symbol]);
    else group.push(symbol);
  }
  return [...groups]
    .map(([tu, members]) => ({
      tu,
      source: members[0]?.source ?? null,
      symbols: byKind(members),
      functions: members.filter(({ kind }) => kind === 'function').length,
    }))
    .sort(
      (a, b) =>
        b.functions - a.functions ||
        b.symbols.length - a.symbols.length ||
        ((a.tu ?? '') < (b.tu ?? '') ? -1 : 1),
    );
}

function reduction({ lto, suffixReduction }: Report['build']): string {
  const { requested, chosen, effective } = suffixReduction;
  const asked = requested === chosen ? `${requested} requested` : `${requested} requested, ${chosen} chosen`;
  if (lto === 'full' || lto === 'none') return `${asked}; this mode promotes nothing`;
  const seen =
    effective === 'unknown' ? 'the objects do not tell' : effective ? 'in effect' : 'not in effect';
  return `${asked}; ${seen}`;
}

function coverage(found: Report['build']['lto_coverage']): string {
  if (found === null) return 'not audited';
  const { bitcode, native, suspect } = found;
  return `${countOf(bitcode, 'object')} as bitcode, ${native} native by right, ${suspect.length} suspect`;
}

function times({ phases, started, finished }: Report['build']): string {
  const total = (Date.parse(finished) - Date.parse(started)) / 1000;
  const parts = phases.map(({ name, seconds }) => `${name} ${duration(seconds)}`);
  return [`${duration(Math.max(0, total))} in all`, ...parts].join('; ');
}
