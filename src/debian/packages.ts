import { compareDebian } from './version.ts';

/** A binary package of an archive. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Path below the archive's base: `pool/main/l/llvm-toolchain-23/clang-23_23.1.4-2_amd64.deb`. */
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** `Pre-Depends` and `Depends`, as they stand. */
  readonly depends: string;
}

/** A name that a package provides beside its own. */
export interface Provider {
  readonly package: DebianPackage;
  /** Version that is provided, where the package says one. */
  readonly version: string | undefined;
}

/** The packages of one index. */
export interface PackageIndex {
  /** The packages of a name, newest first. */
  named(name: string): readonly DebianPackage[];
  /** The packages that provide a name which they do not have. */
  providers(name: string): readonly Provider[];
  names(): Iterable<string>;
}

export const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]{0,127}$/;
const VERSION = /^(?:\d{1,9}:)?[A-Za-z0-9.+~:-]{1,128}$/;
const FILENAME = /^pool\/(?!.*\.\.)[A-Za-z0-9+.~_/%:-]{1,300}\.deb$/;
const SIZE_LIMIT = 2 ** 32;
// Real ones have at most some ten thousand characters.
const STANZA_LIMIT = 1 << 18;
const VERSIONS_LIMIT = 50;

/**
 * Reads an index of packages (`Packages`, deb822(5)). What is not a well-formed package is left out, so that only its
 * being asked for is an error.
 */
export function readPackages(text: string): PackageIndex {
  const stanzas = new Map<string, string[]>();
  const provided = new Map<string, { readonly by: string; readonly version: string | undefined }[]>();
  for (const stanza of text.split('\n\n')) {
    const name = fieldOf(stanza, 'Package');
    if (name === undefined || !PACKAGE_NAME.test(name) || stanza.length > STANZA_LIMIT) continue;
    append(stanzas, name, stanza);
    for (const item of (fieldOf(stanza, 'Provides') ?? '').split(',')) {
      const [, virtual, version] =
        /^\s*([a-z0-9][a-z0-9+.-]*)(?:\s*\(=\s*([^)\s]+)\s*\))?\s*$/.exec(item) ?? [];
      if (virtual !== undefined) append(provided, virtual, { by: name, version });
    }
  }
  const named = (name: string) =>
    (stanzas.get(name) ?? [])
      .slice(0, VERSIONS_LIMIT)
      .flatMap((stanza) => readPackage(name, stanza) ?? [])
      .sort((a, b) => compareDebian(b.version, a.version));
  return {
    named,
    providers: (name) =>
      (provided.get(name) ?? []).flatMap(({ by, version }) => {
        const [newest] = named(by);
        return newest === undefined ? [] : [{ package: newest, version }];
      }),
    names: () => stanzas.keys(),
  };
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function readPackage(name: string, stanza: string): DebianPackage | undefined {
  const version = fieldOf(stanza, 'Version') ?? '';
  const filename = fieldOf(stanza, 'Filename') ?? '';
  const sha256 = fieldOf(stanza, 'SHA256') ?? '';
  const size = fieldOf(stanza, 'Size') ?? '';
  const valid =
    VERSION.test(version) &&
    FILENAME.test(filename) &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    /^[1-9]\d{0,9}$/.test(size) &&
    Number(size) < SIZE_LIMIT;
  if (!valid) return undefined;
  const depends = [fieldOf(stanza, 'Pre-Depends'), fieldOf(stanza, 'Depends')]
    .filter((one) => one !== undefined)
    .join(', ');
  return { name, version, filename, size: Number(size), sha256, depends };
}

/** A field's value. Of a field that comes twice, which deb822(5) forbids, there is none. */
function fieldOf(stanza: string, name: string): string | undefined {
  const label = `\n${name}: `;
  const start = stanza.startsWith(label.slice(1)) ? 0 : stanza.indexOf(label) + 1;
  if (start === 0 && !stanza.startsWith(label.slice(1))) return undefined;
  const from = start + label.length - 1;
  if (stanza.includes(label, from)) return undefined;
  const end = stanza.indexOf('\n', from);
  return stanza.slice(from, end === -1 ? undefined : end).trim();
}
