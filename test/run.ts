// Sets up what the tests need (host packages, two LLVMs, two kernels), then runs them. Called by npm test.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchKernelSource } from '../src/debian/kernel-source.ts';
import { cancelOnSignals } from '../src/host/cancel.ts';
import { terminalHost } from '../src/host/terminal.ts';
import { ensurePackages, KERNEL_NEEDS } from '../src/kernel/host-packages.ts';
import { resolveToolchain } from '../src/toolchain/resolve.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const cancel = cancelOnSignals();
const host = terminalHost({ env: process.env, signal: cancel.signal });

await ensurePackages(host, 'install', [
  ...KERNEL_NEEDS,
  { package: 'git', program: 'git' },
  { package: 'qemu-system-x86', program: 'qemu-system-x86_64' },
]);
const tree = await fetchKernelSource(host, { minimum: '7.2' });
const oldTree = await fetchKernelSource(host, { series: '6.12' });
const llvm = await resolveToolchain(host, { version: '23', source: 'debian' });
const llvm19 = await resolveToolchain(host, { version: '19', source: 'debian' });
const out =
  process.env.KERNEL_THINLTO_TEST_OUT ?? mkdtempSync(path.join(os.tmpdir(), 'kernel-thinlto-test-'));

const env = {
  ...process.env,
  KERNEL_THINLTO_TEST_TREE: tree.folder,
  KERNEL_THINLTO_TEST_OLD_TREE: oldTree.folder,
  KERNEL_THINLTO_TEST_LLVM: path.dirname(llvm.bin),
  KERNEL_THINLTO_TEST_LLVM19: path.dirname(llvm19.bin),
  KERNEL_THINLTO_TEST_OUT: out,
};

/** Runs test files, some at a time, and says whether all passed. */
function run(title: string, files: readonly string[], atOnce: number): boolean {
  console.log(`\n=== ${title}: ${files.length} files`);
  const args = ['--test', `--test-concurrency=${atOnce}`, '--test-reporter=spec', ...files];
  return spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status === 0;
}

const asked = process.argv.slice(2);
const found = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => path.join('test', file));
const all = asked.length > 0 ? asked : found.sort();
const [whole, parts] = [all.filter(isWhole), all.filter((file) => !isWhole(file))];
// A kernel build takes both processors of a small machine, so that these run one after the other.
const passed = [
  parts.length === 0 || run('Parts', parts, Math.max(1, os.availableParallelism() - 1)),
  whole.length === 0 || run('Whole kernels', whole, 1),
];
if (process.env.KERNEL_THINLTO_TEST_OUT === undefined) rmSync(out, { recursive: true, force: true });
process.exitCode = (await cancel.finish()) ?? (passed.every(Boolean) ? 0 : 1);

function isWhole(file: string): boolean {
  return file.includes('test/e2e/');
}
