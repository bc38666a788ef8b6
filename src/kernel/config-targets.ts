import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Arch } from '../values/arch.ts';
import { UserError } from '../values/error.ts';
import type { KernelTree } from '../values/tree.ts';
import { nearest } from './kconfig/nearest.ts';

/** Targets of scripts/kconfig/Makefile that make a configuration and ask nothing. */
const OWN_TARGETS: readonly string[] = [
  'defconfig',
  'tinyconfig',
  'allnoconfig',
  'allyesconfig',
  'allmodconfig',
  'alldefconfig',
  'randconfig',
  'olddefconfig',
  'yes2modconfig',
  'mod2yesconfig',
  'mod2noconfig',
];
const TARGET = /^[A-Za-z0-9][\w.+-]*$/;
const MAKEFILE_LIMIT = 1 << 20;

/**
 * Takes the words of the `config` input that are to be make targets. Throws a UserError for a word that is none of
 * the tree's configuration targets, before make could take it for an option or for another target.
 */
export function checkConfigTargets(words: readonly string[], tree: KernelTree, arch: Arch): void {
  const own = [...OWN_TARGETS, ...ruledTargets(tree, arch)];
  for (const word of words) {
    if (own.includes(word) || isFileTarget(word, tree, arch)) continue;
    const places = `*.config in kernel/configs or arch/${arch.srcArch}/configs, *_defconfig in arch/${arch.srcArch}/configs`;
    const near = nearest(word, own);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    throw new UserError(
      `config: '${word.slice(0, 200)}' is no configuration target of Linux ${tree.version} for ${arch.name}; use ${OWN_TARGETS.slice(0, 6).join(', ')}, ${places}, or the path of a file (with a slash)${hint}`,
    );
  }
}

// The pattern rules %_defconfig and %.config of scripts/kconfig/Makefile.
function isFileTarget(word: string, tree: KernelTree, arch: Arch): boolean {
  if (!TARGET.test(word)) return false;
  const ofArch = `arch/${arch.srcArch}/configs`;
  const folders = word.endsWith('.config')
    ? ['kernel/configs', ofArch]
    : word.endsWith('_defconfig')
      ? [ofArch]
      : [];
  return folders.some((folder) => existsSync(path.join(tree.path, folder, word)));
}

/** Configuration targets with a rule of their own in the architecture's makefile, such as `virtconfig` of arm64. */
function ruledTargets(tree: KernelTree, arch: Arch): readonly string[] {
  const file = path.join(tree.path, 'arch', arch.srcArch, 'Makefile');
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size > MAKEFILE_LIMIT) return [];
  // The part of a rule before its colon; `:=` and `::=` assign.
  const rules = readFileSync(file, 'utf8').matchAll(/^(\w[^:=#$\n]*):(?![:=])/gm);
  const names = [...rules].flatMap(([, targets = '']) => targets.trim().split(/\s+/));
  return names.filter((name) => TARGET.test(name) && name.endsWith('config'));
}
