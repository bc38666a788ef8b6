import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { testToolchainFolder } from './llvm.ts';
import { testTree } from './tree.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The bundled command, as a user has it. */
export const COMMAND = path.join(ROOT, 'dist/cli/index.js');

/** The kernels that tests look at, each built once a run: mode and reduction. */
export const VARIANTS = {
  'thin-on': ['thin', 'on'],
  'thin-off': ['thin', 'off'],
  'thin-dist-on': ['thin-dist', 'on'],
  'thin-dist-off': ['thin-dist', 'off'],
} as const;
export type Variant = keyof typeof VARIANTS;

export interface Built {
  readonly output: string;
  readonly reportDir: string;
}

/** Folder in which the kernels of this run are built. */
export function buildsFolder(): string {
  const folder = process.env.KERNEL_THINLTO_TEST_OUT;
  if (folder === undefined || folder === '') {
    throw new Error('KERNEL_THINLTO_TEST_OUT names no folder; run the tests with: npm test');
  }
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The inputs of a variant: x86_64 tinyconfig with 64BIT. */
export function inputsOf(variant: Variant): Readonly<Record<string, string>> {
  const [lto, reduction] = VARIANTS[variant];
  const output = path.join(buildsFolder(), variant);
  return {
    source: testTree(),
    output,
    'report-dir': `${output}-report`,
    arch: 'x86_64',
    lto,
    'suffix-reduction': reduction,
    config: 'tinyconfig',
    kconfig: 'CONFIG_64BIT=y',
    'llvm-path': testToolchainFolder(),
    // From nothing: what a build with the cache is compared with.
    cache: 'off',
  };
}

/** Says that a variant stands, for those that built it in a way of their own. */
export function markBuilt(variant: Variant): Built {
  const inputs = inputsOf(variant);
  writeFileSync(marker(variant), '');
  return { output: inputs.output ?? '', reportDir: inputs['report-dir'] ?? '' };
}

/** A built kernel: builds it with the bundled command where no test of this run has done so yet. */
export function built(variant: Variant): Built {
  if (!existsSync(marker(variant))) {
    const inputs = inputsOf(variant);
    rmSync(inputs.output ?? '', { recursive: true, force: true });
    const flags = Object.entries(inputs).flatMap(([name, value]) => [`--${name}`, value]);
    execFileSync(oldestNode(), [COMMAND, 'build', ...flags], { stdio: ['ignore', 'inherit', 'inherit'] });
  }
  return markBuilt(variant);
}

/** The report of a built kernel. */
export function reportOf(built: Built) {
  return JSON.parse(readFileSync(path.join(built.reportDir, 'report.json'), 'utf8'));
}

/** The program of the oldest Node that the command promises to run on. */
export function oldestNode(): string {
  const node = path.join(ROOT, `node_modules/node20-${process.arch}/bin/node`);
  if (existsSync(node)) return node;
  throw new Error(`Node 20 is not at ${node}; run: npm ci`);
}

function marker(variant: Variant): string {
  return path.join(buildsFolder(), `${variant}.built`);
}
