import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { buildsFolder, built, COMMAND, oldestNode, VARIANTS, type Variant } from '../test/services/built.ts';
import { testToolchainFolder } from '../test/services/llvm.ts';
import { testTree } from '../test/services/tree.ts';
import { createDriver } from './equality-run.ts';
import type { Scene } from './equality-scene.ts';
import { type Act, type Step, stepsOf } from './equality-steps.ts';
import { makeRepository, type Style } from './equality-tree.ts';

/** The steps of bench/equality that are most likely to break it. */
const CHOSEN: readonly (readonly ['thin' | 'thin-dist', Style, string])[] = [
  ['thin-dist', 'CI', 'no change'],
  ['thin-dist', 'CI', 'state with a flipped byte'],
  ['thin-dist', 'kept', "killed in 'back end', then a good one"],
  ['thin-dist', 'CI', "killed in 'link and the rest', then a good one"],
  ['thin-dist', 'kept', 'reduction switched, and back'],
  ['thin-dist', 'CI', 'branch switched, and back'],
  ['thin-dist', 'kept', 'option that only the embedded configuration has'],
  ['thin-dist', 'kept', 'mode switched, and back'],
  ['thin', 'CI', 'no change'],
  ['thin', 'kept', "killed in 'thin link and back end', then a good one"],
];

let driver: ReturnType<typeof createDriver>;

before(() => {
  const work = path.join(buildsFolder(), 'equality');
  mkdirSync(work, { recursive: true });
  const copy = path.join(work, 'linux');
  const bin = path.join(testToolchainFolder(), 'bin');
  // The copy is seen at the tree's own path, which is in the bitcode: so what other tests built from nothing can be compared.
  const bind = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
  const seen = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', bind, 'sh', copy, testTree()];
  driver = createDriver({
    work,
    repository: makeRepository(path.join(work, 'repo.git'), testTree()),
    site: {
      command: [...seen, oldestNode(), COMMAND],
      llvm: { main: bin, other: undefined },
      output: path.join(work, 'out'),
      report: path.join(work, 'report'),
      store: path.join(work, 'store'),
    },
    placeOf: () => ({ folder: copy, seen: testTree() }),
    known: (scene) => {
      const variant = variantOf(scene);
      return variant === undefined ? undefined : built(variant).output;
    },
    say: (line) => console.log(line),
  });
});

for (const [lto, style, name] of CHOSEN) {
  test(`${lto}, ${style}: ${name}`, async () => {
    const step = stepsOf(lto).find((one) => one.name === name && one.style === style);
    assert.ok(step !== undefined, `no step '${name}'`);
    const { equal, failure, builds } = await driver.runStep(inTest(step));
    assert.ok(equal, `${failure}`);
    assert.ok(builds.some((one) => one.equal === true));
    assert.ok(existsSync(path.join(buildsFolder(), 'equality/store/ccache')), 'ccache was not used');
  });
}

/** The kernel that other tests build from nothing of the same scene. */
function variantOf(scene: Scene): Variant | undefined {
  const { edits, kconfig, makeArgs, later, arch, tree, lto, reduction } = scene;
  const plain = [edits, kconfig, makeArgs].every((list) => list.length === 0) && later === 0;
  const variant = `${lto}-${reduction}`;
  return plain && arch === 'x86_64' && tree === 'no git' && variant in VARIANTS
    ? (variant as Variant)
    : undefined;
}

/**
 * A step for a tree without git, as the other tests have it. A kernel with the option that is only in the embedded
 * configuration costs a build from nothing for one file; there the embedded configuration alone is looked at.
 */
function inTest(step: Step): Step {
  const noGit = (scene: Scene): Scene => ({ ...scene, tree: 'no git' });
  const acts = step.acts.map((act): Act => {
    const single = act.scene.kconfig.includes('CONFIG_SAMPLES=y');
    return { ...act, scene: noGit(act.scene), ...(single && { ends: 'unchecked' }) };
  });
  return { ...step, from: noGit(step.from), acts };
}
