import { UserError } from '../values/error.ts';
import { type DebianPackage, PACKAGE_NAME, type PackageIndex } from './packages.ts';
import { holds } from './version.ts';

const CLOSURE_LIMIT = 500;
const CLAUSE = /^([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?(?:\s*\((<<|<=|=|>=|>>)\s*([^)\s]{1,200})\s*\))?$/;

/** One alternative of a dependency: `libc6 (>= 2.38)`, `python3:any`. */
interface Need {
  readonly name: string;
  readonly operator: string | undefined;
  readonly version: string | undefined;
}

/**
 * The packages that some need to run, themselves included, sorted by name. What they depend on is looked up in each
 * index in turn: for packages of a suite that is no whole one (experimental, backports) the suite below it comes first.
 * A dependency with an alternative that `skip` names is not followed. Throws a UserError for one that cannot be met.
 */
export function closureOf(
  indexes: readonly PackageIndex[],
  roots: readonly DebianPackage[],
  skip: (name: string) => boolean,
): readonly DebianPackage[] {
  const chosen = new Map(roots.map((one) => [one.name, one] as const));
  const open = [...roots];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    for (const needs of needsOf(one, skip)) {
      if (needs.some((need) => isMet(chosen, indexes, need))) continue;
      const found = needs.flatMap((need) => candidate(indexes, need) ?? [])[0];
      if (found === undefined) throw unmet(one, needs);
      chosen.set(found.name, found);
      open.push(found);
      if (chosen.size > CLOSURE_LIMIT) {
        throw new UserError(`Debian: ${one.name} and others need more than ${CLOSURE_LIMIT} packages`);
      }
    }
  }
  // A package that was taken later may have taken the place of one that fulfilled an earlier need.
  for (const one of chosen.values()) {
    for (const needs of needsOf(one, skip)) {
      if (!needs.some((need) => isMet(chosen, indexes, need))) throw unmet(one, needs);
    }
  }
  return [...chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a package depends on: each a list of alternatives. */
function needsOf(one: DebianPackage, skip: (name: string) => boolean): readonly (readonly Need[])[] {
  return one.depends
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => text.split('|').flatMap((choice) => needOf(choice.trim()) ?? []))
    .filter((needs) => !needs.some((need) => skip(need.name)));
}

function needOf(text: string): Need | undefined {
  const [, name, operator, version] = CLAUSE.exec(text) ?? [];
  return name === undefined || !PACKAGE_NAME.test(name) ? undefined : { name, operator, version };
}

function isMet(
  chosen: ReadonlyMap<string, DebianPackage>,
  indexes: readonly PackageIndex[],
  need: Need,
): boolean {
  const own = chosen.get(need.name);
  if (own !== undefined && fulfils(own.version, need)) return true;
  return indexes
    .flatMap((index) => index.providers(need.name))
    .some((one) => chosen.get(one.package.name)?.sha256 === one.package.sha256 && fulfils(one.version, need));
}

function candidate(indexes: readonly PackageIndex[], need: Need): DebianPackage | undefined {
  const own = indexes.flatMap((index) => index.named(need.name)).find((one) => fulfils(one.version, need));
  if (own !== undefined) return own;
  return indexes.flatMap((index) => index.providers(need.name)).find((one) => fulfils(one.version, need))
    ?.package;
}

function fulfils(version: string | undefined, { operator, version: wanted }: Need): boolean {
  if (operator === undefined || wanted === undefined) return true;
  return version !== undefined && holds(version, operator, wanted);
}

function unmet(one: DebianPackage, needs: readonly Need[]): UserError {
  const text = needs
    .map((need) => [need.name, need.operator, need.version].filter(Boolean).join(' '))
    .join(' | ');
  return new UserError(
    `Debian: ${one.name} ${one.version} needs '${text || one.depends.slice(0, 80)}', which the archive has not`,
  );
}
