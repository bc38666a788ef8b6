import { spawnSync } from 'node:child_process';
import { keepIndexTimes } from '../build/index-times.ts';

/** The thin link of a build, started by make in place of the linker, whose command line `words` are. Returns the exit code. */
export function runThinLink(words: readonly string[]): number {
  const [linker = '', ...args] = words;
  return keepIndexTimes(process.cwd(), args, () => {
    const { status, signal, error } = spawnSync(linker, args, { stdio: 'inherit' });
    if (error !== undefined) process.stderr.write(`${linker}: error: ${error.message}\n`);
    return status ?? (signal === null ? 1 : 128);
  });
}
