import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { ProgramResult } from '../values/program.ts';
import type { BuildRequest } from '../values/request.ts';
import type { KernelTree } from '../values/tree.ts';
import { type ConfigLine, mergeLines, readFragment, readOptions, readText, readValues, written } from './config-lines.ts';
import { explainUnmet } from './kconfig/explain.ts';

/** A final configuration. */
export interface Configured {
  /** Path of `.config`. */
  readonly file: string;
  /** SHA-256 of its bytes. */
  readonly digest: string;
}

/** What the stage asks of make: some targets, run to their end, with their output kept. */
export type Make = (...targets: readonly string[]) => Promise<ProgramResult>;

const MODE_SYMBOLS: Readonly<Record<Mode, string>> = {
  none: 'LTO_NONE',
  full: 'LTO_CLANG_FULL',
  thin: 'LTO_CLANG_THIN',
  'thin-dist': 'LTO_CLANG_THIN_DIST',
};
const TARGET = /^[\w+-][\w.+/-]*$/;

/** What a request says about the configuration, read and checked as far as no make is needed. */
export interface ConfigRequest {
  /** Make targets, or one file. */
  readonly base: { readonly targets: readonly string[] } | { readonly file: string };
  /** Fragments, single options and the mode, in the order in which they count. */
  readonly lines: readonly ConfigLine[];
}

/**
 * Reads the base, the fragments and the options of a request, and adds the mode's symbols. Throws a UserError for a
 * target that the tree has not, a malformed line, a file that is not there, an option that speaks against the mode.
 */
export function readConfigRequest(
  request: Pick<BuildRequest, 'config' | 'configFragments' | 'kconfig'>,
  tree: KernelTree,
  arch: Arch,
  mode: Mode,
  reduction: boolean,
): ConfigRequest {
  const asked = [...request.configFragments.flatMap(readFragment), ...readOptions(request.kconfig)];
  const lines = [...asked, ...modeLines(tree, mode, reduction)];
  for (const line of asked) {
    const against = lines.find((own) => own.symbol === line.symbol && own.origin.startsWith('lto') && own.value !== line.value);
    if (against !== undefined) {
      throw new UserError(`${line.origin} speaks against ${against.origin}, which sets ${written(against)}; leave one of them out`);
    }
  }
  return { base: readBase(request.config, tree, arch), lines };
}

/** The calls of make that a configuration takes, for a plan. */
export function configTargets(request: ConfigRequest): readonly (readonly string[])[] {
  return [...('file' in request.base ? [] : [request.base.targets]), ['olddefconfig']];
}

/**
 * Makes the output folder's `.config`, and checks each requested line in what Kconfig made of it. A `.config` that
 * comes out as it was keeps its time. Throws a UserError that explains a line that did not hold.
 */
export async function configure(
  host: Host,
  request: ConfigRequest,
  tree: KernelTree,
  arch: Arch,
  output: string,
  make: Make,
): Promise<Configured> {
  const file = path.join(output, '.config');
  const before = existsSync(file) ? { bytes: readFileSync(file), stat: statSync(file) } : undefined;
  mkdirSync(output, { recursive: true });
  if ('file' in request.base) writeWhole(file, readText(request.base.file, 'config'));
  else await run(host, make, request.base.targets);
  writeWhole(file, mergeLines(readFileSync(file, 'utf8'), request.lines));
  await run(host, make, ['olddefconfig']);
  const final = readFileSync(file);
  checkLines(request.lines, readValues(final.toString()), tree, arch);
  // kbuild looks at the time first; the same configuration must not make it look at everything.
  if (before?.bytes.equals(final)) utimesSync(file, before.stat.atime, before.stat.mtime);
  return { file, digest: createHash('sha256').update(final).digest('hex') };
}

function modeLines(tree: KernelTree, mode: Mode, reduction: boolean): readonly ConfigLine[] {
  const origin = `lto ${mode}`;
  const others = tree.modes.filter((other) => other !== mode).map((other) => ({ symbol: MODE_SYMBOLS[other], value: 'n', origin }));
  const symbol = tree.reduction.symbol;
  const switched = symbol === undefined || mode !== 'thin' ? [] : [{ symbol, value: reduction ? 'y' : 'n', origin }];
  return [...others, { symbol: MODE_SYMBOLS[mode], value: 'y', origin }, ...switched];
}

function readBase(words: readonly string[], tree: KernelTree, arch: Arch): ConfigRequest['base'] {
  const [first = '', ...more] = words;
  if (path.isAbsolute(first)) {
    if (more.length > 0) throw new UserError(`config: a file (${first}) stands alone; give the others as config-fragment`);
    readText(first, 'config');
    return { file: first };
  }
  for (const word of words) checkTarget(word, tree, arch);
  return { targets: words };
}

// scripts/kconfig/Makefile: the targets of its own, *defconfig of the architecture, *.config of it or of kernel/.
const OWN_TARGETS = ['defconfig', 'tinyconfig', 'allnoconfig', 'allyesconfig', 'allmodconfig', 'alldefconfig', 'randconfig', 'olddefconfig', 'savedefconfig', 'kvm_guest.config', 'hardening.config'];

function checkTarget(word: string, tree: KernelTree, arch: Arch): void {
  const folders = [`arch/${arch.srcArch}/configs`, 'kernel/configs'];
  const known =
    TARGET.test(word) &&
    !word.includes('..') &&
    (OWN_TARGETS.includes(word) ||
      (/(?:defconfig|\.config)$/.test(word) && folders.some((folder) => existsSync(path.join(tree.path, folder, word)))) ||
      // arch/x86/Makefile and others make names of their own from those of files.
      /^[\w-]+_defconfig$/.test(word));
  if (known) return;
  throw new UserError(
    `config: '${word}' is no configuration target of ${tree.path} (defconfig, tinyconfig, a file of ${folders.join(' or ')}); for a file of your own write its path with a slash`,
  );
}

async function run(host: Host, make: Make, targets: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await make(...targets);
  for (const line of stderr.split('\n')) if (/warning:/i.test(line)) host.log.warning(line.trim());
  if (code === 0) return;
  const said = stderr.split('\n').concat(stdout.split('\n')).map((line) => line.trim()).filter(Boolean);
  const cause = said.find((line) => !/^make(\[\d+\])?: /.test(line)) ?? said[0] ?? 'no word of why';
  throw new UserError(`config: make ${targets.join(' ')} failed, exit code ${code}: ${cause.slice(0, 500)}`);
}

function checkLines(lines: readonly ConfigLine[], values: ReadonlyMap<string, string>, tree: KernelTree, arch: Arch): void {
  const wanted = new Map(lines.map((line) => [line.symbol, line]));
  const unmet = [...wanted.values()].filter((line) => (values.get(line.symbol) ?? 'n') !== line.value);
  const ours = unmet.find((line) => line.value !== 'n') ?? unmet[0];
  if (ours === undefined) return;
  const why = explainUnmet(tree, arch, values, ours);
  const rest = unmet.filter((line) => line !== ours && line.value !== 'n').map((line) => `CONFIG_${line.symbol}`);
  const more = rest.length === 0 ? '' : `; nor did ${rest.slice(0, 10).join(', ')}${rest.length > 10 ? ` and ${rest.length - 10} more` : ''}`;
  throw new UserError(`${ours.origin}: ${written(ours)} did not hold in the final .config: ${why}${more}`);
}

function writeWhole(file: string, text: string): void {
  const part = `${file}.part`;
  try {
    writeFileSync(part, text);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw new UserError(`output: ${file} cannot be written (${messageOf(error).split(',', 1)[0]})`);
  }
}
