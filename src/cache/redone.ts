import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { CacheCount } from '../values/cache.ts';

/** What can make an object stale that a cache holds. */
export interface Cause {
  readonly tree: string;
  readonly output: string;
  /** Source files that differ from the state before; undefined where there was none. */
  readonly changed: ReadonlySet<string> | undefined;
  readonly configChanged: boolean;
}

const FIRST = 'nothing to compare with: the first build here';

/** Counts objects (relative to the output folder) by the reason that they were made anew. */
export function reasonsOf(objects: Iterable<string>, cause: Cause): readonly CacheCount[] {
  const counts = new Map<string, number>();
  for (const object of objects) {
    const reason = reasonOf(object, cause);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
}

function reasonOf(object: string, { tree, output, changed, configChanged }: Cause): string {
  if (changed === undefined) return FIRST;
  if (object.endsWith('.thinlto-native.o')) return 'its bitcode or its index differs';
  const { dir, base } = path.parse(object);
  const record = path.join(output, dir, `.${base}.cmd`);
  if (!existsSync(record)) return 'no record of its command';
  const text = readFileSync(record, 'utf8');
  const source = /^source_\S+ := (\S+)/m.exec(text)?.[1];
  if (source === undefined) return 'a link of what was made anew';
  if (changed.size > 0) {
    if (changed.has(path.relative(tree, source))) return 'its source differs';
    for (const [, name] of text.matchAll(/^ {2}(\/\S+)/gm)) {
      if (name !== undefined && changed.has(path.relative(tree, name)))
        return 'a header that it reads differs';
    }
  }
  return configChanged
    ? 'the configuration differs (options, or include/generated/autoconf.h)'
    : 'a generated header or its command line differs';
}
