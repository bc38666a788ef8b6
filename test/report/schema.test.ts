import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditBuild } from '../../src/audit/audit.ts';
import { DIAGNOSTICS_LIMIT, type Report } from '../../src/report/schema.ts';
import { assertFitsSchema, fitsSchema, reportSchema } from '../services/report-schema.ts';
import { smallBuild } from '../services/small-build.ts';
import { sampleReport, sampleSymbol } from './sample.ts';

test('a report of what was read from real objects fits the schema', () => {
  const build = smallBuild({ mode: 'thin-dist', reduction: false });
  try {
    const { image, coverage } = auditBuild({ ...build, mode: 'thin-dist' });
    assert.ok(image.totals.all > 3);
    assertFitsSchema({ ...sampleReport([], { lto_coverage: coverage }), images: [image] });
  } finally {
    build.remove();
  }
});

test('a failed build fits the schema', () => {
  const item = { level: 'error', message: 'use of undeclared identifier', file: 'mm/a.c', line: 3 } as const;
  const base = sampleReport([], {
    lto_coverage: null,
    configDigest: null,
    diagnostics: { total: 400, items: Array.from({ length: DIAGNOSTICS_LIMIT }, () => item) },
  });
  const failed: Report = { ...base, status: 'failed', failure: 'the build failed', images: [] };
  assertFitsSchema(failed);
  const effective = { ...base.build.suffixReduction, effective: 'unknown' as const };
  assertFitsSchema({ ...failed, build: { ...failed.build, suffixReduction: effective } });
});

test('what a reader may not rely on is refused', () => {
  const good = sampleReport([sampleSymbol()]);
  assertFitsSchema(good);
  const symbol = (changes: object) => ({
    ...good,
    images: [{ ...good.images[0], symbols: [{ ...sampleSymbol(), ...changes }] }],
  });
  const bad: Record<string, unknown> = {
    'another version': { ...good, schema: 2 },
    'a field more': { ...good, extra: 1 },
    'a number as hash': symbol({ hash: 14490444001186978000 }),
    'a hash in hexadecimal': symbol({ hash: '0xc91' }),
    'no TU': symbol({ tu: undefined }),
    'an unknown kind': symbol({ kind: 'constant' }),
    'a size in parts of a byte': symbol({ size: 0.5 }),
    'no coverage': { ...good, build: { ...good.build, lto_coverage: undefined } },
    'an unknown mode': { ...good, build: { ...good.build, lto: 'auto' } },
  };
  for (const [what, report] of Object.entries(bad)) {
    assert.ok(!fitsSchema(report), what);
  }
});

test('every field of the schema says what it is', () => {
  const undescribed: string[] = [];
  const walk = (node: Record<string, unknown>, at: string) => {
    for (const [name, field] of Object.entries(
      (node.properties ?? {}) as Record<string, Record<string, unknown>>,
    )) {
      if (field.description === undefined && field.$ref === undefined && field.enum === undefined)
        undescribed.push(`${at}.${name}`);
      walk(field, `${at}.${name}`);
      if (field.items !== undefined) walk(field.items as Record<string, unknown>, `${at}.${name}[]`);
    }
  };
  walk(reportSchema, '');
  for (const [name, part] of Object.entries(reportSchema.$defs)) walk(part as Record<string, unknown>, name);
  assert.deepEqual(undescribed, []);
});
