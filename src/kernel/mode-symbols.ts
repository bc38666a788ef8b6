import type { Mode } from '../values/mode.ts';

/** The member of the kernel's LTO choice for each mode, without CONFIG_. */
export const MODE_SYMBOLS: Readonly<Record<Mode, string>> = {
  none: 'LTO_NONE',
  full: 'LTO_CLANG_FULL',
  thin: 'LTO_CLANG_THIN',
  'thin-dist': 'LTO_CLANG_THIN_DIST',
};
