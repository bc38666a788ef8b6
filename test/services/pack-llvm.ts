import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { testToolchainFolder } from './llvm.ts';

export interface PackedLlvm {
  /** As its clang says: `23.1.4`. */
  readonly version: string;
  readonly file: string;
}

const PROGRAMS = ['clang', 'lld', 'llvm-nm'];

/**
 * Packs the tests' LLVM as a release is packed: one top folder with `bin`, in a .tar.xz. Trimmed to what compiles and
 * links, with the libraries that it needs, so that it runs wherever it is unpacked.
 */
export function packLlvm(folder: string): PackedLlvm {
  const bin = path.join(testToolchainFolder(), 'bin');
  const version =
    /clang version (\d+\.\d+\.\d+)/.exec(
      execFileSync(path.join(bin, 'clang'), ['--version'], { encoding: 'utf8' }),
    )?.[1] ?? '';
  const top = path.join(folder, `llvm-${version}`);
  for (const name of ['bin', 'lib', 'libexec']) mkdirSync(path.join(top, name), { recursive: true });
  const libraries = new Map<string, string>();
  let loader = '';
  for (const program of PROGRAMS) {
    const file = realpathSync(path.join(bin, program === 'lld' ? 'ld.lld' : program));
    copyFileSync(file, path.join(top, 'libexec', program));
    // The program's own loader lists what it would load, without running it.
    const env = { ...process.env, LD_TRACE_LOADED_OBJECTS: '1' };
    for (const line of execFileSync(file, [], { env, encoding: 'utf8' }).split('\n')) {
      const [, name = '', place = name] = /^\s*(\S+)(?: => (\S+))? \(0x/.exec(line) ?? [];
      if (!place.startsWith('/')) continue;
      const isLoader = path.basename(name).startsWith('ld-');
      if (isLoader) loader = path.basename(name);
      libraries.set(path.basename(name), isLoader && name.startsWith('/') ? name : place);
    }
  }
  for (const [name, place] of libraries) copyFileSync(place, path.join(top, 'lib', name));
  for (const name of ['clang-23', 'ld.lld', 'llvm-nm']) {
    const real = { 'clang-23': 'clang', 'ld.lld': 'lld' }[name] ?? name;
    const script = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/..
exec "$here/lib/${loader}" --library-path "$here/lib" --argv0 "${name}" "$here/libexec/${real}" "$@"
`;
    writeFileSync(path.join(top, 'bin', name), script);
    chmodSync(path.join(top, 'bin', name), 0o755);
  }
  symlinkSync('clang-23', path.join(top, 'bin', 'clang'));
  symlinkSync('clang', path.join(top, 'bin', 'clang++'));
  const file = `${top}.tar.xz`;
  execFileSync('tar', ['-C', folder, '-cf', file, '-I', 'xz -0 -T0', path.basename(top)]);
  rmSync(top, { recursive: true });
  return { version, file };
}
