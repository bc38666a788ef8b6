// What the command costs beside bare make: the same configuration and toolchain, both cold, one after the other in
// one run, so that the ratio stands even where the machine's speed drifts.
// Run: KERNEL_THINLTO_TEST_TREE=TREE KERNEL_THINLTO_TEST_LLVM=LLVM node bench/overhead.ts [PAIRS], with Node 24.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { commandLine, makeCall } from '../src/build/make.ts';
import { reductionMakefile } from '../src/build/reduction-makefile.ts';
import { archOf } from '../src/values/arch.ts';
import { COMMAND, oldestNode } from '../test/services/built.ts';
import { testToolchainFolder } from '../test/services/llvm.ts';
import { testTree } from '../test/services/tree.ts';
import { writeResult } from './result.ts';

const PAIRS = Number(process.argv[2] ?? 3);
const folder = path.join(os.tmpdir(), 'kernel-thinlto-overhead');
const source = testTree();
const llvm = testToolchainFolder();
const arch = archOf('x86_64');
const run = (program: string, args: readonly string[], env = process.env) =>
  execFileSync(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'], maxBuffer: 1 << 30 });
const seconds = (work: () => void) => {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
};

function ours(): number {
  const output = path.join(folder, 'ours');
  rmSync(output, { recursive: true, force: true });
  return seconds(() =>
    run(oldestNode(), [
      ...[
        COMMAND,
        'build',
        '--source',
        source,
        '--output',
        output,
        '--arch',
        arch.name,
        '--lto',
        'thin-dist',
      ],
      ...[
        '--suffix-reduction',
        'on',
        '--config',
        'tinyconfig',
        '--kconfig',
        'CONFIG_64BIT=y',
        '--llvm-path',
        llvm,
      ],
    ]),
  );
}

/** What a person would type: configure, switch the options, configure again, build. */
function bare(): number {
  const output = path.join(folder, 'bare');
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const makefile = path.join(folder, 'reduction.mk');
  writeFileSync(makefile, reductionMakefile('thin-dist', true, { builtIn: [] }) ?? '');
  const setting = {
    source,
    output,
    arch,
    llvm: `${llvm}/bin/`,
    jobs: os.availableParallelism(),
    makeArgs: [],
    timestamp: 0,
    makefile,
  };
  const make = (...targets: string[]) => {
    const call = makeCall(setting, targets);
    run('make', call.args, { ...process.env, ...call.variables });
    return commandLine(call);
  };
  return seconds(() => {
    make('tinyconfig');
    const switches = ['-e', '64BIT', '-d', 'LTO_NONE', '-e', 'LTO_CLANG_THIN_DIST'];
    run(path.join(source, 'scripts/config'), ['--file', path.join(output, '.config'), ...switches]);
    make('olddefconfig');
    make();
  });
}

mkdirSync(folder, { recursive: true });
const pairs: { bare: number; ours: number; ratio: number }[] = [];
for (let pair = 0; pair < PAIRS; pair += 1) {
  // In turn, so that a drift of the machine does not fall on one side.
  const first = pair % 2 === 0 ? bare() : ours();
  const second = pair % 2 === 0 ? ours() : bare();
  const [b, o] = pair % 2 === 0 ? [first, second] : [second, first];
  pairs.push({ bare: b, ours: o, ratio: o / b });
  console.log(
    `pair ${pair + 1}: bare make ${b.toFixed(1)} s, kernel-thinlto ${o.toFixed(1)} s, ratio ${(o / b).toFixed(3)}`,
  );
}
const ratios = pairs.map((pair) => pair.ratio).sort((a, b) => a - b);
writeResult('overhead', {
  what: 'x86_64 tinyconfig with 64BIT, thin-dist, reduction on, cold; wall seconds',
  mark: 1.03,
  median: ratios[Math.floor(ratios.length / 2)],
  pairs,
});
rmSync(folder, { recursive: true, force: true });
