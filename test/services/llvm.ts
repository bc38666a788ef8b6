import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Toolchain } from '../../src/values/toolchain.ts';

/** Prefix of the LLVM that the tests use; `npm test` installs it and sets the variable. */
export function testToolchainFolder(): string {
  const folder = process.env.KERNEL_THINLTO_TEST_LLVM;
  if (folder === undefined || folder === '') {
    throw new Error('KERNEL_THINLTO_TEST_LLVM names no LLVM; run the tests with: npm test');
  }
  if (!existsSync(join(folder, 'bin', 'clang'))) {
    throw new Error(`KERNEL_THINLTO_TEST_LLVM: no bin/clang in ${folder}; run the tests with: npm test`);
  }
  return folder;
}

/** A toolchain value for the programs of a folder. */
export function toolchainAt(bin: string): Toolchain {
  return {
    version: '23',
    source: 'system',
    digest: '0'.repeat(64),
    bin,
    suffix: '',
    llvm: `${bin}/`,
    reason: 'for a test',
    pin: {},
  };
}
