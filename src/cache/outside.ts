import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Options whose value names files that go into the kernel (usr/, certs/, drivers/base/firmware_loader/). */
const NAMING = [
  'INITRAMFS_SOURCE',
  'EXTRA_FIRMWARE',
  'SYSTEM_TRUSTED_KEYS',
  'SYSTEM_REVOCATION_KEYS',
  'SYSTEM_BLACKLIST_HASH_LIST',
  'MODULE_SIG_KEY',
];
const MOST_BYTES = 4 * 2 ** 30;

/**
 * The files and folders outside the tree that a configuration builds in: absolute paths, with each value of `values`
 * as `.config` writes it. kbuild goes by their times, which say nothing once the output folder has times of its own.
 */
export function namedInConfig(values: ReadonlyMap<string, string>): readonly string[] {
  const words = (symbol: string) =>
    (values.get(symbol) ?? '')
      .replaceAll(/^"|"$/g, '')
      .split(/\s+/)
      .filter((word) => word !== '');
  const [firmware = '/lib/firmware'] = words('EXTRA_FIRMWARE_DIR');
  return NAMING.flatMap((symbol) =>
    words(symbol).map((word) => (symbol === 'EXTRA_FIRMWARE' ? path.join(firmware, word) : word)),
  ).filter((name) => path.isAbsolute(name));
}

/** Files that arguments of make and variables of clang's name (`CLANG_AUTOFDO_PROFILE`): profiles, mostly. */
export function namedInArguments(
  makeArgs: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const variables = Object.entries(env).flatMap(([name, value]) =>
    /^(?:CLANG_|KC)/.test(name) ? [value] : [],
  );
  return [...makeArgs, ...variables]
    .flatMap((text) => text?.match(/\/[^\s=,:'"]+/g) ?? [])
    .filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
}

/** A digest over paths and all that is at and below them; what is not there counts, too. */
export function digestOutside(paths: readonly string[]): string {
  const digest = createHash('sha256');
  let bytes = 0;
  const add = (name: string): void => {
    const info = statSync(name, { throwIfNoEntry: false });
    digest.update(`${name}\0${info === undefined ? 'none' : info.mode}\0`);
    if (info?.isDirectory()) for (const entry of readdirSync(name).sort()) add(path.join(name, entry));
    if (!info?.isFile()) return;
    bytes += info.size;
    if (bytes > MOST_BYTES) throw new Error(`${paths.join(', ')}: more than ${MOST_BYTES} bytes`);
    digest.update(createHash('sha256').update(readFileSync(name)).digest());
  };
  for (const name of [...paths].sort()) add(name);
  return digest.digest('hex');
}
