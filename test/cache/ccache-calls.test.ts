import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readCalls } from '../../src/cache/ccache-calls.ts';

test('every call of a statistics log has its result', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'calls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'log');
  // As ccache 4.14.2 wrote it.
  writeFileSync(
    file,
    [
      '# /src/mm/slub.c',
      'cache_miss',
      'direct_cache_miss',
      'local_storage_miss',
      'local_storage_read_miss',
      'local_storage_write',
      '# /src/mm/slub.c',
      'direct_cache_hit',
      'local_storage_hit',
      '# ',
      'no_input_file',
      '# mm/slub.o',
      'cache_miss',
      'direct_cache_miss',
      'preprocessed_cache_miss',
      '# mm/slub.o',
      'preprocessed_cache_hit',
      '# /src/a.S',
      'unsupported_code_directive',
      '',
    ].join('\n'),
  );
  const calls = [];
  for await (const { input, result, counter } of readCalls(file)) calls.push([input, result, counter]);
  assert.deepEqual(calls, [
    ['/src/mm/slub.c', 'miss', ''],
    ['/src/mm/slub.c', 'hit', ''],
    ['', 'uncached', 'no_input_file'],
    ['mm/slub.o', 'miss', ''],
    ['mm/slub.o', 'hit', ''],
    ['/src/a.S', 'uncached', 'unsupported_code_directive'],
  ]);
});
