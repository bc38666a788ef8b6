import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { readProcess } from '../../src/host/processes.ts';
import { createRun } from '../../src/host/programs.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-programs-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const NODE = process.execPath;
const run = createRun(new AbortController().signal, process.env);
const script = (code: string, ...args: string[]) => ['-e', code, ...args];

/** A program of that name which prints its arguments as JSON. */
function program(name: string): string {
  const file = path.join(scratch, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!${NODE}\nprocess.stdout.write(JSON.stringify(process.argv.slice(2)));\n`);
  chmodSync(file, 0o755);
  return file;
}

test('every file name is the program that is run, and every argument reaches it as it is', async () => {
  const names = [
    'plain',
    'with space/program',
    'quo"te',
    '"in quotes"',
    'back\\slash',
    'two\\\\backslashes',
    'back\\"slash and quote',
    'odd\\\\\\" run',
    'ends in \\',
    'ends in a space ',
    ' begins with one',
    "apos'trophe",
    '$HOME `id` ;&|',
    '-leading-dash',
    'é 核',
  ];
  const args = ['', ' ', 'a b', '"', '\\', '\\"', "'", '-x', '--', '$HOME', '*', '\n', 'é'];
  for (const name of names) {
    const result = await run(program(name), args);
    assert.deepEqual(JSON.parse(result.stdout), args, name);
    assert.equal(result.code, 0);
  }
  const byName = createRun(new AbortController().signal, { PATH: `${scratch}:${process.env.PATH}` });
  assert.equal((await byName('-leading-dash', ['1'])).stdout, '["1"]');
  assert.equal((await byName('quo"te', ['1'])).stdout, '["1"]');
});

test('the PATH of the given environment is searched, and only that environment is passed on', async () => {
  const env = { PATH: path.dirname(NODE), ONLY: '1' };
  const result = await run('node', script('process.stdout.write(JSON.stringify(process.env))'), { env });
  const { PATH, ONLY, HOME } = JSON.parse(result.stdout);
  assert.deepEqual([PATH, ONLY, HOME], [env.PATH, '1', undefined]);
  await assert.rejects(run('node', [], { env: { PATH: scratch } }), /^UserError: node is not installed; /);
  await assert.rejects(run('node', [], { env: { PATH: '.', HOME: '/' } }), /node is not installed/);
});

test('a program that is not there, or no program, is a mistake that the message names', async () => {
  writeFileSync(path.join(scratch, 'data'), 'no program');
  for (const [name, line] of [
    ['no-such-program', 'no-such-program is not installed; it is in no folder of PATH'],
    ['', ' is not installed; it is in no folder of PATH'],
    [path.join(scratch, 'data'), `${scratch}/data is not installed; there is no such program`],
    [scratch, `${scratch} is not installed; there is no such program`],
  ] as const) {
    await assert.rejects(run(name, []), { name: 'UserError', message: line });
  }
  await assert.rejects(run(NODE, [], { cwd: `${scratch}/nowhere` }), {
    name: 'UserError',
    message: `${NODE}: cannot be run in ${scratch}/nowhere; there is no such folder`,
  });
});

test('exit codes, signals and both streams are told', async () => {
  const result = await run(NODE, script('console.log("out"); console.error("err"); process.exitCode = 3'));
  assert.deepEqual(result, { code: 3, stdout: 'out\n', stderr: 'err\n' });
  assert.equal((await run(NODE, script('process.kill(process.pid, "SIGKILL")'))).code, 137);
  assert.equal((await run(NODE, script('process.kill(process.pid, "SIGSEGV")'))).code, 139);
  assert.equal((await run('pwd', [], { cwd: scratch })).stdout, `${scratch}\n`);
});

test('input is handed over and ended; without any, a program that reads is not left waiting', async () => {
  const text = 'é'.repeat(300_000);
  assert.equal((await run('cat', [], { input: text })).stdout, text);
  assert.equal((await run('cat', [])).stdout, '');
});

test('a program that does not read its input is no error', async () => {
  for (let round = 0; round < 10; round += 1) {
    assert.equal((await run('true', [], { input: 'x'.repeat(4_000_000) })).code, 0);
  }
});

test('output over the limit is dropped, and the program still ends', async () => {
  const code = 'process.stdout.write("a".repeat(3e6)); process.stderr.write("b".repeat(3e6))';
  const result = await run(NODE, script(code), { limit: 1000 });
  assert.deepEqual(result, { code: 0, stdout: 'a'.repeat(1000), stderr: 'b'.repeat(1000) });
});

test('a program over its time is killed with what it started, code 137', async () => {
  const started = performance.now();
  const pidFile = path.join(scratch, 'pid');
  const result = await run('sh', ['-c', 'trap "" TERM; sleep 61 & echo $! > "$0"; wait', pidFile], {
    timeoutSeconds: 0.5,
  });
  assert.equal(result.code, 137);
  assert.ok(performance.now() - started < 3000);
  const { stdout } = await run('cat', [pidFile]);
  assert.ok([undefined, 'Z', 'X'].includes(readProcess(Number(stdout))?.state));
});

test('a cancelled program is ended, and the run says so; afterwards nothing is started', async () => {
  const controller = new AbortController();
  const cancelled = createRun(controller.signal, process.env);
  const running = cancelled('sleep', ['62']);
  setTimeout(() => controller.abort(), 300);
  const started = performance.now();
  await assert.rejects(running, { name: 'UserError', message: 'Cancelled: sleep was not run to its end' });
  assert.ok(performance.now() - started < 2500);
  await assert.rejects(cancelled('true', []), /Cancelled: true/);
});

test('programs at the same time do not mix', async () => {
  const codes = [1, 2, 3, 4, 5, 6];
  const results = await Promise.all(
    codes.map((code) => run('sh', ['-c', 'sleep 0.2; echo "$1"; exit "$1"', '-', String(code)])),
  );
  assert.deepEqual(
    results.map(({ code, stdout }) => [code, stdout]),
    codes.map((code) => [code, `${code}\n`]),
  );
});
