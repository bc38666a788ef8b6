import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderText } from '../../src/report/text.ts';
import type { CacheReport } from '../../src/values/cache.ts';
import { sampleReport } from './sample.ts';

const CACHE: CacheReport = {
  store: "GitHub's cache",
  key: [
    ['architecture', 'x86_64'],
    ['family', 'defconfig.thin_dist'],
  ],
  levels: [
    {
      name: 'output folder',
      status: 'restored from kernel-thinlto.1-x: 1 of 96057 source files differ',
      hits: 5800,
      misses: [
        { reason: 'its bitcode or its index differs', count: 12 },
        { reason: 'its source differs', count: 1 },
      ],
      bytesBefore: 154e6,
      bytesAfter: 155e6,
      secondsSpent: 9.2,
      secondsSaved: 2400,
    },
    {
      name: 'compiler cache',
      status: 'not used: <b>no</b> ccache | here',
      hits: 0,
      misses: [],
      bytesBefore: 0,
      bytesAfter: 0,
      secondsSpent: 0,
      secondsSaved: null,
    },
  ],
  saved: 'to be saved as kernel-thinlto.1-x',
};

test('the summary has a row for each level, with its misses by reason', () => {
  const page = renderMarkdown(sampleReport([], { cache: CACHE }));
  assert.match(page, /^### Cache$/m);
  const row = page.split('\n').find((line) => line.startsWith('| `output folder`'));
  assert.match(
    row ?? '',
    /5800.*12: its bitcode or its index differs; 1: its source differs.*154 MB, now 155 MB.*40 min/,
  );
  assert.match(page, /restored from kernel-thinlto\.1-x/);
  assert.ok(!page.includes('<b>no</b>'));
  assert.ok(!renderMarkdown(sampleReport([])).includes('### Cache'));
});

test('a terminal gets the same', () => {
  const text = renderText(sampleReport([], { cache: CACHE }));
  assert.match(text, /output folder: 5800 reused; made anew: 12: its bitcode/);
  assert.match(text, /saved: not known/);
  assert.match(text, /key: architecture x86_64, family defconfig\.thin_dist/);
});
