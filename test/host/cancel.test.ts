import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readProcess } from '../../src/host/processes.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-cancel-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const source = (name: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../src/host/${name}`, import.meta.url)));

/** A door: listens to signals, and has a long and a short program run. `then` is what it does afterwards. */
function door(
  name: string,
  trap: string,
  then: string,
): { child: ChildProcess; started: Promise<readonly number[]> } {
  const script = path.join(scratch, `${name}.ts`);
  const pids = ['long', 'inner', 'short'].map((part) => path.join(scratch, `${name}-${part}`));
  const long = `${trap} echo $$ > ${pids[0]}; (${trap} setsid sh -c '${trap.replaceAll("'", '"')} echo $$ > ${pids[1]}; while :; do sleep 0.2; done' &) ; while :; do sleep 0.2; done`;
  const short = `${trap} echo $$ > ${pids[2]}; while :; do sleep 0.2; done`;
  writeFileSync(
    script,
    `import { cancelOnSignals } from ${source('cancel.ts')};
     import { createRun } from ${source('programs.ts')};
     import { createSupervise } from ${source('supervise.ts')};
     const cancel = cancelOnSignals();
     const supervise = createSupervise(cancel.signal, process.env);
     const run = createRun(cancel.signal, process.env);
     const work = Promise.allSettled([
       supervise('sh', ['-c', ${JSON.stringify(long)}], { onLine: () => undefined }),
       run('sh', ['-c', ${JSON.stringify(short)}]),
     ]);
     ${then}
     process.exitCode = (await cancel.finish()) ?? 0;`,
  );
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'inherit'] });
  const started = (async () => {
    for (let round = 0; round < 200; round += 1) {
      try {
        const found = pids.map((file) => Number(readFileSync(file, 'utf8')));
        if (found.every((pid) => pid > 0)) return found;
      } catch {
        // Not all of them have begun.
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('the programs did not start');
  })();
  return { child, started };
}

async function endOf(child: ChildProcess) {
  const started = performance.now();
  const code = await new Promise((resolve) => child.on('exit', resolve));
  return { code, ms: performance.now() - started };
}

const left = (pids: readonly number[]) =>
  pids.filter((pid) => ![undefined, 'Z', 'X'].includes(readProcess(pid)?.state));

test('a signal ends all programs, and the exit code is the one of the signal', async () => {
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const { child, started } = door(`heeds-${signal}`, '', 'await work;');
    const pids = await started;
    child.kill(signal);
    const { code, ms } = await endOf(child);
    assert.equal(code, exitCode);
    assert.ok(ms < 2000, `${ms} ms`);
    assert.deepEqual(left(pids), []);
  }
});

test('programs that ignore SIGTERM, one of them with a session of its own, are gone within 5 s', async () => {
  const { child, started } = door('ignores', "trap '' TERM INT;", 'await work;');
  const pids = await started;
  child.kill('SIGTERM');
  const { code, ms } = await endOf(child);
  assert.equal(code, 143);
  assert.ok(ms > 900 && ms < 5000, `${ms} ms`);
  assert.deepEqual(left(pids), []);
});

test('work that goes on after the signal does not hold up the end', async () => {
  const hang = 'await new Promise((resolve) => setTimeout(resolve, 60_000));';
  const { child, started } = door('hangs', '', hang);
  const pids = await started;
  child.kill('SIGINT');
  const { code, ms } = await endOf(child);
  assert.equal(code, 130);
  assert.ok(ms < 5500, `${ms} ms`);
  assert.deepEqual(left(pids), []);
});

test('a second signal ends everything at once', async () => {
  const { child, started } = door('twice', "trap '' TERM INT;", 'await work;');
  const pids = await started;
  child.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.kill('SIGINT');
  const { code, ms } = await endOf(child);
  assert.equal(code, 130);
  assert.ok(ms < 700, `${ms} ms`);
  assert.deepEqual(left(pids), []);
});
