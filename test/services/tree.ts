import { existsSync } from 'node:fs';

/** The kernel tree that the tests build; `npm test` fetches it and sets the variable. */
export function testTree(): string {
  return folderOf('KERNEL_THINLTO_TEST_TREE');
}

/** A tree from before distributed ThinLTO. */
export function oldTree(): string {
  return folderOf('KERNEL_THINLTO_TEST_OLD_TREE');
}

function folderOf(variable: string): string {
  const folder = process.env[variable];
  if (folder === undefined || folder === '' || !existsSync(folder)) {
    throw new Error(
      `${variable} names no kernel tree (${folder ?? 'not set'}); run the tests with: npm test`,
    );
  }
  return folder;
}
