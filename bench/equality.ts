// The equality sequence: one real tree goes through everything that happens between two builds, and after each step the
// kernel that was built with the cache is compared, byte for byte, with one that was built from nothing at the same paths.
// Goes on where it was stopped; the whole takes hours on two cores. Ends with 1 where anything differs.
// Run, with Node 24:
//   KERNEL_THINLTO_TEST_TREE=TREE KERNEL_THINLTO_TEST_LLVM=LLVM [KERNEL_THINLTO_TEST_LLVM_OTHER=LLVM] \
//     node bench/equality.ts [--lto thin-dist|thin|both] [--steps WORD,..] [--work DIR] [--command FILE] [--list]
// --steps takes the steps whose names have one of the words in them, also where they were run before.
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { idOf, type Recorded, readRecorded, writeEquality } from './equality-result.ts';
import { exitOnSignals, sayWithTime, setUp } from './equality-setup.ts';
import { stepsOf } from './equality-steps.ts';

const { values: flags } = parseArgs({
  options: {
    lto: { type: 'string', default: 'both' },
    steps: { type: 'string' },
    work: { type: 'string', default: path.join(os.tmpdir(), 'kernel-thinlto-equality') },
    command: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
const modes = (['thin-dist', 'thin'] as const).filter((mode) => flags.lto === mode || flags.lto === 'both');
if (modes.length === 0) throw new Error(`--lto: '${flags.lto}' is not thin-dist, thin or both`);
const words = flags.steps?.split(',').filter((word) => word !== '');
const sequence = (['thin-dist', 'thin'] as const).flatMap((mode) => stepsOf(mode));
const asked = sequence.filter(
  ({ name, from }) =>
    modes.some((mode) => mode === from.lto) && (words?.some((word) => name.includes(word)) ?? true),
);
if (asked.length === 0) throw new Error(`--steps: no step has '${flags.steps}' in its name; see --list`);

if (flags.list) for (const { name, from, style } of asked) console.log(idOf(name, from.lto, style));
else await run();

async function run(): Promise<void> {
  exitOnSignals();
  const setup = setUp(path.resolve(flags.work), flags.command, sayWithTime);
  const steps = asked.filter(
    ({ acts }) => setup.llvmOther !== null || acts.every(({ scene }) => scene.llvm === 'main'),
  );
  if (steps.length < asked.length)
    sayWithTime(`${asked.length - steps.length} steps need KERNEL_THINLTO_TEST_LLVM_OTHER and are left out`);
  let recorded: readonly Recorded[] = readRecorded();
  let failed = 0;
  for (const [at, step] of steps.entries()) {
    const id = idOf(step.name, step.from.lto, step.style);
    const before = recorded.find((one) => idOf(one.name, one.lto, one.style) === id);
    if (words === undefined && before?.tool === setup.tool && before.equal) continue;
    sayWithTime(`${at + 1} of ${steps.length}: ${id}`);
    const result = await setup.runStep(step);
    sayWithTime(`  ${result.failure ?? 'same'} (${result.seconds} s)`);
    if (!result.equal) failed += 1;
    const others = recorded.filter((one) => idOf(one.name, one.lto, one.style) !== id);
    recorded = [...others, { ...result, tool: setup.tool }];
    const { linux, llvm, llvmOther } = setup;
    const what =
      'x86_64 tinyconfig with 64BIT; `vmlinux`, `.config`, `System.map` and the boot image built with the cache beside those built from nothing';
    writeEquality({ what, linux, llvm, llvmOther, steps: recorded }, sequence);
  }
  sayWithTime(failed === 0 ? 'Every step that was run is the same' : `${failed} steps differ`);
  process.exitCode = failed === 0 ? 0 : 1;
}
