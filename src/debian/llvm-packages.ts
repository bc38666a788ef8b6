import { isRunTime } from './run-time.ts';

/**
 * Packages that LLVM's depend on and that no compiler run needs: what other programs are compiled against, for which
 * the host has its own (and clang must find that, not a second one beside itself), debuggers, interpreters, and the
 * libraries of both. clang's own headers (libclang-common-N-dev) are needed.
 */
const NOT_NEEDED =
  /^(?:(?!libclang-common-).*-dev|libc-dev-bin|binutils.*|lib(?:py)?python3.*|python3.*|libclang-rt-.*|libclang1-.*|llvm-\d+-(?:tools|linker-tools|runtime)|libc-gconv-modules-.*|debconf.*|gcc-\d+|libpfm4)$/;

// Large ones that are for developers of LLVM.
const PROGRAMS_LEFT_OUT =
  /^(?:llvm-exegesis|obj2yaml|yaml2obj|.*-tblgen|llvm-test-.*|llvm-(?:reduce|jitlink.*|pdbutil|mca|config)|lli.*|bugpoint|c-index-test)$/;

const UNPACKED = [
  /^usr\/lib\/llvm-\d+\/lib\/lib(?:LLVM|LTO|clang-cpp)[^/]*\.so[^/]*$/,
  /^usr\/lib\/llvm-\d+\/lib\/clang\/[\d.]+\/include(?:\/|$)/,
];

/** Whether a package that another one depends on can stay away. */
export function isNotNeeded(name: string): boolean {
  return NOT_NEEDED.test(name);
}

/** Whether an entry of one of the packages, as it is named in it, is part of the toolchain. */
export function isPartOfLlvm(entry: string): boolean {
  const program = /^usr\/lib\/llvm-\d+\/bin\/([^/]+)$/.exec(entry)?.[1];
  if (program !== undefined) return !PROGRAMS_LEFT_OUT.test(program);
  return UNPACKED.some((pattern) => pattern.test(entry)) || isRunTime(entry);
}
