import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readProcess } from '../../src/host/processes.ts';
import { superviseProgram } from '../../src/host/supervise.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-supervise-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const never = new AbortController().signal;
const quiet = () => undefined;

async function collect(args: readonly string[], graceMs?: number) {
  const lines: [string, string][] = [];
  const result = await superviseProgram('sh', ['-c', ...args], {
    signal: never,
    onLine: (line, stream) => lines.push([stream, line]),
    ...(graceMs !== undefined && { graceMs }),
  });
  return { ...result, lines };
}

test('lines of both streams, exit codes and signals are told', async () => {
  const { code, signal, lines } = await collect(['printf "a\\r\\nb\\n\\nlast"; echo err >&2; exit 7']);
  assert.deepEqual([code, signal], [7, undefined]);
  const of = (name: string) => lines.filter(([stream]) => stream === name).map(([, line]) => line);
  assert.deepEqual(of('stdout'), ['a', 'b', '', 'last']);
  assert.deepEqual(of('stderr'), ['err']);
  const killed = await collect(['kill -KILL $$']);
  assert.deepEqual([killed.code, killed.signal], [137, 'SIGKILL']);
});

test('its input is empty, its environment is the given one with a mark, its folder the given one', async () => {
  const lines: string[] = [];
  const env = { PATH: process.env.PATH ?? '', ONLY: '1' };
  const settings = { env, cwd: scratch, signal: never, onLine: (line: string) => lines.push(line) };
  await superviseProgram('sh', ['-c', 'cat; pwd; env'], settings);
  assert.equal(lines[0], scratch);
  const names = lines.slice(1).map((line) => line.split('=', 1)[0]);
  assert.deepEqual(names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? '')).sort(), [
    'KERNEL_THINLTO_TREE',
    'ONLY',
    'PATH',
  ]);
});

test('a program that is not there is a mistake that the message names', async () => {
  const settings = { signal: never, onLine: quiet };
  await assert.rejects(superviseProgram('no-such-make', [], settings), {
    name: 'UserError',
    message: 'no-such-make is not installed; it is in no folder of PATH',
  });
  await assert.rejects(superviseProgram('sh', [], { ...settings, cwd: `${scratch}/none` }), {
    name: 'UserError',
    message: /^sh: cannot be started/,
  });
});

test('a line without end is cut at the limit, and memory stays bounded', async () => {
  const { code, lines } = await collect(['head -c 30000000 /dev/zero | tr "\\0" x; echo; echo after']);
  assert.equal(code, 0);
  assert.deepEqual(
    lines.map(([, line]) => line.length),
    [1024 * 1024 + ' [line cut]'.length, 'after'.length],
  );
});

test('much output is read to its end, in order', async () => {
  const { lines } = await collect(['seq 1 300000']);
  assert.equal(lines.length, 300_000);
  assert.ok(lines.every(([, line], index) => line === String(index + 1)));
});

test('a process that is left behind with the pipe does not hold up the end, and is left alone', async () => {
  const file = path.join(scratch, 'left');
  const started = performance.now();
  const { code, lines } = await collect([`sleep 30 & echo $! > ${file}; echo done`]);
  assert.deepEqual([code, lines], [0, [['stdout', 'done']]]);
  assert.ok(performance.now() - started < 4000);
  const pid = Number(readFileSync(file, 'utf8'));
  assert.equal(readProcess(pid)?.command, 'sleep');
  process.kill(pid, 'SIGKILL');
});

/** Starts a tree whose processes write their pids to files, cancels it, and gives the time until all was over. */
async function cancelTree(name: string, lines: readonly string[], count: number, graceMs?: number) {
  const folder = mkdtempSync(path.join(scratch, `${name}-`));
  const controller = new AbortController();
  const seen: string[] = [];
  const running = superviseProgram(
    'bash',
    ['-c', `cd "$0"; note() { echo $BASHPID > $1; }; ${lines.join('\n')}`, folder],
    {
      signal: controller.signal,
      onLine: (line) => seen.push(line),
      ...(graceMs !== undefined && { graceMs }),
    },
  );
  const pids = await waitForPids(folder, count);
  const started = performance.now();
  controller.abort();
  const result = await running;
  const ms = performance.now() - started;
  const left = pids.filter((pid) => ![undefined, 'Z', 'X'].includes(readProcess(pid)?.state));
  assert.deepEqual(left, [], 'processes are left');
  return { ms, result, seen };
}

async function waitForPids(folder: string, count: number): Promise<readonly number[]> {
  for (let round = 0; round < 200; round += 1) {
    const names = Array.from({ length: count }, (_, index) => path.join(folder, String(index + 1)));
    try {
      const pids = names.map((name) => Number(readFileSync(name, 'utf8')));
      if (pids.every((pid) => pid > 0)) return pids;
    } catch {
      // Not all of them have begun.
    }
    await sleep(25);
  }
  throw new Error(`the tree did not start: ${folder}`);
}

test('cancelled, a tree that heeds SIGTERM is gone at once', async () => {
  const tree = ['(note 1; sleep 71 & echo $! > 2; wait) &', 'note 3; wait'];
  const { ms, result } = await cancelTree('heeds', tree, 3);
  assert.equal(result.code, 143);
  assert.equal(result.signal, 'SIGTERM');
  assert.ok(ms < 1000, `${ms} ms`);
});

test('SIGTERM reaches a program that cleans up, and its last lines are read', async () => {
  const tree = ['trap "echo cleaned; exit 2" TERM; note 1', 'for i in $(seq 1000); do sleep 0.1; done'];
  const { result, seen } = await cancelTree('cleans', tree, 1);
  assert.equal(result.code, 2);
  assert.ok(seen.includes('cleaned'), seen.join());
});

test('cancelled, what ignores SIGTERM is killed after the grace time', async () => {
  const tree = ['trap "" TERM', '(note 1; while :; do sleep 1; done) &', 'note 2; while :; do sleep 1; done'];
  const { ms, result } = await cancelTree('ignores', tree, 2);
  assert.equal(result.signal, 'SIGKILL');
  assert.ok(ms > 1900 && ms < 5000, `${ms} ms`);
});

test('cancelled, a double fork with a session of its own that holds the pipe is gone too', async () => {
  const daemon = `trap "" TERM; echo $$ > 1; while :; do sleep 1; done`;
  const tree = [`(setsid bash -c '${daemon}' &)`, 'note 2; sleep 72'];
  const { ms } = await cancelTree('daemon', tree, 2, 500);
  assert.ok(ms < 5000, `${ms} ms`);
});

test('cancelled, a child without our environment is found by its parents, and a stopped one dies', async () => {
  const inner = 'trap "" TERM; echo $$ > 1; while :; do sleep 1; done';
  const tree = [
    `env -i PATH=$PATH setsid bash -c '${inner}' &`,
    '(note 2; kill -STOP $BASHPID; sleep 74) &',
    'note 3; sleep 75',
  ];
  const { ms } = await cancelTree('env', tree, 3, 500);
  assert.ok(ms < 5000, `${ms} ms`);
});

test('cancelled, a tree that goes on to fork is gone', async () => {
  const tree = ['trap "" TERM; note 1', 'while :; do (trap "" TERM; sleep 5) & sleep 0.02; done'];
  const { ms } = await cancelTree('forks', tree, 1, 300);
  assert.ok(ms < 5000, `${ms} ms`);
  const left = await collect(['for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done 2>/dev/null']);
  assert.deepEqual(
    left.lines.filter(([, line]) => line.trim() === 'sleep 5'),
    [],
  );
});

test('cancelling one program leaves another alone', async () => {
  const other = collect(['sleep 2; echo whole']);
  await cancelTree('one', ['note 1; sleep 76'], 1);
  assert.deepEqual((await other).lines, [['stdout', 'whole']]);
});

test('nothing is started once all is cancelled', async () => {
  await assert.rejects(superviseProgram('true', [], { signal: AbortSignal.abort(), onLine: quiet }), {
    name: 'UserError',
    message: 'Cancelled: true was not started',
  });
});
