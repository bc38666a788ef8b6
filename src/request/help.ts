import { flagsHelp } from './flags.ts';
import type { Command } from './inputs.ts';

const GENERAL = `kernel-thinlto: build a Linux kernel with Clang ThinLTO, and say what is in it

  kernel-thinlto build [flags]              build one kernel, and report its .llvm.<hash> suffixes
  kernel-thinlto toolchain install [flags]  fetch and verify an LLVM, and print its folder
  kernel-thinlto toolchain probe [flags]    say what an LLVM really does, by trying it
  kernel-thinlto demo                       fetch a kernel and an LLVM from Debian, and build a small one

  kernel-thinlto COMMAND --help             the flags of a command
  kernel-thinlto --version

A first kernel, from a tree in ./linux, with distributed ThinLTO and names kept:

  kernel-thinlto build --source linux --lto thin-dist --suffix-reduction on

Exit code: 0 done, 1 failed (the last line says why), 2 a wrong command line, 130 interrupted.
`;

const EXAMPLES: Readonly<Record<Command, string>> = {
  build: `kernel-thinlto build: build one kernel

  kernel-thinlto build --source linux --output out --arch arm64 --lto thin-dist \\
      --config defconfig --config-fragment my.config --kconfig CONFIG_FOO=y

  kernel-thinlto build --source linux --dry-run        what would be run, line by line

Flags [what holds without]:
`,
  'toolchain install': `kernel-thinlto toolchain install: fetch and verify an LLVM

  kernel-thinlto toolchain install --llvm-version 23.1.4 --llvm-source debian

Prints the folder of its programs on standard output, so that this works:

  make LLVM="$(kernel-thinlto toolchain install)/" ...

Flags [what holds without]:
`,
  'toolchain probe': `kernel-thinlto toolchain probe: compile and link two small translation units, and read what came out

  kernel-thinlto toolchain probe --llvm-path /usr/lib/llvm-19 --arch arm64

Flags [what holds without]:
`,
};

/** The help of the whole command, or of one of its commands. */
export function help(command?: Command): string {
  return command === undefined ? GENERAL : `${EXAMPLES[command]}${flagsHelp(command)}\n`;
}
