import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { UserError } from '../values/error.ts';

const WORD = '.incbin';
// Not compiled into the kernel's bitcode, or for other architectures.
const ELSEWHERE = /^(?:Documentation|samples|scripts|tools|usr)\//;
const LIMIT = 16 << 20;

/**
 * The C files and headers of a tree that include other files' bytes (`.incbin`). `before`: those of an earlier state of
 * the tree, of which only `changed` has to be looked at.
 */
export async function findEmbedding(
  host: Pick<Host, 'run' | 'env'>,
  tree: string,
  arch: Arch,
  before: readonly string[] | undefined,
  changed: readonly string[],
): Promise<readonly string[]> {
  const found =
    before === undefined
      ? await search(host, tree)
      : [...new Set([...before, ...changed])].filter(
          (name) => /\.[ch]$/.test(name) && has(path.join(tree, name)),
        );
  const other = (name: string) => name.startsWith('arch/') && !name.startsWith(`arch/${arch.srcArch}/`);
  return found.filter((name) => !ELSEWHERE.test(name) && !other(name)).sort();
}

async function search(host: Pick<Host, 'run' | 'env'>, tree: string): Promise<readonly string[]> {
  const call = ['-rlFZ', '--include=*.c', '--include=*.h', '-e', WORD, '.'];
  const { code, stdout, stderr } = await host.run('grep', call, { cwd: tree, timeoutSeconds: 600 });
  // 1: nothing was found.
  if (code > 1) throw new UserError(`source: ${tree} cannot be searched (${stderr.trim().split('\n')[0]})`);
  return stdout
    .split('\0')
    .filter((name) => name.startsWith('./'))
    .map((name) => name.slice(2));
}

function has(file: string): boolean {
  const info = statSync(file, { throwIfNoEntry: false });
  return info?.isFile() === true && info.size <= LIMIT && readFileSync(file).includes(WORD);
}
