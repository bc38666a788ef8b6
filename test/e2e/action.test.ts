import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OUTPUTS } from '../../src/request/outputs.ts';
import { type ArtifactServer, serveArtifacts } from '../services/artifacts.ts';
import { buildsFolder, inputsOf, markBuilt } from '../services/built.ts';
import { type ActionRun, runAction } from '../services/runner.ts';
import { runtimeToken } from '../services/runtime-token.ts';
import { readZip } from '../services/zip.ts';

const ACTION = fileURLToPath(new URL('../..', import.meta.url));
let artifacts: ArtifactServer;
before(async () => {
  artifacts = await serveArtifacts();
});
after(() => artifacts.close());

const run = (more: Partial<ActionRun>) =>
  runAction({
    action: ACTION,
    context: { 'github.token': 'ghs_a_token_that_is_secret' },
    services: { url: artifacts.url, token: runtimeToken({ run: '1', job: '1' }) },
    ...more,
  });

test('the action builds a kernel, sets its outputs, writes its summary, and uploads its report', async () => {
  const inputs = inputsOf('thin-on');
  const { main, post } = await run({ inputs, workspace: inputs.source ?? '' });
  assert.equal(main.exitCode, 0, main.log.slice(-4000));
  assert.equal(post?.exitCode, 0, post?.log);
  const { output, reportDir } = markBuilt('thin-on');

  assert.deepEqual([...main.outputs.keys()].sort(), Object.keys(OUTPUTS).sort());
  assert.equal(main.outputs.get('image'), path.join(output, 'arch/x86/boot/bzImage'));
  assert.equal(main.outputs.get('lto'), 'thin');
  assert.equal(main.outputs.get('suffix-reduction'), 'true');
  assert.equal(main.outputs.get('suffixed-functions'), '0');
  assert.match(main.outputs.get('toolchain-digest') ?? '', /^[0-9a-f]{64}$/);

  const text = readFileSync(path.join(reportDir, 'report.json'), 'utf8');
  assert.equal(main.outputs.get('suffixed'), String(JSON.parse(text).images[0].totals.all));
  assert.match(main.summary, /Suffix reduction/);
  assert.equal(artifacts.stored.length, 1, 'main uploads, post finds nothing left to do');
  const files = readZip(artifacts.stored[0]?.zip ?? Buffer.alloc(0));
  assert.deepEqual([...files.keys()].sort(), [
    'build.log',
    'config',
    'report.json',
    'report.md',
    'report.txt',
  ]);
  assert.equal(files.get('report.json')?.toString(), text);
  assert.equal(files.get('config')?.toString(), readFileSync(path.join(output, '.config'), 'utf8'));

  const groups = main.commands
    .filter((command) => command.name === 'group')
    .map((command) => command.message);
  for (const phase of ['prepare', 'front end', 'thin link and back end', 'link and the rest']) {
    assert.ok(groups.includes(`Build: ${phase}`), `${phase} in ${groups}`);
  }
  assert.deepEqual(
    main.commands.filter((command) => ['error', 'warning'].includes(command.name)),
    [],
  );
  assert.ok(!main.text.join('\n').includes('ghs_a_token_that_is_secret'));
});

test('a wrong input is an error annotation, and nothing is built', async () => {
  const { main, post } = await run({ inputs: { arch: 'vax' } });
  assert.equal(main.exitCode, 1);
  assert.equal(post?.exitCode, 0);
  const errors = main.commands.filter((command) => command.name === 'error');
  assert.equal(errors.length, 1);
  assert.match(errors[0]?.message ?? '', /^arch: 'vax' is not an architecture/);
});

test('a cancelled build leaves its log to the post step, within the time that a runner gives', async () => {
  const output = path.join(buildsFolder(), 'cancelled');
  const inputs = { ...inputsOf('thin-on'), output, 'report-dir': `${output}-report` };
  const stored = artifacts.stored.length;
  // A run of its own: in one run a name can be taken only once.
  const services = { url: artifacts.url, token: runtimeToken({ run: '2', job: '1' }) };
  const { main, post } = await run({ inputs, services, cancelAt: / CC {6}/ });
  assert.notEqual(main.exitCode, 0);
  assert.ok((main.cancelMs ?? Number.POSITIVE_INFINITY) < 5000, `took ${main.cancelMs} ms`);
  assert.equal(post?.exitCode, 0, post?.log);
  assert.equal(artifacts.stored.length, stored + 1);
  const files = readZip(artifacts.stored.at(-1)?.zip ?? Buffer.alloc(0));
  assert.deepEqual([...files.keys()], ['build.log']);
  rmSync(output, { recursive: true, force: true });
});
