import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

const RECORDED = 'saved_c_flags_';
// kbuild compiles it for every kernel.
const TELLING = 'init/.main.o.cmd';

/**
 * Makes kbuild redo front ends that a build in another mode left in an output folder, where the distributed mode is to
 * go on from them. Its back ends read their flags from a line in the recorded command of each object, which only a
 * front end in that mode writes (scripts/Makefile.lib), and nothing makes kbuild redo the others. Returns their number.
 */
export function redoFrontEndsWithoutFlags(output: string): number {
  const telling = path.join(output, TELLING);
  if (!existsSync(telling) || readFileSync(telling, 'utf8').includes(RECORDED)) return 0;
  let count = 0;
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(path.join(output, folder), { withFileTypes: true })) {
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) folders.push(name);
      else if (entry.isFile() && /^\..*\.o\.cmd$/.test(entry.name) && lacksFlags(path.join(output, name))) {
        rmSync(path.join(output, name));
        count += 1;
      }
    }
  }
  return count;
}

function lacksFlags(file: string): boolean {
  const text = readFileSync(file, 'utf8');
  return text.includes(' -flto') && text.includes('\nsource_') && !text.includes(RECORDED);
}
