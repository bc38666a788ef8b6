import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { countOomKills, watchMemory } from '../../src/host/memory.ts';
import { superviseProgram } from '../../src/host/supervise.ts';

const MB = 1024 * 1024;

test('the largest process of a tree is named with what it writes and its peak', async () => {
  const big = 'const b = Buffer.alloc(300 * 1048576, 1); setTimeout(() => b, 2500)';
  const result = await superviseProgram(
    'sh',
    ['-c', '"$0" -e "$1" -- -o drivers/big.o & sleep 3; wait', process.execPath, big],
    {
      signal: new AbortController().signal,
      onLine: () => undefined,
    },
  );
  assert.equal(result.code, 0);
  assert.match(result.peak?.command ?? '', /^node -o drivers\/big\.o$/);
  const bytes = result.peak?.bytes ?? 0;
  assert.ok(bytes > 300 * MB && bytes < 500 * MB, `${bytes}`);
  assert.equal(result.oomKills, 0);
});

test('processes outside of the tree do not count, and a look is cheap', async () => {
  const child = spawn('sleep', ['30']);
  const other = spawn(process.execPath, [
    '-e',
    'const b = Buffer.alloc(200e6, 1); setTimeout(() => b, 30000)',
  ]);
  await sleep(700);
  try {
    const memory = watchMemory(child.pid ?? 0);
    memory.sample();
    assert.equal(memory.peak()?.command, 'sleep');
    assert.ok((memory.peak()?.bytes ?? 0) < 20 * MB);
    const before = process.cpuUsage();
    for (let round = 0; round < 100; round += 1) memory.sample();
    const { user, system } = process.cpuUsage(before);
    // One look a second: 0.5 % of a processor is 5 ms.
    assert.ok((user + system) / 100 < 5000, `${(user + system) / 100} microseconds a look`);
  } finally {
    child.kill('SIGKILL');
    other.kill('SIGKILL');
  }
});

test("the OOM killer's count is the own control group's, else the machine's", () => {
  const root = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-oom-'));
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  };
  try {
    assert.equal(countOomKills(root), undefined);
    write('proc/vmstat', 'nr_free_pages 1\noom_kill 7\nother 2\n');
    assert.equal(countOomKills(root), 7);
    write('proc/self/cgroup', '4:memory:/x\n0::/system.slice/run.service\n');
    assert.equal(countOomKills(root), 7);
    write(
      'sys/fs/cgroup/system.slice/run.service/memory.events',
      'low 0\noom 3\noom_kill 2\noom_group_kill 0\n',
    );
    assert.equal(countOomKills(root), 2);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  assert.equal(typeof countOomKills(), 'number');
});
