// A random walk over edits, options and ways to build, in which every K-th kernel is compared with a build from nothing.
// Run, with Node 24, with the variables of bench/equality.ts:
//   node bench/equality-walk.ts [--seed S] [--steps N] [--every K] [--work DIR] [--command FILE]
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { seededNumbers } from '../test/services/flips.ts';
import { EDITS } from './equality-edits.ts';
import { baseScene, describeScene, type Scene } from './equality-scene.ts';
import { exitOnSignals, sayWithTime, setUp } from './equality-setup.ts';
import type { Act, Step } from './equality-steps.ts';
import type { Style } from './equality-tree.ts';

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    steps: { type: 'string', default: '30' },
    every: { type: 'string', default: '3' },
    work: { type: 'string', default: path.join(os.tmpdir(), 'kernel-thinlto-equality') },
    command: { type: 'string' },
  },
});
const [seed, count, every] = [flags.seed, flags.steps, flags.every].map(Number);
if (
  !Number.isInteger(seed) ||
  !Number.isInteger(count) ||
  !every ||
  seed === undefined ||
  count === undefined
)
  throw new Error('--seed, --steps and --every take whole numbers');
const OPTIONS = ['CONFIG_ADVISE_SYSCALLS=y', 'CONFIG_BUG=y', 'CONFIG_IKCONFIG=y', 'CONFIG_FUTEX=y'];
const WITHOUT = ['syntax error', 'the new file under another name'];
const EDIT_NAMES = Object.keys(EDITS).filter((name) => !WITHOUT.includes(name));

const below = seededNumbers(seed);
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
/** The list with one of the pool put in, or taken out where it is there. */
const toggled = (list: readonly string[], pool: readonly string[]): readonly string[] => {
  const one = pick(pool);
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
};

/** Another scene, one turn from `scene`. Most turns are edits, as in life. */
function turned(scene: Scene): Scene {
  switch (below(12)) {
    case 0:
      return { ...scene, kconfig: toggled(scene.kconfig, OPTIONS) };
    case 1:
      return { ...scene, lto: scene.lto === 'thin' ? 'thin-dist' : 'thin' };
    case 2:
      return { ...scene, reduction: scene.reduction === 'on' ? 'off' : 'on' };
    case 3:
      return { ...scene, tree: pick(['commit', 'dirty', 'no git'] as const) };
    case 4:
      return { ...scene, later: scene.later + 3600 };
    case 5:
      return { ...scene, edits: [] };
    default:
      return { ...scene, edits: toggled(scene.edits, EDIT_NAMES) };
  }
}

exitOnSignals();
sayWithTime(`seed ${seed}`);
const setup = setUp(path.resolve(flags.work), flags.command, sayWithTime);
let scene = baseScene('thin-dist');
for (let at = 1; at <= count; at++) {
  const from = scene;
  scene = turned(scene);
  const style: Style = pick(['CI', 'kept'] as const);
  const act: Act = { scene, ends: at % every === 0 || at === count ? 'kernel' : 'unchecked' };
  const step: Step = { name: `walk ${seed} ${at}`, style, from, acts: [act], alters: false };
  sayWithTime(`${at} of ${count}, ${style}: ${describeScene(scene)}`);
  const { failure } = await setup.runStep(step);
  if (failure === null) continue;
  sayWithTime(`seed ${seed}, step ${at}: ${failure}`);
  process.exit(1);
}
sayWithTime(`seed ${seed}: every kernel that was compared is the same`);
