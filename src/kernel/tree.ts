import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { KernelTree } from '../values/tree.ts';
import { readCommit } from './commit.ts';
import { linesUnder } from './makefile-conditions.ts';
import { MODE_SYMBOLS } from './mode-symbols.ts';

const NEEDED = ['Makefile', 'Kconfig', 'arch', 'arch/Kconfig', 'scripts/Makefile.build'];
const READ_LIMIT = 4 << 20;
const REDUCTION_SYMBOL = 'LTO_CLANG_THIN_SUFFIX_REDUCTION';

/**
 * Reads from a tree's own files what it is and has. Throws a UserError where it is no kernel tree, or one whose path
 * kbuild refuses.
 */
export async function readTree(host: Pick<Host, 'run' | 'env'>, folder: string): Promise<KernelTree> {
  const tree = realFolder(folder);
  // The top Makefile stops on these itself, with a line that does not name the path.
  if (/[\s:]/.test(tree)) {
    throw new UserError(`source: '${tree}' has a space or colon in it, which kbuild refuses; move the tree`);
  }
  const missing = NEEDED.filter((name) => !existsSync(path.join(tree, name)));
  if (missing.length > 0) throw noKernel(folder, `it has no ${missing.join(', ')}`);
  const makefile = read(tree, 'Makefile');
  const version = versionOf(makefile);
  if (version === undefined) throw noKernel(folder, 'its Makefile sets no VERSION and PATCHLEVEL');
  // Mainline defines all of LTO in arch/Kconfig, and so did the first patch for the reduction.
  const kconfig = `${read(tree, 'arch/Kconfig')}\n${read(tree, 'init/Kconfig')}`;
  const defines = (symbol: string) =>
    new RegExp(`^[ \\t]*(?:menu)?config[ \\t]+${symbol}[ \\t]*$`, 'm').test(kconfig);
  const modes = (['full', 'thin', 'thin-dist'] as const).filter((mode) => defines(MODE_SYMBOLS[mode]));
  const commit = await readCommit(host, tree);
  return {
    path: tree,
    version,
    srcArches: archesOf(tree),
    modes: ['none', ...modes],
    reduction: {
      builtIn: modes.filter((mode) => reducesUnasked(makefile, mode)),
      ...(defines(REDUCTION_SYMBOL) && { symbol: REDUCTION_SYMBOL }),
    },
    ...(commit !== undefined && { commit: commit.id }),
    timestamp: commit?.seconds ?? newest(tree),
  };
}

/** Throws a UserError where the tree has not the architecture, or was built in place, which makes kbuild refuse `O=`. */
export function refuseUnbuildable(tree: KernelTree, arch: Arch): void {
  if (!tree.srcArches.includes(arch.srcArch)) {
    const has = tree.srcArches.join(', ');
    throw new UserError(
      `arch: ${arch.name}: ${tree.path} has no arch/${arch.srcArch}/Kconfig; it has ${has}`,
    );
  }
  // The rule outputmakefile of the top Makefile.
  const left = ['.config', 'include/config', `arch/${arch.srcArch}/include/generated`].find((name) =>
    existsSync(path.join(tree.path, name)),
  );
  if (left === undefined) return;
  throw new UserError(
    `source: ${tree.path} was built in place (it has ${left}), and kbuild refuses another output folder then; run 'make -C ${tree.path} ARCH=${arch.name} mrproper' (it deletes .config too), or use a clean checkout`,
  );
}

function realFolder(folder: string): string {
  try {
    const tree = realpathSync(folder);
    if (statSync(tree).isDirectory()) return tree;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new UserError(`source: ${folder} cannot be read (${(error as Error).message.split(',', 1)[0]})`);
    }
    throw new UserError(`source: ${folder}: no such folder; check out the kernel there, or name another`);
  }
  throw new UserError(`source: ${folder} is a file, not a folder with a kernel tree`);
}

function noKernel(folder: string, why: string): UserError {
  return new UserError(`source: ${folder} is no kernel tree: ${why}`);
}

function versionOf(makefile: string): string | undefined {
  const value = (name: string) =>
    new RegExp(`^${name}[ \\t]*=[ \\t]*(.*)$`, 'm').exec(makefile)?.[1]?.trim() ?? '';
  const numbers = [value('VERSION'), value('PATCHLEVEL'), value('SUBLEVEL') || '0'];
  if (!numbers.every((number) => /^\d{1,4}$/.test(number))) return undefined;
  const extra = value('EXTRAVERSION');
  return `${numbers.join('.')}${/^[\w.+-]{0,64}$/.test(extra) ? extra : ''}`;
}

function archesOf(tree: string): readonly string[] {
  return readdirSync(path.join(tree, 'arch'))
    .filter((name) => existsSync(path.join(tree, 'arch', name, 'Kconfig')))
    .sort();
}

/** Whether the top Makefile adds the linker options of suffix reduction in a mode, with no other symbol asked for. */
function reducesUnasked(makefile: string, mode: Mode): boolean {
  const set = new Set(['LTO', 'LTO_CLANG', 'CC_IS_CLANG', 'LD_IS_LLD', MODE_SYMBOLS[mode]]);
  return linesUnder(makefile, (name) => set.has(name.replace(/^CONFIG_/, ''))).some((line) =>
    /^\s*KBUILD_LDFLAGS\b[^#]*always-rename-promoted-locals=false/.test(line),
  );
}

// A release tarball gives its top files the release's time, and an edit deeper in the tree does not change them.
function newest(tree: string): number {
  const times = ['Makefile', 'Kconfig', 'Kbuild', 'COPYING', 'CREDITS', 'MAINTAINERS', 'README'].flatMap(
    (name) => {
      const found = lstatSync(path.join(tree, name), { throwIfNoEntry: false });
      return found?.isFile() ? [found.mtimeMs] : [];
    },
  );
  return Math.floor(Math.max(...times, 0) / 1000);
}

function read(tree: string, name: string): string {
  const file = path.join(tree, name);
  const found = statSync(file, { throwIfNoEntry: false });
  return found?.isFile() && found.size <= READ_LIMIT ? readFileSync(file, 'utf8') : '';
}
