import path from 'node:path';
import { type Arch, archOf, hostArch } from '../values/arch.ts';
import type { CacheRequest } from '../values/cache.ts';
import { UserError } from '../values/error.ts';
import type { BuildRequest, FailOn } from '../values/request.ts';
import type { ToolchainRequest } from '../values/toolchain.ts';
import { withDefaults } from './inputs.ts';
import { choice, count, flag, many, one, type Raw, size, text } from './values.ts';

/** What a request depends on beside its inputs. */
export interface Surroundings {
  /** Folder that relative paths start from. */
  readonly folder: string;
  /** `process.arch` of the host. */
  readonly nodeArch: string;
  readonly processors: number;
  readonly onGitHub: boolean;
  readonly githubToken: string | undefined;
}

const VERSION = /^[1-9][0-9]{0,2}(\.[0-9]{1,3}(\.[0-9]{1,3}(-rc[1-9][0-9]?)?)?)?$/;
const SOURCES = ['auto', 'kernel-org', 'github', 'debian', 'system'];
// Each of these has an input of its own, and two values for one thing could not both hold.
const TAKEN = /^(O|ARCH|LLVM|MAKEFILES|KBUILD_OUTPUT|SRCARCH)=/;

/** Reads the inputs of a build. Throws a UserError that names the input, its value and what is allowed. */
export function readBuildRequest(given: Raw, around: Surroundings): BuildRequest {
  const raw = withDefaults(given);
  const arch = readArch(raw, around);
  const source = path.resolve(around.folder, text(raw, 'source'));
  const output = path.resolve(around.folder, one(raw, 'output') ?? path.join(`${source}-out`, arch.name));
  const inFolder = (file: string) => path.resolve(around.folder, file);
  const words = many(raw, 'config').flatMap((value) => value.split(/\s+/));
  return {
    source,
    output,
    arch,
    lto: choice(raw, 'lto', ['auto', 'thin', 'thin-dist', 'full', 'none']),
    suffixReduction: choice(raw, 'suffix-reduction', ['auto', 'on', 'off']),
    config: words.map((word) => (isFile(word) ? inFolder(word) : word)),
    configFragments: many(raw, 'config-fragment').map(inFolder),
    kconfig: many(raw, 'kconfig'),
    targets: many(raw, 'targets')
      .flatMap((value) => value.split(/\s+/))
      .map(target),
    makeArgs: many(raw, 'make-args').map(makeArg),
    jobs: count(raw, 'jobs', around.processors),
    toolchain: readToolchainRequest(raw, around),
    cache: readCacheRequest(raw, around),
    reportDir: path.resolve(around.folder, one(raw, 'report-dir') ?? path.join(output, 'thinlto-report')),
    failOn: readFailOn(text(raw, 'fail-on')),
    dryRun: flag(raw, 'dry-run'),
    hostPackages:
      one(raw, 'host-packages') === undefined
        ? around.onGitHub
          ? 'install'
          : 'check'
        : choice(raw, 'host-packages', ['install', 'check']),
  };
}

/** Reads the architecture alone, for commands that build nothing. */
export function readArch(raw: Raw, around: Surroundings): Arch {
  const name = one(raw, 'arch');
  return name === undefined ? hostArch(around.nodeArch) : archOf(name);
}

/** Reads what the inputs say about LLVM. */
export function readToolchainRequest(given: Raw, around: Surroundings): ToolchainRequest {
  const raw = withDefaults(given);
  const version = text(raw, 'llvm-version');
  if (!VERSION.test(version)) {
    throw new UserError(`llvm-version: '${version}' is not a version; write 23, 23.1, 23.1.4 or 23.1.0-rc1`);
  }
  const source = text(raw, 'llvm-source');
  if (!SOURCES.includes(source) && !/^https?:\/\/[^\s]+$/.test(source)) {
    throw new UserError(`llvm-source: '${source}' is not one of ${SOURCES.join(', ')}, or an http(s) URL`);
  }
  const sha256 = one(raw, 'llvm-sha256')?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new UserError(`llvm-sha256: '${sha256}' is not a SHA-256 of 64 hexadecimal digits`);
  }
  const mirror = one(raw, 'llvm-mirror')?.replace(/\/+$/, '');
  if (mirror !== undefined && !/^https?:\/\/[^\s]+$/.test(mirror)) {
    throw new UserError(`llvm-mirror: '${mirror}' is not an http(s) URL`);
  }
  if (mirror !== undefined && !['kernel-org', 'github', 'debian'].includes(source)) {
    throw new UserError(`llvm-mirror: needs llvm-source kernel-org, github or debian, not '${source}'`);
  }
  const llvmPath = one(raw, 'llvm-path');
  if (llvmPath !== undefined && !['auto', 'system'].includes(source)) {
    throw new UserError(
      `llvm-path: '${llvmPath}' is an installed LLVM; it needs llvm-source system, not '${source}'`,
    );
  }
  const key = one(raw, 'llvm-key');
  const githubToken = one(raw, 'github-token') ?? around.githubToken;
  return {
    version,
    source,
    ...(llvmPath && { path: /^-[\w.]+$/.test(llvmPath) ? llvmPath : path.resolve(around.folder, llvmPath) }),
    ...(sha256 && { sha256 }),
    ...(mirror && { mirror }),
    ...(key && { key: path.resolve(around.folder, key) }),
    ...(githubToken && { githubToken }),
  };
}

function readCacheRequest(raw: Raw, around: Surroundings): CacheRequest {
  const family = one(raw, 'cache-key');
  if (family !== undefined && !/^[\w.+=-]{1,80}$/.test(family)) {
    throw new UserError(
      `cache-key: '${family}' is not 1 to 80 letters, digits and . _ + = -, which is what a cache takes in a key`,
    );
  }
  const folder = one(raw, 'cache-dir');
  return {
    use: choice(raw, 'cache', ['auto', 'always', 'read-only', 'off']),
    maxBytes: size(raw, 'cache-max-size'),
    family,
    folder: folder === undefined ? undefined : path.resolve(around.folder, folder),
    ccache: choice(raw, 'ccache', ['auto', 'system', 'github', 'debian']),
  };
}

// A word of `config` is a file where it could not be a make target.
function isFile(word: string): boolean {
  return word.includes('/') || word.startsWith('.');
}

function target(word: string): string {
  if (!/^[\w.][\w./%+-]*$/.test(word) || word.includes('..')) {
    throw new UserError(
      `targets: '${word}' is not a make target such as vmlinux, bzImage, modules, drivers/net/`,
    );
  }
  return word;
}

function makeArg(word: string): string {
  const taken = TAKEN.exec(word);
  if (taken !== null) {
    const input = { O: 'output', ARCH: 'arch', LLVM: 'llvm-path' }[taken[1] ?? ''] ?? 'another input';
    throw new UserError(`make-args: '${word}' is set by ${input}; leave it out`);
  }
  if (
    !/^([A-Za-z_]\w*[:+?]?=|-k$|--[a-z])/s.test(word) ||
    /^--(directory|file|makefile|jobs|eval)/.test(word)
  ) {
    throw new UserError(
      `make-args: '${word}' is not NAME=VALUE, -k or a long option of make; jobs has an input of its own`,
    );
  }
  return word;
}

function readFailOn(text: string): FailOn {
  if (text === 'none' || text === 'any-function') return { kind: text };
  const over = /^count\s*>\s*([0-9]{1,9})$/.exec(text)?.[1];
  if (over !== undefined) return { kind: 'count', over: Number(over) };
  throw new UserError(`fail-on: '${text}' is not none, any-function or count>N`);
}
