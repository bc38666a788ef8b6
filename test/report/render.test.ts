import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { code, oneLine } from '../../src/report/escape.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { duration } from '../../src/report/numbers.ts';
import type { Report } from '../../src/report/schema.ts';
import { renderText } from '../../src/report/text.ts';
import { writeReport } from '../../src/report/write.ts';
import { UserError } from '../../src/values/error.ts';
import { sampleReport, sampleSymbol } from './sample.ts';

const HOSTILE = [
  '<img src=x onerror=alert(1)>',
  'a|b',
  'a\\|b',
  '`code`',
  '``` fence',
  'line\nbreak | x |\n# heading',
  '[link](https://evil.example)',
  '@octocat',
  'x`@octocat me@evil.example',
  '</details><script>',
  '\u001b[31mred\u001b[0m\u009b1m',
  '\u202egnirts',
  '::error::forged',
  '',
  '&lt;b&gt;',
];

/** What a browser can be made to act on, once code spans and numbered characters are taken away. */
function active(markdown: string): string {
  return markdown.replace(/`[^`\n]+`/g, '').replace(/&#[0-9]+;/g, '');
}

test('code shows any text as one harmless piece', () => {
  for (const text of HOSTILE) {
    const shown = code(text);
    assert.doesNotMatch(shown, /[\n\r\u001b\u009b\u202e]/);
    assert.doesNotMatch(shown, /\|/);
    assert.match(active(shown), /^(?:<code>[A-Za-z0-9 ]*<\/code>)?$/, shown);
  }
  assert.equal(code('m_stop.llvm.5'), '`m_stop.llvm.5`');
  assert.equal(code('a|b'), '<code>a&#124;b</code>');
});

test('text has nothing in it that a terminal obeys', () => {
  assert.equal(oneLine('a\u001b[0m\tb\r\n'), 'a\\u{1b}[0m\\u{9}b\\u{d}\\u{a}');
  const symbols = HOSTILE.map((name) => sampleSymbol({ name, symbol: name, tu: name, source: name }));
  const text = renderText(sampleReport(symbols));
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  assert.doesNotMatch(text, /^::/m);
});

test('Markdown of hostile names has the same tables, and no markup of theirs', () => {
  const hostile = HOSTILE.map((text) =>
    sampleSymbol({ name: text, symbol: text, tu: text, source: text, section: text }),
  );
  const base = sampleReport(hostile);
  const text = HOSTILE.join(' ');
  const report: Report = {
    ...base,
    status: 'failed',
    failure: text,
    build: {
      ...base.build,
      kernelVersion: text,
      arch: text,
      makeLine: text,
      phases: [{ name: text, seconds: 1 }],
      suffixReduction: { ...base.build.suffixReduction, evidence: HOSTILE },
      toolchain: { ...base.build.toolchain, version: text, abilities: HOSTILE },
      lto_coverage: { bitcode: 1, native: 1, suspect: HOSTILE.map((object) => ({ object, reason: object })) },
      diagnostics: {
        total: 1,
        items: HOSTILE.map((message) => ({ level: 'error', message, file: message, line: 1 })),
      },
      files: HOSTILE.map((what) => ({ what, path: what })),
    },
  };
  const markdown = renderMarkdown(report);
  const left = active(markdown);
  assert.doesNotMatch(left, /<(?!\/?(?:details|summary|code)>)/);
  assert.doesNotMatch(left, /[@[\]\\]|https?:|www\./);
  for (const line of left.split('\n').filter((one) => one.startsWith('|'))) {
    // Tables of two, four and six columns.
    assert.ok([3, 5, 7].includes(line.split('|').length - 1), line);
  }
  assert.equal(left.match(/<details>/g)?.length, left.match(/<\/details>/g)?.length);
  const rows = markdown.split('\n').filter((line) => line.startsWith('| ') && line.endsWith(' |'));
  assert.ok(rows.length > HOSTILE.length);
});

test('Markdown stays within its bound, and says what it leaves out', () => {
  const symbols = Array.from({ length: 60_000 }, (_, index) =>
    sampleSymbol({ name: `f${index}`, symbol: `f${index}.llvm.${index}`, tu: `drivers/${index % 900}.o` }),
  );
  const markdown = renderMarkdown(sampleReport(symbols));
  assert.ok(Buffer.byteLength(markdown) <= 900_000);
  assert.ok(Buffer.byteLength(markdown) > 700_000);
  const shown = markdown.split('\n').filter((line) => line.startsWith('| `f')).length;
  assert.ok(markdown.includes(`Symbols: ${60_000 - shown} more: see report.json`));
  assert.ok(markdown.trimEnd().endsWith('</details>'));

  const long = '|'.repeat(5000);
  const worst = sampleReport(
    Array.from({ length: 2000 }, () => sampleSymbol({ symbol: long, name: long, tu: long })),
    {
      makeLine: long.repeat(100),
      diagnostics: {
        total: 200,
        items: Array.from({ length: 200 }, () => ({
          level: 'error' as const,
          message: long,
          file: long,
          line: 1,
        })),
      },
    },
  );
  const bounded = renderMarkdown(worst);
  assert.ok(Buffer.byteLength(bounded) <= 900_000);
  assert.equal(bounded.match(/<details>/g)?.length, bounded.match(/<\/details>/g)?.length);
});

test('the text says what was built, with what, and where symbols come from', () => {
  const symbols = [
    ...Array.from({ length: 30 }, (_, unit) =>
      sampleSymbol({ kind: 'data', name: `d${unit}`, tu: `lib/u${unit}.o` }),
    ),
    sampleSymbol({ name: 'one', tu: 'mm/many.o' }),
    sampleSymbol({ name: 'two', tu: 'mm/many.o' }),
    sampleSymbol({ name: 'lost', tu: null, source: null, kind: 'unnamed' }),
  ];
  const text = renderText(sampleReport(symbols));
  for (const expected of [
    '7.3.4, x86_64',
    'LLVM 23.1.4 from debian',
    'auto requested, on chosen; in effect',
    '466 objects as bitcode, 28 native by right, 0 suspect',
    '2 min 53 s in all; front end 1 min 40 s; thin link 0.4 s',
    'vmlinux: 33 suffixed symbols: 2 functions, 30 data objects, 1 unnamed constant',
    'make -C /src O=/out LLVM=/llvm/bin/ -j2',
    '/out/arch/x86/boot/bzImage',
  ]) {
    assert.ok(text.includes(expected), `${expected} in\n${text}`);
  }
  assert.match(text, /vmlinux: .*\n {2}mm\/many\.o +2 \(2 functions\): one, two\n/);
  assert.match(text, /22 more symbols from 22 more translation units: see report\.json/);
  assert.ok(text.split('\n').length <= 40);
});

test('a failed build shows its first error and its log', () => {
  const base = sampleReport([], {
    lto_coverage: null,
    diagnostics: {
      total: 2,
      items: [
        { level: 'warning', message: 'unused variable', file: 'mm/b.c', line: 9 },
        { level: 'error', message: 'expected ;', file: 'mm/a.c', line: 3 },
      ],
    },
  });
  const failed: Report = {
    ...base,
    status: 'failed',
    failure: 'make ended with 2 in the front end',
    images: [],
  };
  const text = renderText(failed);
  assert.match(text, /FAILED: make ended with 2 in the front end\n {2}mm\/a\.c:3: expected ;\n/);
  assert.ok(
    text.includes('/report/build.log') && text.includes('not audited') && !text.includes('unused variable'),
  );
  const markdown = renderMarkdown(failed);
  assert.match(markdown, /^## Kernel build failed\n\n\*\*Failed:\*\* `make ended with 2 in the front end`\n/);
  assert.ok(
    markdown.includes('- error `mm/a.c:3`: `expected ;`') && markdown.includes('`/report/build.log`'),
  );
});

test('suspect objects are named', () => {
  const suspect = Array.from({ length: 30 }, (_, index) => ({ object: `a${index}.o`, reason: 'is native' }));
  const report = sampleReport([], { lto_coverage: { bitcode: 1, native: 2, suspect } });
  assert.match(
    renderText(report),
    /30 objects did not go through LTO:\n {2}a0\.o: is native\n(?: {2}a.*\n){4} {2}and 25 more: see report\.json/,
  );
  assert.match(
    renderMarkdown(report),
    /### 30 objects did not go through LTO\n\n- `a0\.o`: `is native`\n(?:- `a.*\n){19}- and 10 more: see report\.json/,
  );
});

test('durations are told in units', () => {
  assert.deepEqual([0.04, 9.96, 59.4, 59.6, 185, 3725].map(duration), [
    '0.0 s',
    '10.0 s',
    '59 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 02 min',
  ]);
});

test('the three files are written whole, or the folder is named', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'report-'));
  try {
    const report = sampleReport([sampleSymbol()]);
    const paths = writeReport(report, path.join(folder, 'new/report'));
    assert.deepEqual(JSON.parse(readFileSync(paths.json, 'utf8')), report);
    assert.equal(readFileSync(paths.text, 'utf8'), renderText(report));
    assert.equal(readFileSync(paths.markdown, 'utf8'), renderMarkdown(report));
    assert.deepEqual(readdirSync(path.dirname(paths.json)).sort(), [
      'report.json',
      'report.md',
      'report.txt',
    ]);
    writeFileSync(path.join(folder, 'file'), '');
    assert.throws(() => writeReport(report, path.join(folder, 'file')), UserError);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
