import { UserError } from '../values/error.ts';
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
  /** `Depends` and `Pre-Depends`, as they stand. */
  readonly depends: string;
}

/** The packages of one index, to be looked up by name, or by a name that others provide. */
export interface PackageIndex {
  find(name: string): DebianPackage | undefined;
  providers(name: string): readonly Provider[];
  names(): Iterable<string>;
}

export interface Provider {
  readonly name: string;
  /** Version that is provided, where the package says one. */
  readonly version: string | undefined;
}

const NAME = /^[a-z0-9][a-z0-9+.-]{0,127}$/;
const VERSION = /^[A-Za-z0-9.+:~-]{1,128}$/;
const FILENAME = /^pool\/(?!.*\.\.)[A-Za-z0-9+.~_/%:-]{1,300}\.deb$/;

/**
 * Reads an index of packages (`Packages`, deb822(5)). Of a name that comes more than once the newest counts. What is
 * not a well-formed package is left out, so that only its being asked for is an error.
 */
export function readPackages(text: string): PackageIndex {
  const stanzas = new Map<string, string[]>();
  const provided = new Map<string, Provider[]>();
  for (const stanza of text.split('\n\n')) {
    const name = field(stanza, 'Package');
    if (name === undefined || !NAME.test(name)) continue;
    const known = stanzas.get(name);
    if (known === undefined) stanzas.set(name, [stanza]);
    else known.push(stanza);
    for (const item of (field(stanza, 'Provides') ?? '').split(',')) {
      const [, virtual, version] = /^\s*([a-z0-9][a-z0-9+.-]*)(?:\s*\(=\s*([^)\s]+)\))?\s*$/.exec(item) ?? [];
      if (virtual === undefined) continue;
      const list = provided.get(virtual);
      if (list === undefined) provided.set(virtual, [{ name, version }]);
      else list.push({ name, version });
    }
  }
  return {
    find(name) {
      const found = (stanzas.get(name) ?? []).flatMap((stanza) => readPackage(name, stanza) ?? []);
      return found.sort((a, b) => compareDebian(b.version, a.version))[0];
    },
    providers: (name) => provided.get(name) ?? [],
    names: () => stanzas.keys(),
  };
}

function readPackage(name: string, stanza: string): DebianPackage | undefined {
  const version = field(stanza, 'Version') ?? '';
  const filename = field(stanza, 'Filename') ?? '';
  const sha256 = field(stanza, 'SHA256') ?? '';
  const size = Number(field(stanza, 'Size'));
  const valid =
    VERSION.test(version) &&
    FILENAME.test(filename) &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isSafeInteger(size) &&
    size > 0;
  if (!valid) return undefined;
  const depends = [field(stanza, 'Pre-Depends'), field(stanza, 'Depends')]
    .filter((one) => one !== undefined)
    .join(', ');
  return { name, version, filename, size, sha256, depends };
}

function field(stanza: string, name: string): string | undefined {
  const start = stanza.startsWith(`${name}: `) ? 0 : stanza.indexOf(`\n${name}: `) + 1;
  if (start === 0 && !stanza.startsWith(`${name}: `)) return undefined;
  const end = stanza.indexOf('\n', start);
  return stanza.slice(start + name.length + 2, end === -1 ? undefined : end).trim();
}

const CLOSURE_LIMIT = 500;

/**
 * The packages that some need to run, themselves included, sorted by name. `skip` tells dependencies that are not
 * followed. Throws a UserError for one that the index has not.
 */
export function closureOf(
  index: PackageIndex,
  roots: readonly string[],
  skip: (name: string) => boolean,
): readonly DebianPackage[] {
  const found = new Map<string, DebianPackage>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    const one = index.find(name);
    if (one === undefined)
      throw new UserError(`llvm-source: debian: the package ${name} is not in the archive`);
    found.set(name, one);
    if (found.size > CLOSURE_LIMIT)
      throw new UserError(
        `llvm-source: debian: ${roots.join(', ')} need more than ${CLOSURE_LIMIT} packages`,
      );
    for (const clause of one.depends
      .split(',')
      .map((text) => text.trim())
      .filter(Boolean)) {
      const choices = clause.split('|').map((text) => text.trim());
      if (choices.some((choice) => skip(bareName(choice)))) continue;
      const chosen = choices.flatMap((choice) => satisfy(index, choice) ?? [])[0];
      if (chosen === undefined)
        throw new UserError(
          `llvm-source: debian: ${name} ${one.version} needs '${clause}', which the archive has not`,
        );
      open.push(chosen);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function bareName(clause: string): string {
  return /^[a-z0-9+.-]+/.exec(clause)?.[0] ?? '';
}

/** The name of the package that fulfils one alternative of a dependency: `libc6 (>= 2.38)`, `python3:any`. */
function satisfy(index: PackageIndex, clause: string): string | undefined {
  const [, name, operator, version] =
    /^([a-z0-9+.-]+)(?::\w+)?(?:\s*\((<<|<=|=|>=|>>)\s*([^)\s]+)\s*\))?/.exec(clause) ?? [];
  if (name === undefined) return undefined;
  const own = index.find(name);
  if (own !== undefined && holds(own.version, operator, version)) return name;
  return index
    .providers(name)
    .find(
      (one) =>
        index.find(one.name) !== undefined &&
        (operator === undefined || (one.version !== undefined && holds(one.version, operator, version))),
    )?.name;
}

function holds(has: string, operator: string | undefined, wanted: string | undefined): boolean {
  if (operator === undefined || wanted === undefined) return true;
  const order = compareDebian(has, wanted);
  if (operator === '<<') return order < 0;
  if (operator === '<=') return order <= 0;
  if (operator === '=') return order === 0;
  return operator === '>=' ? order >= 0 : order > 0;
}
