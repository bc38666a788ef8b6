import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { differing, readSources } from '../../src/cache/sources.ts';
import { testHost } from '../services/host.ts';

function tree(t: { after(work: () => void): void }, git: boolean) {
  const folder = mkdtempSync(path.join(tmpdir(), 'sources-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const run = (...args: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args]);
  write('Makefile', 'VERSION = 7\n');
  write('mm/slub.c', 'int slub;\n');
  write('include/linux/mm.h', '#define MM 1\n');
  write('.gitignore', '*.ignored\n');
  symlinkSync('slub.c', path.join(folder, 'mm/link.c'));
  if (git) {
    run('init', '-q');
    run('add', '-A');
    run('commit', '-qm', 'base');
  }
  const read = () => readSources(testHost(), folder, [path.join(folder, 'out')]);
  return { folder, write, run, read };
}

for (const git of [true, false]) {
  const kind = git ? 'git' : 'digests';
  test(`${kind}: content tells, and times do not`, async (t) => {
    const { folder, write, read } = tree(t, git);
    const before = await read();
    assert.equal(before.kind, kind);
    const { mtimeMs } = statSync(path.join(folder, 'mm/slub.c'));
    const seconds = mtimeMs / 1000;
    // The same content at another time.
    utimesSync(path.join(folder, 'Makefile'), seconds + 100, seconds + 100);
    assert.deepEqual(differing(before, await read()), []);
    // Other content of the same size at the same time.
    write('mm/slub.c', 'int slab;\n');
    utimesSync(path.join(folder, 'mm/slub.c'), seconds, seconds);
    assert.deepEqual(differing(before, await read()), ['mm/slub.c']);
    write('mm/slub.c', 'int slub;\n');
    assert.deepEqual(differing(before, await read()), []);
  });

  test(`${kind}: new, deleted, renamed and ignored files, links and modes`, async (t) => {
    const { folder, write, read } = tree(t, git);
    const before = await read();
    write('mm/new.c', 'int n;\n');
    write('mm/local.ignored', 'x\n');
    assert.deepEqual(differing(before, await read()).toSorted(), ['mm/local.ignored', 'mm/new.c']);
    rmSync(path.join(folder, 'mm/new.c'));
    rmSync(path.join(folder, 'mm/local.ignored'));
    rmSync(path.join(folder, 'include/linux/mm.h'));
    assert.deepEqual(differing(before, await read()), ['include/linux/mm.h']);
    write('include/linux/mm.h', '#define MM 1\n');
    rmSync(path.join(folder, 'mm/link.c'));
    symlinkSync('other.c', path.join(folder, 'mm/link.c'));
    assert.deepEqual(differing(before, await read()), ['mm/link.c']);
  });

  test(`${kind}: an output folder inside the tree is none of its files`, async (t) => {
    const { write, read } = tree(t, git);
    const before = await read();
    write('out/vmlinux.o', 'x');
    assert.deepEqual(differing(before, await read()), []);
  });
}

test('git: what git was told not to look at is read all the same', async (t) => {
  const { write, run, read } = tree(t, true);
  const before = await read();
  run('update-index', '--assume-unchanged', 'mm/slub.c');
  run('update-index', '--skip-worktree', 'include/linux/mm.h');
  assert.deepEqual(differing(before, await read()), []);
  write('mm/slub.c', 'int slab;\n');
  write('include/linux/mm.h', '#define MM 2\n');
  assert.deepEqual(differing(before, await read()).toSorted(), ['include/linux/mm.h', 'mm/slub.c']);
});

test('git: a commit of an edit is no further difference', async (t) => {
  const { write, run, read } = tree(t, true);
  write('mm/slub.c', 'int slab;\n');
  const edited = await read();
  run('commit', '-qam', 'edit');
  assert.deepEqual(differing(edited, await read()), []);
});

test('git: a repository that converts line ends, and one that the tree is no part of, are read file by file', async (t) => {
  const { run, read, folder } = tree(t, true);
  run('config', 'core.autocrlf', 'input');
  assert.equal((await read()).kind, 'digests');
  run('config', '--unset', 'core.autocrlf');
  const inner = path.join(folder, 'unpacked');
  mkdirSync(inner);
  writeFileSync(path.join(inner, 'Makefile'), 'VERSION = 6\n');
  const sources = await readSources(testHost(), inner, [path.join(inner, 'out')]);
  assert.deepEqual([...sources.ids.keys()], ['Makefile']);
});

test('a list by git and one by digests have nothing in common', async (t) => {
  const { read, folder } = tree(t, true);
  const before = await read();
  rmSync(path.join(folder, '.git'), { recursive: true });
  const now = await read();
  assert.equal(now.kind, 'digests');
  assert.equal(differing(before, now).length, before.ids.size);
});
