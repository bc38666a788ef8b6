import type { Clock } from './clock.ts';
import type { StartProgress } from './host.ts';
import type { Screen } from './screen.ts';
import { printable } from './text.ts';

const BAR_MS = 100;
const LINE_MS = 30_000;
const BAR_WIDTH = 30;

/** A piece of work as it stands. */
export interface Work {
  readonly title: string;
  readonly unit: 'bytes' | 'items';
  readonly done: number;
  readonly total: number | undefined;
  readonly note: string | undefined;
  /** Milliseconds. */
  readonly elapsed: number;
}

/** Progress as a line every half minute, and one at the end of the work. */
export function lineProgress(write: (line: string) => void, clock: Clock): StartProgress {
  return (title, unit) => {
    const work = follow(title, unit, clock);
    const stop = clock.every(LINE_MS, () => write(describeWork(work.now())));
    let ended = false;
    return {
      update: work.update,
      end() {
        if (ended) return;
        ended = true;
        stop();
        write(describeWork(work.now()));
      },
    };
  };
}

/** Progress as one line of a terminal that is drawn again and again; of several, the one that began last is shown. */
export function barProgress(screen: Screen, clock: Clock): StartProgress {
  const running: (() => string)[] = [];
  let drawn = Number.NEGATIVE_INFINITY;
  const draw = () => {
    drawn = clock.now();
    screen.setBar(running.at(-1)?.());
  };
  return (title, unit) => {
    const work = follow(title, unit, clock);
    const render = () => drawWork(work.now(), screen.columns());
    running.push(render);
    draw();
    // The seconds go on while nothing gets done.
    const stop = clock.every(1000, draw);
    return {
      update(done, total, note) {
        work.update(done, total, note);
        if (clock.now() - drawn >= BAR_MS) draw();
      },
      end() {
        const index = running.indexOf(render);
        if (index < 0) return;
        running.splice(index, 1);
        stop();
        draw();
      },
    };
  };
}

/** `front end 120/448 (26 %), 35 s, 1 min 35 s left, drivers/net` */
export function describeWork(work: Work): string {
  const amount = (value: number) => (work.unit === 'bytes' ? byteText(value) : String(value));
  const parts: string[] = [];
  if (work.total !== undefined && work.total > 0) {
    const percent = Math.min(100, Math.floor((100 * work.done) / work.total));
    parts.push(`${work.title} ${amount(work.done)}/${amount(work.total)} (${percent} %)`);
  } else {
    parts.push(work.done > 0 ? `${work.title} ${amount(work.done)}` : work.title);
  }
  parts.push(duration(work.elapsed));
  const left = timeLeft(work);
  if (left !== undefined) parts.push(`${duration(left)} left`);
  if (work.note !== undefined && work.note !== '') parts.push(work.note);
  return printable(parts.join(', '));
}

/** The same with a bar before it where `columns` have room for one, and never longer than they are. */
export function drawWork(work: Work, columns: number): string {
  const text = describeWork(work);
  // The last column stays free: some terminals begin a new line when it is written.
  const room = Math.max(0, columns - 1);
  const width = Math.min(BAR_WIDTH, room - text.length - 3);
  if (work.total === undefined || work.total <= 0 || width < 8) return text.slice(0, room);
  const full = Math.round(width * Math.min(1, work.done / work.total));
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${text}`;
}

/** Milliseconds as `35 s`, `1 min 35 s`, `2 h 5 min`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Bytes as `812 B`, `3.4 kB`, `93.0 MB`, `1.2 GB`. */
export function byteText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [size, unit] = bytes < 1e6 ? [1e3, 'kB'] : bytes < 1e9 ? [1e6, 'MB'] : [1e9, 'GB'];
  return `${(bytes / Number(size)).toFixed(1)} ${unit}`;
}

function timeLeft(work: Work): number | undefined {
  if (work.total === undefined || work.done <= 0 || work.done >= work.total) return undefined;
  // The first second says little about the speed.
  return work.elapsed < 1000 ? undefined : (work.elapsed / work.done) * (work.total - work.done);
}

function follow(title: string, unit: Work['unit'], clock: Clock) {
  const started = clock.now();
  let state: Pick<Work, 'done' | 'total' | 'note'> = { done: 0, total: undefined, note: undefined };
  return {
    update(done: number, total: number | undefined, note?: string) {
      state = { done, total, note };
    },
    now: (): Work => ({ title, unit, ...state, elapsed: clock.now() - started }),
  };
}
