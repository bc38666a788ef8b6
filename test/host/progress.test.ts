import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../src/host/clock.ts';
import {
  barProgress,
  byteText,
  describeWork,
  drawWork,
  duration,
  lineProgress,
  type Work,
} from '../../src/host/progress.ts';
import { openScreen } from '../../src/host/screen.ts';

/** A clock that is put forward by hand. */
function handClock(): Clock & { advance(milliseconds: number): void } {
  let time = 0;
  const timers = new Set<{ next: number; readonly every: number; readonly work: () => void }>();
  return {
    now: () => time,
    every(every, work) {
      const timer = { next: time + every, every, work };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(milliseconds) {
      for (const end = time + milliseconds; time < end; ) {
        time = Math.min(end, ...[...timers].map(({ next }) => next));
        for (const timer of timers) {
          if (timer.next > time) continue;
          timer.next += timer.every;
          timer.work();
        }
      }
    },
  };
}

const work: Work = {
  title: 'front end',
  unit: 'items',
  done: 120,
  total: 448,
  note: undefined,
  elapsed: 35_000,
};

test('a piece of work is told with what is done, how long it took and what is left', () => {
  const cases: readonly [Partial<Work>, string][] = [
    [{}, 'front end 120/448 (26 %), 35 s, 1 min 36 s left'],
    [{ total: undefined }, 'front end 120, 35 s'],
    [{ done: 0 }, 'front end 0/448 (0 %), 35 s'],
    [{ done: 0, total: undefined }, 'front end, 35 s'],
    [{ done: 448 }, 'front end 448/448 (100 %), 35 s'],
    [{ done: 500 }, 'front end 500/448 (100 %), 35 s'],
    [{ total: 0, done: 0 }, 'front end, 35 s'],
    [{ elapsed: 500 }, 'front end 120/448 (26 %), 1 s'],
    [{ note: '7 hits\x1b[2J' }, 'front end 120/448 (26 %), 35 s, 1 min 36 s left, 7 hits␛[2J'],
    [
      { title: 'LLVM', unit: 'bytes', done: 9_300_000, total: 93_000_000, elapsed: 2000 },
      'LLVM 9.3 MB/93.0 MB (10 %), 2 s, 18 s left',
    ],
  ];
  for (const [change, text] of cases) assert.equal(describeWork({ ...work, ...change }), text);
});

test('the bar takes what room there is, and the line never fills the last column', () => {
  for (let columns = 0; columns < 140; columns += 1) {
    assert.ok(drawWork(work, columns).length <= Math.max(0, columns - 1));
  }
  assert.equal(drawWork(work, 200), `[${'#'.repeat(8)}${'.'.repeat(22)}] ${describeWork(work)}`);
  assert.equal(drawWork(work, 40), describeWork(work).slice(0, 39));
  assert.equal(drawWork({ ...work, total: undefined }, 200), 'front end 120, 35 s');
});

test('amounts and times read well at every size', () => {
  assert.deepEqual([0, 999, 1000, 999_949, 1_500_000, 2.5e9].map(byteText), [
    '0 B',
    '999 B',
    '1.0 kB',
    '999.9 kB',
    '1.5 MB',
    '2.5 GB',
  ]);
  assert.deepEqual([0, 59_400, 59_600, 3_599_000, 7_500_000].map(duration), [
    '0 s',
    '59 s',
    '1 min 0 s',
    '59 min 59 s',
    '2 h 5 min',
  ]);
});

test('without a terminal there is a line every half minute, also while nothing gets done, and one at the end', () => {
  const clock = handClock();
  const lines: string[] = [];
  const progress = lineProgress((line) => lines.push(line), clock)('back end', 'items');
  for (let done = 0; done < 100; done += 1) {
    progress.update(done, 400);
    clock.advance(350);
  }
  clock.advance(30_000);
  progress.end();
  progress.end();
  clock.advance(90_000);
  assert.deepEqual(lines, [
    'back end 85/400 (21 %), 30 s, 1 min 51 s left',
    'back end 99/400 (24 %), 1 min 0 s, 3 min 2 s left',
    'back end 99/400 (24 %), 1 min 5 s, 3 min 18 s left',
  ]);
});

test('on a terminal one line is drawn anew, stays below what is logged, and goes at the end', () => {
  const clock = handClock();
  let written = '';
  const screen = openScreen({ write: (text: string) => (written += text), columns: 60 });
  const start = barProgress(screen, clock);
  const progress = start('back end', 'items');
  const drawn = () => {
    const now = written;
    written = '';
    return now;
  };
  assert.equal(drawn(), '\r\x1b[Kback end, 0 s');
  progress.update(1, 4);
  assert.equal(drawn(), '', 'not more often than ten times a second');
  clock.advance(100);
  progress.update(2, 4);
  assert.equal(drawn(), '\r\x1b[K[###############...............] back end 2/4 (50 %), 0 s');
  screen.line('warning: x');
  assert.equal(drawn(), '\r\x1b[Kwarning: x\n[###############...............] back end 2/4 (50 %), 0 s');
  clock.advance(1000);
  assert.match(drawn(), /\(50 %\), 1 s, 1 s left$/, 'the seconds go on');
  const inner = start('count', 'items');
  assert.equal(drawn(), '\r\x1b[Kcount, 0 s');
  progress.update(3, 4);
  inner.end();
  assert.match(drawn(), /back end 3\/4/);
  progress.end();
  assert.equal(drawn(), '\r\x1b[K');
  clock.advance(5000);
  screen.line('done');
  assert.equal(drawn(), 'done\n');
});
