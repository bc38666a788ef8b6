import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { ProgramResult } from '../values/program.ts';
import type { KernelTree } from '../values/tree.ts';
import {
  type ConfigLine,
  isMet,
  lastOfEach,
  mergeLines,
  readText,
  readValues,
  written,
} from './config-lines.ts';
import { type ConfigRequest, configTargets, readConfigRequest } from './config-request.ts';
import { explainUnmet } from './kconfig/explain.ts';
import { parseKconfig } from './kconfig/parse.ts';
import type { ConfigValues } from './kconfig/values.ts';
import { kconfigWarnings } from './kconfig-warnings.ts';

export { type ConfigRequest, configTargets, readConfigRequest };

/** A final configuration. */
export interface Configured {
  /** Path of `.config`. */
  readonly file: string;
  /** SHA-256 of its bytes. */
  readonly digest: string;
  /** By symbol without CONFIG_, as `.config` writes them; what is not in it is n. */
  readonly values: ConfigValues;
}

/** What the stage asks of make: some targets, run to their end, with their output kept. */
export type Make = (...targets: readonly string[]) => Promise<ProgramResult>;

const NAMED = 10;

/**
 * Makes the output folder's `.config`, and checks each requested line in what Kconfig made of it. A `.config` that
 * comes out as it was keeps its time. Logs what Kconfig warns of. Throws a UserError that explains the first line
 * that did not hold, and names the others.
 */
export async function configure(
  host: Pick<Host, 'log'>,
  request: ConfigRequest,
  tree: KernelTree,
  arch: Arch,
  output: string,
  make: Make,
): Promise<Configured> {
  const file = path.join(output, '.config');
  makeFolder(output);
  const before = readBefore(file);
  for (const warning of request.warnings) host.log.warning(warning);
  if ('file' in request.base) writeWhole(file, readText(request.base.file, 'config'));
  else await run(host, make, request.base.targets);
  writeWhole(file, mergeLines(readText(file, 'output'), request.lines));
  await run(host, make, ['olddefconfig']);
  const configured = readConfigured(request, tree, arch, output);
  // kbuild compares times first. A whole millisecond, rounded down: never later than what was made from it.
  if (before?.digest === configured.digest) utimesSync(file, before.seconds, before.seconds);
  return configured;
}

/** Reads the output folder's `.config`, and checks each requested line in it. */
export function readConfigured(
  request: ConfigRequest,
  tree: KernelTree,
  arch: Arch,
  output: string,
): Configured {
  const file = path.join(output, '.config');
  const text = readText(file, 'output');
  const values = readValues(text);
  checkLines(request.lines, values, tree, arch);
  return { file, digest: digestOf(text), values };
}

// Others of kconfig's targets ask a person, the running system or chance.
const SETTLED = /^(?:[\w-]*defconfig|tinyconfig|all(?:no|yes|mod)config|[\w./-]+\.config)$/;

/**
 * A digest over everything in a request that `.config` follows from, besides the tree, the toolchain and the host;
 * undefined where the same request may give another `.config` each time.
 */
export function configRequestDigest(
  { base, lines }: ConfigRequest,
  makeArgs: readonly string[],
): string | undefined {
  const targets = 'file' in base ? [] : base.targets;
  if (!targets.every((target) => SETTLED.test(target))) return undefined;
  const file = 'file' in base ? readText(base.file, 'config') : '';
  return digestOf(JSON.stringify([targets, file, lines, makeArgs]));
}

/** Whether a file of the tree can have a part in what `.config` comes out as. */
export function isConfigSource(name: string): boolean {
  return /(?:^|\/)(?:Kconfig[^/]*|Makefile[^/]*|[^/]*config[^/]*)$|^scripts\/|^arch\/[^/]+\/configs\//.test(
    name,
  );
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function run(host: Pick<Host, 'log'>, make: Make, targets: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await make(...targets);
  for (const warning of kconfigWarnings(stderr)) host.log.warning(warning);
  if (code === 0) return;
  const said = `${stderr}\n${stdout}`
    .split('\n')
    .map((line) => line.replaceAll(/[\x00-\x1f\x7f]/g, ' ').trim());
  const telling = said.filter((line) => line !== '' && !/^\*+$/.test(line));
  const error = telling.find((line) => /\berror\b/i.test(line) && !/^make(\[\d+\])?: \*\*\* \[/.test(line));
  const cause =
    error ?? telling.find((line) => !/^make(\[\d+\])?: /.test(line)) ?? telling[0] ?? 'it said nothing';
  throw new UserError(
    `config: make ${targets.join(' ')} failed with exit code ${code}: ${cause.slice(0, 500)}`,
  );
}

function checkLines(lines: readonly ConfigLine[], values: ConfigValues, tree: KernelTree, arch: Arch): void {
  const unmet = lastOfEach(lines).filter((line) => !isMet(line, values));
  // What should be on tells more than what should be off: of a choice one follows from the other.
  const on = unmet.filter((line) => line.value !== 'n');
  const first = on.find((line) => line.origin.startsWith('lto:')) ?? on[0] ?? unmet[0];
  if (first === undefined) return;
  const others = (on.length > 0 ? on : unmet)
    .filter((line) => line !== first)
    .map((line) => `CONFIG_${line.symbol}`);
  const more = others.length > NAMED ? ` and ${others.length - NAMED} more` : '';
  const rest = others.length === 0 ? '' : `; nor did ${others.slice(0, NAMED).join(', ')}${more}`;
  const why = explain(first, values, tree, arch);
  throw new UserError(
    `${first.origin}: '${written(first)}' did not hold in the final .config: ${why}${rest}`,
  );
}

function explain({ symbol, value }: ConfigLine, values: ConfigValues, tree: KernelTree, arch: Arch): string {
  try {
    return explainUnmet(parseKconfig(tree.path, arch.srcArch, arch.name), values, symbol, value);
  } catch (error) {
    // The request that did not hold is the news, not that its cause could not be found.
    if (error instanceof UserError) return `Kconfig left it out (${error.message})`;
    throw error;
  }
}

function readBefore(file: string): { digest: string; seconds: number } | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return { digest: digestOf(readText(file, 'output')), seconds: Math.floor(found.mtimeMs) / 1000 };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw unwritable(folder, error);
  }
}

function writeWhole(file: string, text: string): void {
  const part = `${file}.kernel-thinlto`;
  try {
    rmSync(part, { force: true });
    writeFileSync(part, text, { flag: 'wx' });
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw unwritable(file, error);
  }
}

function unwritable(name: string, error: unknown): UserError {
  return new UserError(`output: ${name} cannot be written (${messageOf(error).split(',', 1)[0]})`);
}
