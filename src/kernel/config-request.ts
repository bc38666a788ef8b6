import path from 'node:path';
import type { Arch } from '../values/arch.ts';
import { UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import type { KernelTree } from '../values/tree.ts';
import { type ConfigLine, readFragment, readOptions, readText, written } from './config-lines.ts';
import { checkConfigTargets } from './config-targets.ts';
import { MODE_SYMBOLS } from './mode-symbols.ts';

/** What a request says about the configuration, read and checked as far as no make is needed. */
export interface ConfigRequest {
  /** Make targets, or one file. */
  readonly base: { readonly targets: readonly string[] } | { readonly file: string };
  /** Fragments, single options and the mode, in the order in which they count: the last of a symbol wins. */
  readonly lines: readonly ConfigLine[];
  /** Requests that speak against one another, where the later one counts. */
  readonly warnings: readonly string[];
}

/**
 * Reads the base, the fragments and the options of a request, and adds the symbols of the mode and, where the tree
 * has one, of the reduction. Changes nothing. Throws a UserError for a target that the tree has not, a malformed
 * line, a file that is not there, a single option that speaks against the mode.
 */
export function readConfigRequest(
  request: Pick<BuildRequest, 'config' | 'configFragments' | 'kconfig'>,
  tree: KernelTree,
  arch: Arch,
  mode: Mode,
  reduction: boolean,
): ConfigRequest {
  const base = readBase(request.config, tree, arch);
  const options = readOptions(request.kconfig);
  const own = ownLines(tree, mode, reduction);
  refuseAgainst(own, options);
  const lines = [...request.configFragments.flatMap(readFragment), ...options, ...own];
  return { base, lines, warnings: contradictions(lines) };
}

/** The calls of make that a configuration takes, each as its targets. */
export function configTargets(request: ConfigRequest): readonly (readonly string[])[] {
  return [...('file' in request.base ? [] : [request.base.targets]), ['olddefconfig']];
}

function readBase(words: readonly string[], tree: KernelTree, arch: Arch): ConfigRequest['base'] {
  const file = words.find((word) => path.isAbsolute(word));
  if (file !== undefined) {
    if (words.length > 1) {
      throw new UserError(
        `config: the file ${file} stands alone as the base; give others as config-fragment`,
      );
    }
    readText(file, 'config');
    return { file };
  }
  // make without a target would build the kernel.
  if (words.length === 0)
    throw new UserError("config: '' names no configuration; use defconfig, or leave it out");
  checkConfigTargets(words, tree, arch);
  return { targets: words };
}

function ownLines(tree: KernelTree, mode: Mode, reduction: boolean): readonly ConfigLine[] {
  // A tree from before Linux 5.12 has nothing of LTO, and no choice to make.
  if (tree.modes.length === 1 && mode === 'none') return [];
  const origin = `lto: ${mode}`;
  const off = tree.modes.filter((other) => other !== mode);
  const lines = off.map((other) => ({ symbol: MODE_SYMBOLS[other], value: 'n', origin }));
  lines.push({ symbol: MODE_SYMBOLS[mode], value: 'y', origin });
  const { symbol } = tree.reduction;
  // As first posted the symbol depends on in-process ThinLTO; in other modes only its absence can be asked for.
  if (symbol !== undefined && (mode === 'thin' || !reduction)) {
    const value = reduction ? 'y' : 'n';
    lines.push({ symbol, value, origin: `suffix-reduction: ${reduction ? 'on' : 'off'}` });
  }
  return lines;
}

function refuseAgainst(own: readonly ConfigLine[], options: readonly ConfigLine[]): void {
  for (const option of options) {
    const against = own.find((line) => line.symbol === option.symbol && line.value !== option.value);
    if (against === undefined) continue;
    throw new UserError(
      `kconfig: '${written(option)}' speaks against ${against.origin}, which sets '${written(against)}'; leave one of them out`,
    );
  }
}

function contradictions(lines: readonly ConfigLine[]): readonly string[] {
  const last = new Map<string, ConfigLine>();
  const found: string[] = [];
  for (const line of lines) {
    const before = last.get(line.symbol);
    if (before !== undefined && before.value !== line.value) {
      found.push(`${line.origin}: '${written(line)}' replaces '${written(before)}' of ${before.origin}`);
    }
    last.set(line.symbol, line);
  }
  return found;
}
