import type { LinkedObject } from './units.ts';

/** Who defines a name, before the link. */
export interface Definers {
  /** Places, in the list of objects, of those that define it as a static, and as a global. */
  readonly statics: readonly number[];
  readonly globals: readonly number[];
}

/** The names that objects define, by name; private constants (`.str`) have no symbol, and are not among them. */
export function definersOf(objects: readonly LinkedObject[]): ReadonlyMap<string, Definers> {
  const names = new Map<string, { statics: number[]; globals: number[] }>();
  for (const [place, { values }] of objects.entries()) {
    for (const { name, linkage } of values) {
      if (linkage === 'private') continue;
      let definers = names.get(name);
      if (definers === undefined) {
        definers = { statics: [], globals: [] };
        names.set(name, definers);
      }
      const list = linkage === 'global' ? definers.globals : definers.statics;
      if (list.at(-1) !== place) list.push(place);
    }
  }
  return names;
}
