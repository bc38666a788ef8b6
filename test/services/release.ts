import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Downloads, serveDownloads, sha256 } from './downloads.ts';
import { makeKey, type TestKey } from './gpg.ts';
import { type TestEntry, tarOf } from './tar.ts';

/** This machine's processor, as kernel.org's and GitHub's names have it. */
export const CPU = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? '';
export const GITHUB_CPU = { x64: 'X64', arm64: 'ARM64' }[process.arch as string] ?? '';

export interface Archive {
  readonly version: string;
  /** `llvm-22.1.8-x86_64.tar.xz` */
  readonly name: string;
  readonly data: Buffer;
  readonly digest: string;
}

/** A mirror of kernel.org's LLVM releases on loopback, and caches to install from it into. */
export interface Mirror {
  readonly root: string;
  /** Folder whose files are served. */
  readonly served: string;
  readonly server: Downloads;
  readonly key: TestKey;
  /** The armored public half of `key`. */
  readonly keyFile: string;
  serve(name: string, data: Buffer | string): void;
  /** A cache folder of its own, empty; the tool cache is in it. Forgets what was asked for, and all faults. */
  emptyCache(): string;
  close(): Promise<void>;
}

/** Makes a mirror that serves nothing yet. */
export async function makeMirror(): Promise<Mirror> {
  const root = mkdtempSync(path.join(tmpdir(), 'mirror-'));
  const served = path.join(root, 'served');
  mkdirSync(served);
  const key = makeKey('autosigner');
  const keyFile = path.join(root, 'key.asc');
  writeFileSync(keyFile, key.armored);
  const server = await serveDownloads(served);
  let caches = 0;
  return {
    root,
    served,
    server,
    key,
    keyFile,
    serve: (name, data) => writeFileSync(path.join(served, name), data),
    emptyCache: () => {
      const folder = path.join(root, `cache-${++caches}`);
      mkdirSync(folder);
      process.env.RUNNER_TOOL_CACHE = path.join(folder, 'tools');
      server.seen.length = 0;
      server.faults.clear();
      return folder;
    },
    close: async () => {
      await server.close();
      key.remove();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Bytes of a file in the small toolchain that do not pack. */
export const LARGE_BYTES = 3_000_000;

/** A small thing in the form of a toolchain. */
export function smallArchive(version: string, more: readonly TestEntry[] = []): Archive {
  const clang = `#!/bin/sh\necho clang version ${version}\n`;
  const data = xz(
    tarOf([
      { path: 'llvm/bin/clang', mode: 0o755, content: clang },
      { path: 'llvm/lib/large', content: randomBytes(LARGE_BYTES) },
      ...more,
    ]),
  );
  return { version, name: `llvm-${version}-${CPU}.tar.xz`, data, digest: sha256(data) };
}

/** A list of digests by file name, as kernel.org has it. */
export function listOf(digests: Readonly<Record<string, string>>): string {
  return Object.entries(digests)
    .map(([name, digest]) => `${digest}  ${name}\n`)
    .join('');
}

export function xz(data: Buffer): Buffer {
  return execFileSync('xz', ['-0', '-c'], { input: data, maxBuffer: 1 << 30 });
}

/** What is in the tool cache and among the downloads of a cache folder. */
export function contentsOf(cacheFolder: string): { readonly tools: string[]; readonly downloads: string[] } {
  const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  return {
    tools: list(path.join(cacheFolder, 'tools/kernel-thinlto-llvm')),
    downloads: list(path.join(cacheFolder, 'downloads')),
  };
}
