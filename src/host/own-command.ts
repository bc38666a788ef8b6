import { realpathSync } from 'node:fs';

/** What starts this program again: node, and the file that it was started with. */
export function ownCommand(): readonly string[] {
  // npm makes a command a link.
  return [process.execPath, realpathSync(process.argv[1] ?? '')];
}
