import type { Annotation } from './host.ts';

export const LEVELS = ['error', 'warning', 'notice'] as const;

/** Characters of a message that GitHub keeps (actions/runner, ExecutionContext). */
const MESSAGE_LIMIT = 4096;

/**
 * Chooses annotations where only `room` of each level are shown: what concerns the whole run, then one of each file,
 * then a second of each, in the order given. Where some are left out, the last says how many.
 */
export function chooseAnnotations(
  list: readonly Annotation[],
  room: Readonly<Record<Annotation['level'], number>>,
): readonly Annotation[] {
  const single = [...new Map(list.map((one) => [keyOf(one), one])).values()];
  return LEVELS.flatMap((level) => {
    const ranked = rank(single.filter((one) => one.level === level));
    if (ranked.length <= room[level]) return ranked;
    if (room[level] <= 0) return [];
    const shown = ranked.slice(0, room[level] - 1);
    const left = ranked.length - shown.length;
    const message = `${left} more ${level}${left === 1 ? '' : 's'}, which GitHub does not show here: see the log of this step`;
    return [...shown, { level, message }];
  }).map((one) => ({ ...one, message: one.message.slice(0, MESSAGE_LIMIT) }));
}

function rank(list: readonly Annotation[]): readonly Annotation[] {
  const seen = new Map<string, number>();
  const placed = list.map((annotation, order) => {
    if (annotation.file === undefined) return { annotation, order, round: -1 };
    const round = seen.get(annotation.file) ?? 0;
    seen.set(annotation.file, round + 1);
    return { annotation, order, round };
  });
  return placed.sort((a, b) => a.round - b.round || a.order - b.order).map((one) => one.annotation);
}

function keyOf(one: Annotation): string {
  return JSON.stringify([one.level, one.file, one.line, one.column, one.message]);
}
