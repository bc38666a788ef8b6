import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { COMMAND } from '../test/services/built.ts';
import { testToolchainFolder } from '../test/services/llvm.ts';
import { testTree } from '../test/services/tree.ts';
import { createDriver } from './equality-run.ts';
import { makeRepository } from './equality-tree.ts';

/** A driver of builds in a work folder, with what there is to say of the run. */
export interface Setup extends ReturnType<typeof createDriver> {
  /** SHA-256 (hex) of the bundled command. */
  readonly tool: string;
  readonly linux: string;
  readonly llvm: string;
  readonly llvmOther: string | null;
}

/**
 * Sets a work folder up from the variables of the tests: `KERNEL_THINLTO_TEST_TREE`, `KERNEL_THINLTO_TEST_LLVM` and, for the
 * steps with another LLVM, `KERNEL_THINLTO_TEST_LLVM_OTHER`. The command is copied, so that a run is of one state of it.
 */
export function setUp(work: string, command: string | undefined, say: (line: string) => void): Setup {
  mkdirSync(work, { recursive: true });
  const original = path.resolve(command ?? COMMAND);
  const digest = createHash('sha256');
  for (const name of readdirSync(path.dirname(original)).sort())
    digest.update(readFileSync(path.join(path.dirname(original), name)));
  const tool = digest.digest('hex');
  const copy = path.join(work, 'tool', tool.slice(0, 12));
  cpSync(path.dirname(original), path.join(copy, 'cli'), { recursive: true });
  cpSync(path.join(path.dirname(original), '../package.json'), path.join(copy, 'package.json'));
  const main = binOf(process.env.KERNEL_THINLTO_TEST_LLVM ?? '') ?? path.join(testToolchainFolder(), 'bin');
  const other = binOf(process.env.KERNEL_THINLTO_TEST_LLVM_OTHER ?? '');
  const tree = testTree();
  say(`Repository of ${tree} in ${work}`);
  const site = {
    command: [process.execPath, path.join(copy, 'cli/index.js')],
    llvm: { main, other },
    output: path.join(work, 'out'),
    report: path.join(work, 'report'),
    store: path.join(work, 'store'),
  };
  const driver = createDriver({
    work,
    repository: makeRepository(path.join(work, 'repo.git'), tree),
    site,
    placeOf: ({ place }) => {
      const folder = path.join(work, place === 'usual' ? 'linux' : 'another/linux');
      return { folder, seen: folder };
    },
    say,
  });
  return {
    ...driver,
    tool,
    linux: versionOf(tree),
    llvm: clangOf(main),
    llvmOther: other === undefined ? null : clangOf(other),
  };
}

/** Ends the run on a signal in order, so that the build under way ends with it. */
export function exitOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.once(signal, () => process.exit(code));
}

/** Prints lines with the time of day. */
export function sayWithTime(line: string): void {
  console.log(`${new Date().toTimeString().slice(0, 8)} ${line}`);
}

/** An LLVM may be given by its folder or its bin folder. */
function binOf(folder: string): string | undefined {
  return [folder, path.join(folder, 'bin')].find((one) => one !== '' && existsSync(path.join(one, 'clang')));
}

function clangOf(bin: string): string {
  return (
    execFileSync(path.join(bin, 'clang'), ['--version'], { encoding: 'utf8' }).split('\n', 1)[0] ?? 'unknown'
  );
}

function versionOf(tree: string): string {
  const makefile = readFileSync(path.join(tree, 'Makefile'), 'utf8');
  const of = (name: string) => new RegExp(`^${name} *= *(.*)$`, 'm').exec(makefile)?.[1] ?? '';
  return `${of('VERSION')}.${of('PATCHLEVEL')}.${of('SUBLEVEL')}${of('EXTRAVERSION')}`;
}
