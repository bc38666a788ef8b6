import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { KernelTree, TreeReduction } from '../values/tree.ts';
import { conditionsOf } from './makefile-conditions.ts';

const TOP_FILES = ['Makefile', 'Kconfig', 'scripts/Makefile.build', 'arch/Kconfig'];
const READ_LIMIT = 4 << 20;
const REDUCTION_SYMBOL = 'LTO_CLANG_THIN_SUFFIX_REDUCTION';
const MODE_SYMBOLS: Readonly<Record<Exclude<Mode, 'none'>, string>> = {
  full: 'LTO_CLANG_FULL',
  thin: 'LTO_CLANG_THIN',
  'thin-dist': 'LTO_CLANG_THIN_DIST',
};

/**
 * Reads from a tree's own files what it is and has. Throws a UserError where it is no kernel tree, or one whose path
 * kbuild refuses.
 */
export async function readTree(host: Host, folder: string): Promise<KernelTree> {
  if (!existsSync(folder)) throw new UserError(`source: ${folder}: no such folder; check out the kernel there, or name another`);
  if (!statSync(folder).isDirectory()) throw new UserError(`source: ${folder} is a file, not a folder with a kernel tree`);
  const tree = realpathSync(folder);
  // The top Makefile stops on these itself, with a line that does not name the path.
  if (/[\s:]/.test(tree)) {
    throw new UserError(`source: '${tree}' has a space or colon in it, which kbuild refuses; move the tree`);
  }
  const makefile = read(tree, 'Makefile');
  const version = makefile === undefined ? undefined : versionOf(makefile);
  const missing = TOP_FILES.filter((file) => !existsSync(path.join(tree, file)));
  if (makefile === undefined || version === undefined || missing.length > 0) {
    const what = missing.length > 0 ? `has no ${missing.join(', ')}` : 'has a Makefile without VERSION and PATCHLEVEL';
    throw new UserError(`source: ${folder} is no kernel tree: it ${what}`);
  }
  const kconfig = read(tree, 'arch/Kconfig') ?? '';
  const defines = (symbol: string) => new RegExp(`^(?:menu)?config ${symbol}$`, 'm').test(kconfig);
  const modes = (['full', 'thin', 'thin-dist'] as const).filter((mode) => defines(MODE_SYMBOLS[mode]));
  const commit = await commitOf(host, tree);
  return {
    path: tree,
    version,
    srcArches: readdirSync(path.join(tree, 'arch'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(path.join(tree, 'arch', entry.name, 'Kconfig')))
      .map((entry) => entry.name),
    modes: ['none', ...modes],
    reduction: {
      builtIn: builtIn(makefile, modes),
      ...(defines(REDUCTION_SYMBOL) && { symbol: REDUCTION_SYMBOL }),
    },
    ...(commit !== undefined && { commit: commit.id }),
    timestamp: commit?.seconds ?? newest(tree),
  };
}

/** Throws a UserError where the tree has not the architecture, or was built in place, which makes kbuild refuse `O=`. */
export function refuseUnbuildable(tree: KernelTree, arch: Arch): void {
  if (!tree.srcArches.includes(arch.srcArch)) {
    throw new UserError(`arch: ${arch.name}: ${tree.path} has no arch/${arch.srcArch}/Kconfig; it has ${tree.srcArches.join(', ')}`);
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

function versionOf(makefile: string): string | undefined {
  const value = (name: string) => new RegExp(`^${name} *= *(.*)$`, 'm').exec(makefile)?.[1]?.trim() ?? '';
  const numbers = [value('VERSION'), value('PATCHLEVEL'), value('SUBLEVEL') || '0'];
  if (!numbers.every((number) => /^\d{1,4}$/.test(number))) return undefined;
  return numbers.join('.') + (/^[\w.+-]{0,64}$/.test(value('EXTRAVERSION')) ? value('EXTRAVERSION') : '');
}

/** The modes under whose condition the top Makefile adds the linker options of suffix reduction. */
function builtIn(makefile: string, modes: readonly Mode[]): TreeReduction['builtIn'] {
  const line = (text: string) => /^\s*KBUILD_LDFLAGS\b.*always-rename-promoted-locals=false/.test(text);
  const found = conditionsOf(makefile, line);
  const thin = modes.filter((mode): mode is 'thin' | 'thin-dist' => mode === 'thin' || mode === 'thin-dist');
  return thin.filter((mode) => found.some((conditions) => conditions.every((one) => holds(one, mode))));
}

/** Whether a condition of a Makefile holds in a mode, as far as the mode's own symbols decide it. */
function holds(condition: { name: string; defined: boolean }, mode: 'thin' | 'thin-dist'): boolean {
  const symbol = /^CONFIG_(LTO_CLANG_\w+)$/.exec(condition.name)?.[1];
  if (symbol === undefined) return true;
  // What a fork's own symbol switches is not done unasked.
  if (symbol === REDUCTION_SYMBOL) return !condition.defined;
  return (symbol === MODE_SYMBOLS[mode]) === condition.defined;
}

async function commitOf(host: Host, tree: string): Promise<{ id: string; seconds: number } | undefined> {
  try {
    // A checkout that another user owns, as in a container, is only read here.
    const git = ['-c', `safe.directory=${tree}`, '-C', tree, 'log', '-1', '--format=%H %ct'];
    const { code, stdout } = await host.run('git', git, { limit: 4096 });
    const [, id, seconds] = /^([0-9a-f]{40,64}) (\d{1,12})$/m.exec(stdout) ?? [];
    if (code !== 0 || id === undefined) return undefined;
    // A tarball unpacked below somebody's repository is not a commit of it.
    const known = await host.run('git', [...git.slice(0, 4), 'ls-files', '--error-unmatch', 'Makefile'], { limit: 4096 });
    return known.code === 0 ? { id, seconds: Number(seconds) } : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

// A release tarball gives its top files the release's time, and an edit in the tree's depth does not change them.
function newest(tree: string): number {
  const times = ['Makefile', 'Kconfig', 'Kbuild', 'CREDITS', 'MAINTAINERS'].flatMap((name) => {
    const file = path.join(tree, name);
    return existsSync(file) ? [statSync(file).mtimeMs] : [];
  });
  return Math.floor(Math.max(...times, 0) / 1000);
}

function read(tree: string, name: string): string | undefined {
  const file = path.join(tree, name);
  if (!existsSync(file) || !statSync(file).isFile() || statSync(file).size > READ_LIMIT) return undefined;
  return readFileSync(file, 'utf8');
}
