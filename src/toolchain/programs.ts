/** The programs that a kernel build with `LLVM=` starts (scripts/Makefile.clang, the top Makefile). */
export const LLVM_PROGRAMS: readonly string[] = [
  'clang',
  'ld.lld',
  'llvm-ar',
  'llvm-nm',
  'llvm-objcopy',
  'llvm-objdump',
  'llvm-readelf',
  'llvm-strip',
];
