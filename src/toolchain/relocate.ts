import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';

const TIMEOUT_SECONDS = 120;

/** What is to run of unpacked packages. */
export interface Relocated {
  /** How people call it: `LLVM`, `ccache`. */
  readonly name: string;
  /** Folder below the root of the packages; its programs are in `bin`, libraries of its own in `lib`. */
  readonly folder: string;
  /** The programs of `bin` that must start. */
  readonly programs: readonly string[];
  /** What they are started with; the host's environment where absent. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Makes unpacked Debian packages run at `final` with the libraries that came with them: each program gets their
 * loader as its interpreter, and each program and library a search path of its own. patchelf is one of the packages,
 * is started through the loader itself, and is gone afterwards. Throws a UserError where a program of the result does
 * not start.
 */
export async function relocate(host: Host, staging: string, final: string, tool: Relocated): Promise<void> {
  const cannotRun = (why: string) =>
    new UserError(`${tool.name} of Debian cannot be made to run here: ${why}`);
  const folders = libraryFolders(staging, tool.folder);
  const loader = loaderIn(staging);
  if (loader === undefined) throw cannotRun('its packages have no loader (ld-linux)');
  const own = await ownCopy(staging, folders, loader);
  const run = async (args: readonly string[]) => {
    const call = ['--library-path', own, path.join(own, 'patchelf'), ...args];
    const { code, stderr } = await host.run(path.join(own, path.basename(loader)), call, {
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    if (code !== 0) throw cannotRun(`patchelf failed: ${stderr.trim().split('\n')[0]}`);
  };
  const bin = path.join(tool.folder, 'bin');
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
  for (const program of tool.programs) {
    const call = [path.join(staging, bin, program), '--version'];
    const { code, stderr } = await host.run(path.join(staging, loader), call, {
      ...(tool.env !== undefined && { env: tool.env }),
      limit: 65536,
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    if (code !== 0) throw cannotRun(`${program} ends with ${code} ${stderr.trim().split('\n')[0]}`.trim());
  }
}

/** Links to programs that were left out. */
function removeDanglingLinks(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!existsSync(path.join(folder, name))) rmSync(path.join(folder, name));
  }
}

/** patchelf and the libraries that it runs with, where it does not write to them meanwhile. */
async function ownCopy(staging: string, folders: readonly string[], loader: string): Promise<string> {
  const own = path.join(staging, '.patchelf');
  await mkdir(own);
  await rename(path.join(staging, 'usr/bin/patchelf'), path.join(own, 'patchelf'));
  await copyFile(path.join(staging, loader), path.join(own, path.basename(loader)));
  for (const folder of folders) {
    for (const name of readdirSync(path.join(staging, folder))) {
      const needed = /^lib(?:c|m|stdc\+\+|gcc_s|pthread|dl)\.so\.\d+$/.test(name);
      if (needed) await copyFile(path.join(staging, folder, name), path.join(own, name));
    }
  }
  return own;
}

function libraryFolders(staging: string, tool: string): readonly string[] {
  const roots = ['usr/lib', 'lib'].filter((folder) => existsSync(path.join(staging, folder)));
  const triples = roots.flatMap((folder) =>
    readdirSync(path.join(staging, folder))
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => path.join(folder, name)),
  );
  return [...triples, path.join(tool, 'lib')].filter((folder) => existsSync(path.join(staging, folder)));
}

/** The loader's file, below its several names; undefined where there is none. */
function loaderIn(staging: string): string | undefined {
  const folders = ['usr/lib64', 'lib64', 'usr/lib', 'lib', ...libraryFolders(staging, '.')];
  for (const folder of folders) {
    const name =
      existsSync(path.join(staging, folder)) &&
      readdirSync(path.join(staging, folder)).find((one) => /^ld-linux[\w.-]*\.so\.\d$/.test(one));
    if (name && existsSync(path.join(staging, folder, name))) return path.join(folder, name);
  }
  return undefined;
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
