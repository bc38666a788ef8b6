import { createHash } from 'node:crypto';
import type { Mode } from '../src/values/mode.ts';

/** All that the kernel of a build depends on, beside the tree that the edits begin with. */
export interface Scene {
  /** Names of edits, in order. */
  readonly edits: readonly string[];
  /** How the edits are there: committed, in the working tree only, or in a tree without git. */
  readonly tree: 'commit' | 'dirty' | 'no git';
  /** Date of the last commit, seconds after that of the first; it is in the kernel's banner. */
  readonly later: number;
  /** Lines of the configuration on top of tinyconfig. */
  readonly kconfig: readonly string[];
  readonly makeArgs: readonly string[];
  readonly lto: Mode;
  readonly reduction: 'on' | 'off';
  readonly llvm: 'main' | 'other';
  readonly arch: 'x86_64' | 'arm64';
  /** Whether the tree lies at its usual path. */
  readonly place: 'usual' | 'another';
  /** What is done to the times of the edited files: an hour ahead, or set back to what they were before the edit. */
  readonly times?: 'ahead' | 'set back';
}

/** A tree with nothing edited. */
export function baseScene(lto: Mode): Scene {
  return {
    edits: [],
    tree: 'commit',
    later: 0,
    kconfig: [],
    makeArgs: [],
    lto,
    reduction: 'on',
    llvm: 'main',
    arch: 'x86_64',
    place: 'usual',
  };
}

/** A name for what a build of a scene gives, the same for all scenes with the same kernel. `around`: what is not in it. */
export function sceneKey(scene: Scene, around: readonly string[]): string {
  const { times: _, ...matters } = scene;
  return createHash('sha256')
    .update(JSON.stringify([matters, around]))
    .digest('hex')
    .slice(0, 16);
}

/** What a scene has that the base has not, for people. */
export function describeScene(scene: Scene): string {
  const { edits, tree, later, kconfig, makeArgs, lto, reduction, llvm, arch, place, times } = scene;
  const parts = [
    ...edits,
    ...kconfig,
    ...makeArgs,
    ...(tree === 'commit' ? [] : [tree]),
    ...(later === 0 ? [] : ['a later commit']),
    ...(reduction === 'on' ? [] : ['reduction off']),
    ...(llvm === 'main' ? [] : ['the other LLVM']),
    ...(arch === 'x86_64' ? [] : [arch]),
    ...(place === 'usual' ? [] : ['another path']),
    ...(times === undefined ? [] : [`times ${times}`]),
  ];
  return `${lto}: ${parts.length === 0 ? 'base' : parts.join(' + ')}`;
}
