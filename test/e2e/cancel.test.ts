import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { buildsFolder, COMMAND, oldestNode } from '../services/built.ts';
import { testToolchainFolder } from '../services/llvm.ts';
import { testTree } from '../services/tree.ts';

for (const [signal, exitCode] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`${signal} ends the whole process tree within 5 s, and leaves no child`, {
    timeout: 180_000,
  }, async () => {
    const output = path.join(buildsFolder(), `cancel-${signal}`);
    const command = spawn(
      oldestNode(),
      [
        ...[
          COMMAND,
          'build',
          '--source',
          testTree(),
          '--output',
          output,
          '--arch',
          'x86_64',
          '--config',
          'tinyconfig',
        ],
        ...[
          '--kconfig',
          'CONFIG_64BIT=y',
          '--lto',
          'thin-dist',
          '--llvm-path',
          testToolchainFolder(),
          '--cache',
          'off',
        ],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let text = '';
    command.stderr.on('data', (data: Buffer) => {
      text += data.toString();
    });
    command.stdout.resume();
    const ended = new Promise<number | null>((resolve) => command.on('close', resolve));
    await until(
      () => processesOf(output).some((line) => line.includes(' -c -o ')),
      120_000,
      () => text,
    );
    const sent = performance.now();
    command.kill(signal);
    const code = await ended;
    const seconds = (performance.now() - sent) / 1000;
    assert.deepEqual(processesOf(output), [], 'a child is left');
    assert.ok(seconds < 5, `took ${seconds} s`);
    assert.equal(code, exitCode, text);
    assert.match(text, /cancelled|interrupted/i);
    rmSync(output, { recursive: true, force: true });
  });
}

/** The command lines of every process, but this test's command, that has the output folder in arguments or as its folder. */
function processesOf(output: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const ours = line.includes(output) || environment.includes(`${output}`);
        return ours && !line.includes(COMMAND) ? [line] : [];
      } catch {
        return [];
      }
    });
}

async function until(condition: () => boolean, ms: number, say: () => string): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms:\n${say()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
