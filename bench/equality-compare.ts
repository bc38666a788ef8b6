import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** What two builds of one scene must have in common. */
const COMPARED = [
  'vmlinux',
  '.config',
  'System.map',
  'arch/x86/boot/bzImage',
  'arch/arm64/boot/Image',
] as const;

/** SHA-256 (hex) of each compared file that is there, by name. */
export type Digests = Readonly<Record<string, string>>;

/** The digests of an output folder. Throws where it has no kernel. */
export function digestsOf(output: string): Digests {
  const found = COMPARED.filter((name) => existsSync(path.join(output, name)));
  for (const name of ['vmlinux', '.config', 'System.map'] as const)
    if (!found.includes(name)) throw new Error(`${output} has no ${name}`);
  return Object.fromEntries(found.map((name) => [name, digestOf(path.join(output, name))]));
}

/** Files in which two builds differ, in the order in which they are compared. */
export function differences(a: Digests, b: Digests): readonly string[] {
  return COMPARED.filter((name) => a[name] !== b[name]);
}

/**
 * Files below two output folders that differ, what is made first coming first: the first one is where to look for the
 * cause. `.cmd` files name the paths of the compiler, which is another one with a cache.
 */
export function differingFiles(a: string, b: string): readonly string[] {
  const names = new Set([...filesBelow(a), ...filesBelow(b)]);
  const rank = (name: string) => {
    if (/(^|\/)include\//.test(name)) return 0;
    if (name.endsWith('.o') && !/thinlto-native|^vmlinux/.test(name)) return 1;
    return /\.thinlto\.bc$/.test(name) ? 2 : 3;
  };
  return [...names]
    .filter((name) => !/\.(cmd|d)$|^\.kernel-thinlto\/|^scripts\/|^tools\//.test(name))
    .filter((name) => contentOf(path.join(a, name)) !== contentOf(path.join(b, name)))
    .sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}

/**
 * The configuration that is embedded in a kernel (`CONFIG_IKCONFIG`), found as scripts/extract-ikconfig finds it:
 * packed by gzip after a marker. Undefined where there is none.
 */
export function embeddedConfig(vmlinux: string): string | undefined {
  const bytes = readFileSync(vmlinux);
  const from = bytes.indexOf('IKCFG_ST\x1f\x8b\x08', 0, 'latin1');
  const to = bytes.indexOf('IKCFG_ED', from, 'latin1');
  if (from < 0 || to < 0) return undefined;
  return gunzipSync(bytes.subarray(from + 'IKCFG_ST'.length, to)).toString();
}

/** In what the configuration embedded in a kernel is not the one that it was built with; undefined where it is. */
export function wrongEmbedding(output: string): string | undefined {
  const config = readFileSync(path.join(output, '.config'), 'utf8');
  const found = embeddedConfig(path.join(output, 'vmlinux'));
  if (/^CONFIG_IKCONFIG=y$/m.test(config) && found === undefined) return 'vmlinux has no configuration in it';
  return found !== undefined && found !== config ? 'the configuration in vmlinux is not .config' : undefined;
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function contentOf(file: string): string {
  return existsSync(file) ? digestOf(file) : 'absent';
}

function filesBelow(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => lstatSync(path.join(root, name), { throwIfNoEntry: false })?.isFile() === true,
  );
}
