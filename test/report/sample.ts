import type { Report, ReportSymbol } from '../../src/report/schema.ts';

/** A symbol of a report, with what a test changes about it. */
export function sampleSymbol(changes: Partial<ReportSymbol> = {}): ReportSymbol {
  return {
    symbol: 'm_stop.llvm.14490444001186977707',
    name: 'm_stop',
    kind: 'function',
    section: '.text',
    size: 24,
    hash: '14490444001186977707',
    tu: 'fs/namespace.o',
    source: 'fs/namespace.c',
    ...changes,
  };
}

/** A report of a built kernel with the symbols given. */
export function sampleReport(symbols: readonly ReportSymbol[], build: Partial<Report['build']> = {}): Report {
  const count = (kind: string) => symbols.filter((symbol) => symbol.kind === kind).length;
  return {
    schema: 1,
    status: 'ok',
    failure: null,
    build: {
      arch: 'x86_64',
      lto: 'thin-dist',
      suffixReduction: {
        requested: 'auto',
        chosen: 'on',
        effective: true,
        evidence: ['303 statics became a global'],
      },
      kernelVersion: '7.3.4',
      commit: null,
      configDigest: 'c'.repeat(64),
      toolchain: {
        version: '23.1.4',
        source: 'debian',
        digest: 'd'.repeat(64),
        abilities: ['ThinLTO, in-process: yes'],
      },
      makeLine: 'make -C /src O=/out LLVM=/llvm/bin/ -j2',
      started: '2026-11-21T05:14:00.000Z',
      finished: '2026-11-21T05:16:53.400Z',
      phases: [
        { name: 'front end', seconds: 100.2 },
        { name: 'thin link', seconds: 0.44 },
      ],
      lto_coverage: { bitcode: 466, native: 28, suspect: [] },
      diagnostics: { total: 0, items: [] },
      cache: null,
      files: [
        { what: 'kernel image', path: '/out/arch/x86/boot/bzImage' },
        { what: 'build log', path: '/report/build.log' },
      ],
      ...build,
    },
    images: [
      {
        path: 'vmlinux',
        totals: {
          all: symbols.length,
          functions: count('function'),
          data: count('data'),
          unnamed: count('unnamed'),
        },
        symbols,
      },
    ],
  };
}
