import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { artifactName } from '../../src/host/artifacts.ts';
import { cutMarkdown } from '../../src/host/github.ts';
import { type ArtifactServer, serveArtifacts } from '../services/artifacts.ts';
import { type ActionRun, runAction } from '../services/runner.ts';
import { runtimeToken } from '../services/runtime-token.ts';
import { readZip } from '../services/zip.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-github-'));
let artifacts: ArtifactServer;
before(async () => {
  artifacts = await serveArtifacts();
});
after(async () => {
  await artifacts.close();
  rmSync(scratch, { recursive: true, force: true });
});

const HOST = `
  import * as core from ${JSON.stringify(import.meta.resolve('@actions/core'))};
  import { cancelOnSignals } from ${JSON.stringify(fileURLToPath(new URL('../../src/host/cancel.ts', import.meta.url)))};
  import { githubHost } from ${JSON.stringify(fileURLToPath(new URL('../../src/host/github.ts', import.meta.url)))};
  const cancel = cancelOnSignals();
  const host = githubHost({ env: process.env, signal: cancel.signal });
  const { log } = host;
`;
let count = 0;

/** Runs an action whose main (and post) are these lines, with \`host\` in scope, as a runner does. */
function runLines(main: string, run: Partial<ActionRun> = {}, post?: string) {
  const action = path.join(scratch, `action-${count++}`);
  mkdirSync(action);
  writeFileSync(
    path.join(action, 'action.yml'),
    `name: x
inputs:
  kconfig: { description: lines }
  llvm version: { default: '23' }
  github-token: { default: "\${{ github.token }}" }
runs:
  using: node24
  main: main.ts
${post === undefined ? '' : '  post: post.ts\n  post-if: always()\n'}`,
  );
  writeFileSync(path.join(action, 'main.ts'), `${HOST}\n${main}`);
  if (post !== undefined) writeFileSync(path.join(action, 'post.ts'), `${HOST}\n${post}`);
  return runAction({ action, context: { 'github.token': 'secret' }, ...run });
}

test('inputs, outputs, state, summary and post are as on a runner', async () => {
  const { main, post } = await runLines(
    `host.setOutputs({ image: '/a b', lines: 'one\\ntwo', empty: '' });
     core.saveState('isPost', 'yes');
     await host.summary('# Title');
     await host.summary('More');
     log.info(JSON.stringify([core.getMultilineInput('kconfig'), core.getInput('llvm version'), core.getInput('github-token')]));
     log.info(JSON.stringify(Object.keys(process.env)));
     process.exitCode = 3;`,
    { inputs: { kconfig: 'A=y\nB=m' } },
    `log.info(process.env.STATE_isPost + core.getInput('kconfig'));`,
  );
  assert.equal(main.exitCode, 3);
  assert.deepEqual(
    [...main.outputs],
    [
      ['image', '/a b'],
      ['lines', 'one\ntwo'],
      ['empty', ''],
    ],
  );
  assert.equal(main.summary, '# Title\nMore\n');
  assert.equal(main.text[0], '[["A=y","B=m"],"23","secret"]');
  const names: string[] = JSON.parse(main.text[1] ?? '');
  const strange = names.filter(
    (name) => !/^(GITHUB|RUNNER|INPUT)_/.test(name) && !['PATH', 'HOME', 'CI'].includes(name),
  );
  assert.deepEqual(strange, []);
  assert.deepEqual(post?.text, ['yesA=y B=m', '']);
});

test('a build that prints workflow commands gives no command, and the groups are ours', async () => {
  const makefile = [
    'all:',
    "\t@printf '::error file=a.c,line=1::forged\\n'",
    "\t@printf '  ::set-output name=image::forged\\n'",
    "\t@printf 'x\\r::add-mask::e\\n' >&2",
    "\t@printf '\\342\\200\\213::stop-commands::forged\\n'",
    "\t@printf 'a ##[add-path]/forged\\n'",
    '\t$(warning ::warning::forged)',
  ];
  const workspace = mkdtempSync(path.join(scratch, 'tree-'));
  writeFileSync(path.join(workspace, 'Makefile'), `${makefile.join('\n')}\n`);
  const { main } = await runLines(
    `const outer = log.openGroup('Build ::error::forged');
     const ended = await host.supervise('make', [], { onLine: (line) => log.output(line) });
     const inner = log.openGroup('Inner');
     inner();
     outer();
     log.info('::error::forged');
     log.warning('::error::forged\\n::error::forged');
     log.debug('::error::forged\\n::error::forged');
     host.result('::error::forged\\n##[group]forged\\n');
     log.info('ended with ' + ended.code);`,
    { workspace },
  );
  assert.equal(main.exitCode, 0);
  assert.deepEqual(
    main.commands.map(({ name, message }) => [name, message]),
    [
      ['group', 'Build ::error::forged'],
      ['endgroup', ''],
      ['group', 'Inner'],
      ['endgroup', ''],
      ['debug', '::error::forged\n::error::forged'],
    ],
  );
  assert.equal(main.text.filter((line) => line.includes('forged')).length, 9);
  assert.ok(main.text.includes('ended with 0'));
});

test('annotations keep to what GitHub shows, in all calls together, warnings of the log among them', async () => {
  const { main } = await runLines(
    `log.warning('cache, 100%: gone');
     host.annotate(Array.from({ length: 14 }, (_, i) => ({ level: 'error', message: 'e\\n' + i, file: 'a,b:c.c', line: i + 1, column: 2, title: 't::x' })));
     log.warning('artifact: gone');
     host.annotate([{ level: 'error', message: 'The build failed' }, { level: 'notice', message: 'n' }]);
     host.annotate([{ level: 'error', message: 'too late' }]);`,
  );
  const of = (name: string) => main.commands.filter((command) => command.name === name);
  assert.equal(of('error').length, 10);
  assert.match(of('error')[8]?.message ?? '', /^6 more errors/);
  assert.equal(of('error')[9]?.message, 'The build failed');
  assert.equal(of('error')[0]?.message, 'e\n0');
  assert.deepEqual(
    [...(of('error')[0]?.properties ?? [])],
    [
      ['title', 't::x'],
      ['file', 'a,b:c.c'],
      ['line', '1'],
      ['col', '2'],
    ],
  );
  assert.deepEqual(
    of('warning').map(({ message }) => message),
    ['cache, 100%: gone', 'artifact: gone'],
  );
  assert.deepEqual(
    of('notice').map(({ message }) => message),
    ['n'],
  );
});

test('files are stored as an artifact that holds them byte for byte, and can be fetched again', async () => {
  const workspace = mkdtempSync(path.join(scratch, 'report-'));
  const files = new Map([
    ['report.json', Buffer.from('{"schema": 1}\n')],
    ['sub/build.log', Buffer.from('line\n'.repeat(100_000))],
    [
      'random.bin',
      Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919 + (index >> 5)) & 255)),
    ],
    ['empty', Buffer.alloc(0)],
  ]);
  mkdirSync(path.join(workspace, 'sub'));
  for (const [name, content] of files) writeFileSync(path.join(workspace, name), content);
  const names = JSON.stringify([...files.keys()].map((name) => path.join(workspace, name)));
  const services = { url: artifacts.url, token: runtimeToken() };
  const client = JSON.stringify(import.meta.resolve('@actions/artifact'));
  const { main } = await runLines(
    `await host.uploadArtifact('kernel: x86_64/thin', ${names}, ${JSON.stringify(workspace)});
     const { DefaultArtifactClient } = await import(${client});
     const found = await new DefaultArtifactClient().getArtifact('kernel- x86_64-thin');
     const got = await new DefaultArtifactClient().downloadArtifact(found.artifact.id, { path: 'again', expectedHash: found.artifact.digest });
     const { readFileSync } = await import('node:fs');
     log.info('again: ' + got.digestMismatch + readFileSync('again/report.json'));`,
    { services, workspace },
  );
  assert.equal(main.exitCode, 0, main.log);
  const stored = artifacts.stored.at(-1);
  assert.equal(stored?.name, 'kernel- x86_64-thin');
  assert.deepEqual(readZip(stored?.zip ?? Buffer.alloc(0)), files);
  assert.match(main.log, /^again: false\{"schema": 1\}/m);
  assert.deepEqual(
    main.commands.filter(({ name }) => name === 'warning'),
    [],
  );
});

test('a service that fails once is asked again', async () => {
  const workspace = mkdtempSync(path.join(scratch, 'report-'));
  writeFileSync(path.join(workspace, 'report.json'), '{"second": true}');
  artifacts.fail(500, 1);
  const { main } = await runLines(
    `await host.uploadArtifact('again', [${JSON.stringify(path.join(workspace, 'report.json'))}], ${JSON.stringify(workspace)});`,
    { workspace, services: { url: artifacts.url, token: runtimeToken() } },
  );
  assert.equal(main.exitCode, 0, main.log);
  const stored = artifacts.stored.at(-1);
  assert.equal(stored?.name, 'again');
  assert.equal(
    readZip(stored?.zip ?? Buffer.alloc(0))
      .get('report.json')
      ?.toString(),
    '{"second": true}',
  );
});

test('an upload that fails is a warning that says what is missing, and not a failure', async () => {
  const workspace = mkdtempSync(path.join(scratch, 'report-'));
  writeFileSync(path.join(workspace, 'report.json'), '{}');
  const upload = `await host.uploadArtifact('kernel', [${JSON.stringify(path.join(workspace, 'report.json'))}], ${JSON.stringify(workspace)}); host.annotate([]);`;
  const services = { url: artifacts.url, token: runtimeToken() };
  const attempt = async (how: number | 'reset' | undefined, token = services.token) => {
    artifacts.fail(how);
    const before = artifacts.stored.length;
    const { main } = await runLines(upload, { workspace, services: { ...services, token } });
    artifacts.fail(undefined);
    assert.equal(main.exitCode, 0, main.log);
    assert.equal(artifacts.stored.length, before);
    const warnings = main.commands.filter(({ name }) => name === 'warning').map(({ message }) => message);
    assert.equal(warnings.length, 1, main.log);
    assert.ok(warnings[0]?.startsWith('Artifact kernel is missing: its upload failed ('), warnings[0]);
    assert.ok(warnings[0]?.endsWith(`; the files are in ${workspace}`), warnings[0]);
    return warnings[0];
  };
  assert.match((await attempt(403)) ?? '', /403/);
  assert.match((await attempt('reset')) ?? '', /ECONNRESET/);
  assert.match((await attempt(undefined, runtimeToken().replace(/.$/, ''))) ?? '', /401/);
  await attempt(undefined, 'no token at all');
});

test('where there is no artifact service, one line says so', async () => {
  const { main } = await runLines(`await host.uploadArtifact('kernel', ['/report/a'], '/report');`);
  assert.equal(main.exitCode, 0);
  assert.equal(main.log, 'Artifact kernel: this runner has no artifact service; the files stay in /report\n');
});

test('cancelled as a runner does it, the program ends its children and itself in time', async () => {
  const { main } = await runLines(
    `const work = host.supervise('sh', ['-c', 'trap "" TERM; echo begun; while :; do sleep 0.2; done'], { onLine: (line) => log.output(line) });
     await work;
     process.exitCode = (await cancel.finish()) ?? 0;`,
    { cancelAt: /begun/ },
  );
  assert.equal(main.exitCode, 130);
  assert.ok((main.cancelMs ?? 0) > 1900 && (main.cancelMs ?? 0) < 5000, `${main.cancelMs} ms`);
});

test('a summary is cut at a line where it is too long, and says so', () => {
  const markdown = 'é line\n'.repeat(1000);
  for (const limit of [7000, 500, 120]) {
    const cut = cutMarkdown(markdown, limit);
    assert.ok(Buffer.byteLength(cut) <= limit);
    assert.match(cut, /^(é line\n)*é line\n\n_Cut here: .*_\n$/);
  }
  assert.equal(cutMarkdown(markdown, 8000), markdown);
  assert.equal(cutMarkdown(markdown, 10), '');
});

test('an artifact has a name that the service takes', () => {
  assert.equal(artifactName('a"b:c<d>e|f*g?h\\i/j\r\nk'), 'a-b-c-d-e-f-g-h-i-j-k');
  assert.equal(artifactName('kernel x86_64 (thin-dist)'), 'kernel x86_64 (thin-dist)');
  assert.equal(artifactName(' '), 'kernel-thinlto');
  assert.equal(artifactName('x'.repeat(999)).length, 200);
});
