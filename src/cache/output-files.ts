import { lstatSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/** A regular file of an output folder; its name is relative to the folder, its time in nanoseconds since 1970. */
export interface OutputFile {
  readonly name: string;
  readonly size: number;
  readonly mtime: bigint;
}

/** Folder for what this program keeps beside a build, relative to the output folder. */
export const OWN_FOLDER = '.kernel-thinlto';

const MOST_FILES = 1_000_000;

/**
 * Made anew by every link and read by no rule (scripts/link-vmlinux.sh); what another program than kbuild writes; and
 * the private key that signs kernel modules, which nobody else is to have.
 */
const NOT_CARRIED =
  /^(?:\.tmp_vmlinux\d.*|\.config\.old|source|certs\/signing_key\.pem|\.kernel-thinlto\/.*)$/;

/** Lists the regular files of an output folder that make up the state of its build, without the folders in `without`. */
export function listOutput(output: string, without: readonly string[]): readonly OutputFile[] {
  const skipped = new Set(without.map((folder) => path.relative(output, folder)));
  return [...walk(output, skipped)]
    .filter((name) => !NOT_CARRIED.test(name))
    .flatMap((name) => {
      const info = lstatSync(path.join(output, name), { bigint: true, throwIfNoEntry: false });
      return info?.isFile() ? [{ name, size: Number(info.size), mtime: info.mtimeNs }] : [];
    });
}

/**
 * Lists the folders of an output folder, each before those in it. Empty ones count: kbuild finds recorded commands by
 * paths that go through them (arch/x86/entry/syscalls/Makefile).
 */
export function listFolders(output: string, without: readonly string[]): readonly string[] {
  const skipped = new Set([OWN_FOLDER, ...without.map((folder) => path.relative(output, folder))]);
  const found: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(path.join(output, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!entry.isDirectory() || skipped.has(name)) continue;
      found.push(name);
      folders.push(name);
    }
  }
  return found;
}

const BUILT =
  /(?:^|\/)(?:\.[^/]*\.(?:cmd|d)|[^/]*\.(?:o|a|ko|mod|bc|lo|s|i|so|dbg|lds|order|symvers)|vmlinux[^/]*|\.tmp_[^/]*|modules\.[^/]*)$|^(?:arch\/[^/]+\/)?include\/(?:generated|config)\/|^\.kernel-thinlto\/|^\.config(?:\.old)?$/;

/**
 * Removes from an output folder what a build made, so that kbuild makes all of it again; files that are not kbuild's
 * stay. A recorded command line that is missing makes kbuild redo the target (scripts/Kbuild.include).
 */
export function removeBuilt(output: string, without: readonly string[]): void {
  const skipped = new Set(without.map((folder) => path.relative(output, folder)));
  for (const name of walk(output, skipped)) {
    if (BUILT.test(name)) rmSync(path.join(output, name), { force: true });
  }
}

function* walk(root: string, skipped: ReadonlySet<string>): Generator<string> {
  const folders = [''];
  let seen = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skipped.has(name)) folders.push(name);
        continue;
      }
      if (++seen > MOST_FILES) throw new Error(`${root} has more than ${MOST_FILES} files`);
      yield name;
    }
  }
}
