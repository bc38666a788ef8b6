import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/values/version.ts';
import { COMMAND, oldestNode } from '../services/built.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('dist/ is what src/ builds to', () => {
  const fresh = mkdtempSync(path.join(os.tmpdir(), 'kernel-thinlto-dist-'));
  try {
    execFileSync(process.execPath, ['scripts/build.mjs', fresh], { cwd: ROOT, stdio: 'ignore' });
    assert.deepEqual(filesOf(fresh), filesOf(path.join(ROOT, 'dist')), 'build it again: npm run build');
    for (const name of filesOf(fresh)) {
      const same = readFileSync(path.join(fresh, name)).equals(readFileSync(path.join(ROOT, 'dist', name)));
      assert.ok(same, `dist/${name} is stale; build it again: npm run build`);
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
});

test('the version is that of package.json', () => {
  assert.equal(JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version, VERSION);
});

for (const [words, code, text] of [
  [['--version'], 0, /^kernel-thinlto \d/],
  [['--help'], 0, /kernel-thinlto build \[flags\]/],
  [['build', '--help'], 0, /--suffix-reduction WHEN/],
  [['toolchain', 'install', '--help'], 0, /--llvm-version VERSION/],
  [[], 2, /kernel-thinlto demo/],
  [['biuld'], 2, /'biuld' is not a command/],
  [['toolchain'], 2, /'toolchain' is not a command/],
  [['build', '--arch', 'vax'], 2, /^kernel-thinlto: arch: 'vax'/],
] as const) {
  test(`the bundle under the oldest Node: ${words.join(' ') || '(no words)'}`, () => {
    const result = spawnSync(oldestNode(), [COMMAND, ...words], { encoding: 'utf8' });
    assert.equal(result.status, code, result.stderr);
    assert.match(result.stdout + result.stderr, text);
  });
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}
