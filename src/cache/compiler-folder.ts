import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Toolchain } from '../values/toolchain.ts';
import { OWN_FOLDER } from './output-files.ts';

export const THIN_LINK = 'thin-link';

/**
 * Makes the folder that a build with the cache takes its LLVM from: links to the programs of a toolchain, by their names
 * without a suffix, with `clang` a link to ccache where there is one. kbuild records its command lines, so they must
 * not depend on whether there is a ccache, nor on where either is. Returns the folder with a slash, as `LLVM=` takes it.
 *
 * `self` starts this program: the thin link runs inside it.
 */
export function makeCompilerFolder(
  output: string,
  toolchain: Toolchain,
  ccache: string | undefined,
  self: readonly string[],
): string {
  const folder = path.join(output, OWN_FOLDER, 'bin');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(toolchain.bin)) {
    if (!/^[\w.+-]+$/.test(name) || !name.endsWith(toolchain.suffix)) continue;
    const plain = name.slice(0, name.length - toolchain.suffix.length);
    if (!/^(?:clang|lld|ld\.lld|llvm)(?:$|[+-])/.test(plain)) continue;
    const program = path.join(toolchain.bin, name);
    if (existsSync(program))
      symlinkSync(plain === 'clang' ? (ccache ?? program) : program, path.join(folder, plain));
  }
  const script = path.join(folder, THIN_LINK);
  writeFileSync(script, `#!/bin/sh\nexec ${[...self, THIN_LINK].map(quote).join(' ')} "$@"\n`);
  chmodSync(script, 0o755);
  return `${folder}/`;
}

/** The real clang of a toolchain, for ccache, which is called by clang's name. */
export function clangOf(toolchain: Toolchain): string {
  return path.join(toolchain.bin, `clang${toolchain.suffix}`);
}

/**
 * Lines of a makefile (see `MAKEFILES` in GNU make's manual) that a build with the cache needs: the thin link runs
 * through this program, which keeps the times of indexes that came out as they were; and back ends of what includes
 * other files' bytes (`.incbin`) are not cached, because ccache does not look into bitcode.
 */
export function cacheMakefile(folder: string, embedding: readonly string[]): string {
  const inHeaders = embedding.some((name) => !name.endsWith('.c'));
  const objects = inHeaders
    ? ['%.thinlto-native.o']
    : embedding.map((name) => name.replace(/\.c$/, '.thinlto-native.o'));
  return [
    '# Written by kernel-thinlto: the cache of this build.',
    `vmlinux.thinlto-index: private override LD := ${folder}${THIN_LINK} $(LD)`,
    ...(objects.length > 0 ? [`${objects.join(' ')}: export CCACHE_DISABLE := 1`] : []),
    '',
  ].join('\n');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
