import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildsFolder, built, inputsOf } from '../services/built.ts';
import { type CacheService, serveCache } from '../services/cache-service.ts';
import { type ActionRun, runAction } from '../services/runner.ts';
import { runtimeToken } from '../services/runtime-token.ts';
import { testTree } from '../services/tree.ts';

const ACTION = fileURLToPath(new URL('../..', import.meta.url));
let cache: CacheService;
before(async () => {
  cache = await serveCache();
});
after(() => cache.close());

const output = () => path.join(buildsFolder(), 'action-cache');

/** One job of the default branch, on a machine of its own, with GitHub's cache. */
async function job(more: Partial<ActionRun> = {}) {
  rmSync(output(), { recursive: true, force: true });
  const inputs = {
    ...inputsOf('thin-dist-on'),
    output: output(),
    'report-dir': `${output()}-report`,
    cache: 'auto',
    ...more.inputs,
  };
  const token = runtimeToken({ run: '1', job: '1' });
  const run = await runAction({
    action: ACTION,
    context: { 'github.token': 'ghs_x' },
    services: { url: cache.url, token },
    event: { repository: { default_branch: 'main' } },
    workspace: testTree(),
    ...more,
    inputs,
  });
  assert.equal(run.main.exitCode, 0, run.main.log.slice(-4000));
  assert.equal(run.post?.exitCode, 0, run.post?.log);
  const report = JSON.parse(readFileSync(`${output()}-report/report.json`, 'utf8'));
  const [state, compiler] = report.build.cache.levels;
  return { ...run, saved: report.build.cache.saved as string, state, compiler };
}

const digest = (folder: string) =>
  createHash('sha256')
    .update(readFileSync(path.join(folder, 'vmlinux')))
    .digest('hex');

test('a job goes on from the last one of the default branch, and builds the same kernel', {
  timeout: 1_200_000,
}, async () => {
  const whole = digest(built('thin-dist-on').output);

  const cold = await job();
  assert.equal(digest(output()), whole);
  assert.match(cold.state.status, /^not restored: no entry/);
  assert.equal(cache.stored.length, 1, 'the post step saves one entry');
  const [entry] = cache.stored;
  assert.match(
    entry?.key ?? '',
    /^kernel-thinlto\.1-x86_64-llvm23[\w.]+-tinyconfig\.thin_dist-[0-9a-f]{16}$/,
  );

  const warm = await job();
  assert.equal(digest(output()), whole);
  assert.match(warm.state.status, /^restored from kernel-thinlto.*: 0 of \d+ source files differ$/);
  assert.deepEqual(warm.state.misses, []);
  assert.match(warm.saved, /^nothing saved: nothing new was made/);
  assert.equal(cache.stored.length, 1);
  assert.match(warm.main.summary, /### Cache/);

  // Without its output folder the compiler cache has it all.
  const off = await job({ event: { repository: { default_branch: 'trunk' } } });
  assert.match(off.saved, /refs\/heads\/main is not the default branch \(trunk\)/);
  assert.equal(digest(output()), whole);
  assert.equal(cache.stored.length, 1);
});

test('a cache service that fails costs a build its time, and fails nothing', {
  timeout: 600_000,
}, async () => {
  cache.fail('lookup', { status: 503 });
  cache.fail('reserve', { status: 500 });
  const { main, post, state, saved } = await job({ inputs: { targets: 'init/main.o' } });
  cache.fail('lookup');
  cache.fail('reserve');
  assert.match(state.status, /^not restored: .*503/);
  assert.match(saved, /^to be saved as /);
  assert.match(post?.log ?? '', /Cache: nothing saved: .*500/);
  const errors = [...main.commands, ...(post?.commands ?? [])].filter(({ name }) => name === 'error');
  assert.deepEqual(errors, []);
});

test('a job that is cancelled leaves its compiles to the next one', { timeout: 600_000 }, async () => {
  const before = cache.stored.length;
  rmSync(output(), { recursive: true, force: true });
  const inputs = { ...inputsOf('thin-dist-on'), output: output(), 'report-dir': `${output()}-report` };
  const { main } = await runAction({
    action: ACTION,
    context: { 'github.token': 'ghs_x' },
    services: { url: cache.url, token: runtimeToken({ run: '2', job: '1' }) },
    event: { repository: { default_branch: 'main' } },
    workspace: testTree(),
    inputs: { ...inputs, cache: 'auto', 'cache-key': 'cancelled', kconfig: 'CONFIG_64BIT=y\nCONFIG_BUG=y' },
    cancelAt: / {2}CC {6}kernel\//,
  });
  assert.equal(main.exitCode, 130);
  assert.equal(cache.stored.length, before + 1);
  assert.match(
    cache.stored.at(-1)?.key ?? '',
    /^unfinished-kernel-thinlto\.1-x86_64-.*cancelled\.thin_dist-/,
  );
});
