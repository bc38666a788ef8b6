import type { Raw } from './values.ts';

/** One input: of `action.yml`, of the command's flags and of the docs, all of which a test holds against this. */
export interface Input {
  readonly name: string;
  /** One sentence or two, without markup. */
  readonly help: string;
  /** Shown where the flag takes a value: `--arch NAME`. */
  readonly value: string;
  /** What holds where the input is absent or empty. */
  readonly default?: string;
  /** The same in words, where it is derived. */
  readonly fallback?: string;
  /** A flag that may be repeated; one value a line in YAML. */
  readonly repeated?: true;
  /** The commands that take it as a flag. */
  readonly commands: readonly Command[];
}

export type Command = 'build' | 'toolchain install' | 'toolchain probe';

const BUILD: readonly Command[] = ['build'];
const TOOLCHAIN: readonly Command[] = ['build', 'toolchain install', 'toolchain probe'];
const TARGETED: readonly Command[] = ['build', 'toolchain probe'];

export const INPUTS: readonly Input[] = [
  {
    name: 'source',
    value: 'DIR',
    default: '.',
    help: 'Kernel source tree. Nothing is written into it.',
    commands: BUILD,
  },
  {
    name: 'output',
    value: 'DIR',
    fallback: 'beside the tree: SOURCE-out/ARCH',
    help: 'Output folder of the build (O=).',
    commands: BUILD,
  },
  {
    name: 'arch',
    value: 'ARCH',
    fallback: "the host's",
    help: 'Architecture: x86_64, arm64, riscv or loongarch; x86, amd64, aarch64, riscv64 and loongarch64 are taken too.',
    commands: TARGETED,
  },
  {
    name: 'lto',
    value: 'MODE',
    default: 'auto',
    help: 'thin (in-process ThinLTO), thin-dist (distributed ThinLTO), full, none, or auto: thin-dist where the tree has it, else thin.',
    commands: BUILD,
  },
  {
    name: 'suffix-reduction',
    value: 'WHEN',
    default: 'auto',
    help: 'Keep the own names of promoted locals: on (or fail), off, or auto: on where tree and toolchain can.',
    commands: BUILD,
  },
  {
    name: 'config',
    value: 'TARGET|FILE',
    default: 'defconfig',
    repeated: true,
    help: 'Base configuration: make targets such as "defconfig kvm_guest.config", or one configuration file.',
    commands: BUILD,
  },
  {
    name: 'config-fragment',
    value: 'FILE',
    fallback: 'none',
    repeated: true,
    help: 'File of configuration lines, merged over the base; each line is checked in the final .config.',
    commands: BUILD,
  },
  {
    name: 'kconfig',
    value: 'LINE',
    fallback: 'none',
    repeated: true,
    help: 'One configuration line such as CONFIG_FOO=y or "# CONFIG_FOO is not set", merged last and checked.',
    commands: BUILD,
  },
  {
    name: 'targets',
    value: 'TARGET',
    fallback: "the tree's default, all",
    repeated: true,
    help: 'Make targets to build.',
    commands: BUILD,
  },
  {
    name: 'make-args',
    value: 'ARG',
    fallback: 'none',
    repeated: true,
    help: 'Further argument of make, as it is: KCFLAGS=-Wno-error, W=1. Not what other inputs set (O=, ARCH=, LLVM=, -j).',
    commands: BUILD,
  },
  {
    name: 'jobs',
    value: 'N',
    fallback: 'one a processor',
    help: 'Compilers that run at the same time (make -j).',
    commands: BUILD,
  },
  {
    name: 'llvm-version',
    value: 'VERSION',
    default: '23',
    help: 'LLVM to use: a series (23, 23.1: its newest release), a release (23.1.4) or a candidate (23.1.0-rc1).',
    commands: TOOLCHAIN,
  },
  {
    name: 'llvm-source',
    value: 'SOURCE',
    default: 'auto',
    help: 'Where LLVM comes from: kernel-org, github, debian, system, the URL of an archive, or auto: system, then the tool cache, then kernel-org, then debian.',
    commands: TOOLCHAIN,
  },
  {
    name: 'llvm-path',
    value: 'DIR|SUFFIX',
    fallback: 'PATH',
    help: 'An installed LLVM: its folder, its bin folder, or the suffix of its programs in PATH (-23).',
    commands: TOOLCHAIN,
  },
  {
    name: 'llvm-sha256',
    value: 'HEX',
    fallback: "the source's signed checksum",
    help: 'Digest that the toolchain must have, as a former run printed it. Required with a URL.',
    commands: TOOLCHAIN,
  },
  {
    name: 'llvm-mirror',
    value: 'URL',
    fallback: "the source's own server",
    help: 'Base URL in place of the server of llvm-source, with the same layout below it.',
    commands: TOOLCHAIN,
  },
  {
    name: 'llvm-key',
    value: 'FILE',
    fallback: "the source's own key",
    help: 'OpenPGP public key (armored) that signs the checksums of llvm-mirror.',
    commands: TOOLCHAIN,
  },
  {
    name: 'cache',
    value: 'HOW',
    default: 'auto',
    help: 'Reuse what former builds made: auto (on GitHub saved from the default branch only), always (saved from any branch), read-only (never saved), off.',
    commands: BUILD,
  },
  {
    name: 'cache-dir',
    value: 'DIR',
    fallback: "GitHub's cache on its runners, else KERNEL_THINLTO_CACHE/cache",
    help: 'Folder that holds the cache; any number of builds may share it.',
    commands: BUILD,
  },
  {
    name: 'cache-key',
    value: 'NAME',
    fallback: 'the names in config',
    help: 'Configuration family: builds of one family go on from the last one of it.',
    commands: BUILD,
  },
  {
    name: 'cache-max-size',
    value: 'SIZE',
    default: '5G',
    help: 'Most that the compiler cache may hold, such as 800M or 5G; what was used longest ago goes first.',
    commands: BUILD,
  },
  {
    name: 'ccache',
    value: 'SOURCE',
    default: 'auto',
    help: 'Where ccache (4.13.2 or later) comes from: system, github (its own release), debian, or auto: system, then the tool cache, then github, then debian.',
    commands: BUILD,
  },
  {
    name: 'github-token',
    value: 'TOKEN',
    fallback: 'GITHUB_TOKEN of the environment',
    help: 'Token for reading LLVM releases from api.github.com; without one GitHub allows few requests an hour.',
    commands: TOOLCHAIN,
  },
  {
    name: 'host-packages',
    value: 'HOW',
    fallback: 'install on GitHub, else check',
    help: 'Packages that a kernel build needs on the host: install the missing ones with apt, or check: name them and stop.',
    commands: BUILD,
  },
  {
    name: 'report-dir',
    value: 'DIR',
    fallback: 'OUTPUT/thinlto-report',
    help: 'Folder for report.json, report.md, report.txt and build.log.',
    commands: BUILD,
  },
  {
    name: 'fail-on',
    value: 'POLICY',
    default: 'none',
    help: 'Fail the run on the content of the report: none, any-function (a suffixed function), count>N (more than N suffixed symbols).',
    commands: BUILD,
  },
  {
    name: 'dry-run',
    value: '',
    default: 'false',
    help: 'Print the plan and the exact make lines, and run nothing of it.',
    commands: BUILD,
  },
];

/** The inputs that a command takes as flags. */
export function inputsOf(command: Command): readonly Input[] {
  return INPUTS.filter((input) => input.commands.includes(command));
}

/** The inputs with those that are absent or empty set to their defaults. */
export function withDefaults(raw: Raw): Raw {
  const filled = new Map(raw);
  for (const input of INPUTS) {
    const given = (raw.get(input.name) ?? []).some((value) => value.trim() !== '');
    if (!given && input.default !== undefined) filled.set(input.name, [input.default]);
  }
  return filled;
}
