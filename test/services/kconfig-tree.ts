import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Kconfig } from '../../src/kernel/kconfig/model.ts';
import { parseKconfig } from '../../src/kernel/kconfig/parse.ts';

const made: string[] = [];
// node:test's after() would remove a folder with the test, or hook, that asked for it.
process.once('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** Writes files, by their paths, into a new folder that is removed after the tests of the file. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'kernel-tree-'));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** Reads Kconfig files as those of x86_64; a text stands for the top one. */
export function kconfigOf(files: string | Readonly<Record<string, string>>): Kconfig {
  return parseKconfig(folderOf(typeof files === 'string' ? { Kconfig: files } : files), 'x86', 'x86_64');
}
