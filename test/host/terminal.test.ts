import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { cacheFolderPath, openCacheFolder } from '../../src/host/folders.ts';
import { inGroup } from '../../src/host/host.ts';
import { terminalHost } from '../../src/host/terminal.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-terminal-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

function openTerminal(env: Record<string, string | undefined>, isTTY: boolean) {
  let out = '';
  let err = '';
  const host = terminalHost({
    env,
    signal: new AbortController().signal,
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text), isTTY, columns: 80 },
  });
  return { host, read: () => ({ out, err }) };
}

test('results go to standard output, and all else to standard error', async () => {
  const { host, read } = openTerminal({ HOME: scratch }, false);
  host.log.info('line\x1b[31m');
  host.log.warning('careful');
  host.log.debug('not asked for');
  host.log.output('  CC  x.o');
  host.log.diagnostic({ level: 'error', message: 'no such thing', file: 'a/b.c', line: 3, column: 4 });
  host.annotate([{ level: 'notice', message: 'whole', file: 'x' }]);
  await inGroup(host, 'Part', async () => host.log.info('inside'));
  host.result('the result');
  host.result('two\n');
  assert.deepEqual(read(), {
    out: 'the result\ntwo\n',
    err: 'line␛[31m\nwarning: careful\na/b.c:3:4: error: no such thing\nx: notice: whole\n== Part\ninside\n',
  });
});

test('colours and a bar are for a terminal that can show them', () => {
  const shown = (env: Record<string, string>, isTTY = true) => {
    const { host, read } = openTerminal({ HOME: scratch, ...env }, isTTY);
    host.progress('work', 'items').update(1, 2);
    host.log.warning('careful');
    const { err } = read();
    return { bar: err.includes('\x1b[K'), colors: err.includes('\x1b[33m') };
  };
  assert.deepEqual(shown({ TERM: 'xterm' }), { bar: true, colors: true });
  assert.deepEqual(shown({ TERM: 'xterm', NO_COLOR: '1' }), { bar: true, colors: false });
  assert.deepEqual(shown({ TERM: 'xterm', NO_COLOR: '' }), { bar: true, colors: true });
  assert.deepEqual(shown({ TERM: 'dumb' }), { bar: false, colors: false });
  assert.deepEqual(shown({ TERM: 'xterm', CI: 'true' }), { bar: false, colors: false });
  assert.deepEqual(shown({ TERM: 'xterm' }, false), { bar: false, colors: false });
});

test('the cache folder is the named one, else below the cache folder of the user', () => {
  const HOME = '/home/me';
  assert.equal(cacheFolderPath({ HOME }), '/home/me/.cache/kernel-thinlto');
  assert.equal(cacheFolderPath({ HOME, XDG_CACHE_HOME: '/c' }), '/c/kernel-thinlto');
  assert.equal(cacheFolderPath({ HOME, XDG_CACHE_HOME: 'c' }), '/home/me/.cache/kernel-thinlto');
  assert.equal(cacheFolderPath({ HOME, XDG_CACHE_HOME: '/c', KERNEL_THINLTO_CACHE: '/k' }), '/k');
  assert.ok(path.isAbsolute(cacheFolderPath({})));
});

test('a host makes its folder when it is asked for it, and tells tool-cache where to work', () => {
  const env: Record<string, string | undefined> = {
    KERNEL_THINLTO_CACHE: path.join(scratch, 'made'),
    RUNNER_TEMP: '/t',
  };
  const { host } = openTerminal(env, false);
  assert.equal(existsSync(path.join(scratch, 'made')), false);
  assert.equal(host.cacheFolder, path.join(scratch, 'made'));
  assert.equal(existsSync(host.cacheFolder), true);
  assert.deepEqual([env.RUNNER_TOOL_CACHE, env.RUNNER_TEMP], [path.join(scratch, 'made/tools'), '/t']);
});

test('a cache folder that cannot be written is a mistake that says the way out', () => {
  const file = path.join(scratch, 'file');
  writeFileSync(file, '');
  const way = /; set KERNEL_THINLTO_CACHE to a folder that can$/;
  for (const [folder, cause] of [
    [path.join(file, 'below'), /\(ENOTDIR: not a directory\)/],
    [file, /\(EEXIST: file already exists\)/],
  ] as const) {
    assert.throws(
      () => openCacheFolder({ KERNEL_THINLTO_CACHE: folder }),
      (error: Error) => {
        assert.equal(error.name, 'UserError');
        assert.ok(error.message.startsWith(`cache folder: ${folder} cannot be written `), error.message);
        assert.match(error.message, cause);
        assert.match(error.message, way);
        return true;
      },
    );
  }
});
