import { cancelOnSignals } from '../host/cancel.ts';
import type { DoorHost } from '../host/host.ts';
import { terminalHost } from '../host/terminal.ts';
import { readFlags } from '../request/flags.ts';
import { help } from '../request/help.ts';
import type { Command } from '../request/inputs.ts';
import { readArch, readBuildRequest, readToolchainRequest, type Surroundings } from '../request/read.ts';
import { UserError } from '../values/error.ts';
import { VERSION } from '../values/version.ts';
import { buildKernel, type Outcome } from './build.ts';
import { runDemo } from './demo.ts';
import { surroundings } from './surroundings.ts';
import { describeAbilities, installToolchain, probeToolchain } from './toolchain.ts';

/** The command: runs what its words say, and returns the exit code. */
export async function main(words: readonly string[]): Promise<number> {
  const cancel = cancelOnSignals();
  const env = process.env;
  const host = terminalHost({ env, signal: cancel.signal });
  const around = surroundings(env, process.cwd(), false);
  const code = await run(host, around, words).catch((error: unknown) => fail(host, error));
  return (await cancel.finish()) ?? code;
}

async function run(host: DoorHost, around: Surroundings, words: readonly string[]): Promise<number> {
  if (words.length === 0 || words[0] === 'help' || words[0] === '--help' || words[0] === '-h') {
    host.result(help());
    return words.length === 0 ? 2 : 0;
  }
  if (words[0] === '--version') {
    host.result(`kernel-thinlto ${VERSION}\n`);
    return 0;
  }
  if (words[0] === 'demo' && words.length === 1) return finish(host, await runDemo(host, around));
  const [command, flags] = split(words);
  if (flags.includes('--help') || flags.includes('-h')) {
    host.result(help(command));
    return 0;
  }
  const raw = readWith(() => readFlags(command, flags));
  if (command === 'build') {
    const request = readWith(() => readBuildRequest(raw, around));
    return finish(host, await buildKernel(host, request));
  }
  const request = readWith(() => readToolchainRequest(raw, around));
  const arch = readWith(() => readArch(raw, around));
  const toolchain = await installToolchain(host, request);
  if (command === 'toolchain install') host.result(`${toolchain.bin}\n`);
  else host.result(describeAbilities(toolchain, arch, await probeToolchain(host, toolchain, arch)));
  return 0;
}

/** A mistake in the words themselves, as against one that shows when they are followed. */
class UsageError extends UserError {}

function readWith<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UserError ? new UsageError(error.message) : error;
  }
}

function split(words: readonly string[]): [Command, readonly string[]] {
  const [first, second] = words;
  if (first === 'build') return ['build', words.slice(1)];
  if (first === 'toolchain' && (second === 'install' || second === 'probe')) {
    return [`toolchain ${second}`, words.slice(2)];
  }
  const asked = first === 'toolchain' ? `toolchain ${second ?? ''}`.trim() : first;
  throw new UsageError(
    `'${asked}' is not a command; it is build, toolchain install, toolchain probe or demo (see --help)`,
  );
}

function finish(host: DoorHost, outcome: Outcome): number {
  host.result(outcome.text);
  if (outcome.failure === undefined) return 0;
  return fail(host, new UserError(outcome.failure));
}

function fail(host: DoorHost, error: unknown): number {
  if (host.signal.aborted) {
    process.stderr.write(`kernel-thinlto: ${(host.signal.reason as Error).message}\n`);
    return 1;
  }
  const shown =
    error instanceof UserError
      ? error.message
      : `defect in kernel-thinlto ${VERSION}, please report it: ${error instanceof Error ? error.stack : String(error)}`;
  process.stderr.write(`kernel-thinlto: ${shown}\n`);
  return error instanceof UsageError ? 2 : 1;
}
