import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { codeNameOf, type DebianArch, readSuite } from './archive.ts';
import type { DebianPackage, PackageIndex } from './packages.ts';
import type { ArchiveSetting } from './release.ts';

/** A suite of an archive. */
export interface Suite {
  /** `sid`, `trixie-backports`. */
  readonly name: string;
  readonly index: PackageIndex;
  /** Where to look for what its packages need, in order: for one that is not whole, first the one below it. */
  readonly lookUp: () => Promise<readonly PackageIndex[]>;
}

/** The suites that an archive has, from the newest to the oldest; each is read when it is asked for. */
export async function* newestFirst(
  host: Host,
  setting: ArchiveSetting,
  arch: DebianArch,
): AsyncGenerator<Suite, void, undefined> {
  const known = new Map<string, PackageIndex | undefined>();
  const read = async (suite: string) => {
    if (!known.has(suite)) known.set(suite, await readSuite(host, setting, suite, arch));
    return known.get(suite);
  };
  for (const ask of [
    async () => ({ name: 'sid', below: undefined }),
    async () => ({ name: 'experimental', below: 'sid' }),
    async () => ({ name: 'testing', below: undefined }),
    async () => overlay(await codeNameOf(host, setting, 'stable')),
    async () => ({ name: await codeNameOf(host, setting, 'stable'), below: undefined }),
    async () => ({ name: await codeNameOf(host, setting, 'oldstable'), below: undefined }),
  ]) {
    const { name, below } = await ask();
    const index = name === undefined ? undefined : await read(name);
    if (name === undefined || index === undefined) continue;
    const lookUp = async () => {
      const whole = below === undefined ? undefined : await read(below);
      return whole === undefined ? [index] : [whole, index];
    };
    yield { name, index, lookUp };
  }
}

function overlay(stable: string | undefined): { name: string | undefined; below: string | undefined } {
  return { name: stable === undefined ? undefined : `${stable}-backports`, below: stable };
}

/** The newest package of a name; throws a UserError that begins with `input` where no index has one. */
export function needed(name: string, indexes: readonly PackageIndex[], input: string): DebianPackage {
  const found = indexes.flatMap((one) => one.named(name))[0];
  if (found !== undefined) return found;
  throw new UserError(`${input}: debian has no ${name}, without which nothing of it runs here`);
}
