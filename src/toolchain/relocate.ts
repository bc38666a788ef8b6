import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { LLVM_PROGRAMS } from './programs.ts';

const TIMEOUT_SECONDS = 120;

/**
 * Makes unpacked Debian packages run at `final` with the libraries that came with them: each program gets their
 * loader as its interpreter, and each program and library a search path of its own. patchelf is one of the packages,
 * and is started through the loader itself. Throws a UserError where a program of the result does not start.
 */
export async function relocate(host: Host, staging: string, final: string, llvm: string): Promise<void> {
  const folders = libraryFolders(staging, llvm);
  const loader = loaderIn(staging);
  const own = await ownCopy(staging, folders, loader);
  const run = async (args: readonly string[]) => {
    const patchelf = path.join(staging, 'usr/bin/patchelf');
    const call = ['--library-path', own, patchelf, ...args];
    const { code, stderr } = await host.run(path.join(own, path.basename(loader)), call, {
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    if (code !== 0) throw cannotRun(`patchelf failed: ${stderr.trim().split('\n')[0]}`);
  };
  const bin = path.join(llvm, 'bin');
  removeDanglingLinks(path.join(staging, bin));
  for (const folder of [bin, ...folders]) {
    const files = await elfFiles(path.join(staging, folder));
    if (files.length === 0) continue;
    const search = folders.map((one) => `$ORIGIN/${path.relative(folder, one)}`).join(':');
    const interpreter = folder === bin ? ['--set-interpreter', path.join(final, loader)] : [];
    // RPATH and not RUNPATH: LD_LIBRARY_PATH, which some set-up steps of CI export, goes before the latter.
    await run([...interpreter, '--force-rpath', '--set-rpath', search, ...files]);
  }
  await rm(own, { recursive: true });
  for (const program of LLVM_PROGRAMS) {
    const call = [path.join(staging, bin, program), '--version'];
    const { code, stderr } = await host.run(path.join(staging, loader), call, {
      limit: 65536,
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    if (code !== 0) throw cannotRun(`${program} ends with ${code} ${stderr.trim().split('\n')[0]}`.trim());
  }
}

function cannotRun(why: string): UserError {
  return new UserError(`LLVM of Debian cannot be made to run here: ${why}`);
}

/** Links to programs that were left out. */
function removeDanglingLinks(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!existsSync(path.join(folder, name))) rmSync(path.join(folder, name));
  }
}

/** The libraries that patchelf runs with, where it does not write to them meanwhile. */
async function ownCopy(staging: string, folders: readonly string[], loader: string): Promise<string> {
  const own = path.join(staging, '.patchelf');
  await mkdir(own);
  await copyFile(path.join(staging, loader), path.join(own, path.basename(loader)));
  for (const folder of folders) {
    for (const name of readdirSync(path.join(staging, folder))) {
      const needed = /^lib(?:c|m|stdc\+\+|gcc_s|pthread|dl)\.so\.\d+$/.test(name);
      if (needed) await copyFile(path.join(staging, folder, name), path.join(own, name));
    }
  }
  return own;
}

function libraryFolders(staging: string, llvm: string): readonly string[] {
  const roots = ['usr/lib', 'lib'].filter((folder) => existsSync(path.join(staging, folder)));
  const triples = roots.flatMap((folder) =>
    readdirSync(path.join(staging, folder))
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => path.join(folder, name)),
  );
  return [...triples, path.join(llvm, 'lib')].filter((folder) => existsSync(path.join(staging, folder)));
}

/** The loader's file, below its several names. */
function loaderIn(staging: string): string {
  const folders = ['usr/lib64', 'lib64', 'usr/lib', 'lib', ...libraryFolders(staging, '.')];
  for (const folder of folders) {
    const name =
      existsSync(path.join(staging, folder)) &&
      readdirSync(path.join(staging, folder)).find((one) => /^ld-linux[\w.-]*\.so\.\d$/.test(one));
    if (name && existsSync(path.join(staging, folder, name))) return path.join(folder, name);
  }
  throw cannotRun('its packages have no loader (ld-linux)');
}

/** The dynamic ELF files of a folder, without links. The loader is left as it is: it cannot be given a search path. */
async function elfFiles(folder: string): Promise<readonly string[]> {
  const files = readdirSync(folder)
    .filter((name) => !name.startsWith('ld-linux'))
    .map((name) => path.join(folder, name))
    .filter((file) => lstatSync(file).isFile());
  const found: string[] = [];
  for (const file of files) {
    const handle = await open(file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
      if (bytesRead === 4 && buffer.readUInt32BE(0) === 0x7f454c46) found.push(file);
    } finally {
      await handle.close();
    }
  }
  return found;
}
