import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { cacheMakefile } from '../../src/cache/compiler-folder.ts';
import { findEmbedding } from '../../src/cache/embedding.ts';
import { archOf } from '../../src/values/arch.ts';
import { testHost } from '../services/host.ts';

test('what includes other files bytes is found, at first and again', async (t) => {
  const tree = mkdtempSync(path.join(tmpdir(), 'embedding-'));
  t.after(() => rmSync(tree, { recursive: true, force: true }));
  const put = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    writeFileSync(path.join(tree, name), text);
  };
  put('kernel/configs.c', 'asm(".incbin \\"kernel/config_data.gz\\"");\n');
  put('kernel/fork.c', 'int fork;\n');
  put('usr/initramfs_data.S', '.incbin "x"\n');
  put('arch/arm64/a.c', 'asm(".incbin x");\n');
  put('tools/a.c', 'asm(".incbin x");\n');
  const find = (before?: readonly string[], changed: readonly string[] = []) =>
    findEmbedding(testHost(), tree, archOf('x86_64'), before, changed);
  assert.deepEqual(await find(), ['kernel/configs.c']);
  put('kernel/fork.c', 'asm(".incbin x");\n');
  assert.deepEqual(await find(['kernel/configs.c'], ['kernel/fork.c']), [
    'kernel/configs.c',
    'kernel/fork.c',
  ]);
  rmSync(path.join(tree, 'kernel/configs.c'));
  put('kernel/fork.c', 'int fork;\n');
  assert.deepEqual(await find(['kernel/configs.c', 'kernel/fork.c'], ['kernel/fork.c']), []);
});

test('their back ends are not cached: of a C file its own, of a header all', () => {
  const folder = '/out/.kernel-thinlto/bin/';
  assert.match(
    cacheMakefile(folder, ['kernel/configs.c']),
    /^kernel\/configs\.thinlto-native\.o: export CCACHE_DISABLE := 1$/m,
  );
  assert.match(
    cacheMakefile(folder, ['include/linux/embed.h']),
    /^%\.thinlto-native\.o: export CCACHE_DISABLE := 1$/m,
  );
  assert.doesNotMatch(cacheMakefile(folder, []), /CCACHE_DISABLE/);
});
