import type { Moment } from './equality-build.ts';
import { baseScene, type Scene } from './equality-scene.ts';
import type { DamageName } from './equality-store.ts';
import type { Style } from './equality-tree.ts';

/** One build of a step. */
export interface Act {
  readonly scene: Scene;
  /** `kernel`: it is compared with a build from nothing; `unchecked`: it is not. */
  readonly ends: 'kernel' | 'unchecked' | 'failure' | { readonly killedIn: Moment; readonly alone?: true };
  /** What happens to the store before. */
  readonly damage?: DamageName;
}

/** One step of the sequence; complete in itself. */
export interface Step {
  readonly name: string;
  readonly style: Style;
  /** What the last build before the step made. */
  readonly from: Scene;
  readonly acts: readonly Act[];
  /** Whether the first kernel of it must be another one than that of `from`: else the step could not fail. */
  readonly alters: boolean;
}

type Change = Partial<Scene>;

const C_FILE: Change = { edits: ['c file'] };
const CENTRAL: Change = { edits: ['central header'] };
/** Much at once, as between branches. */
const BRANCH: Change = {
  edits: [
    ...['c file', 'header', 'comment line in a c file', 'new file', 'flag in a Makefile'],
    ...['shadow of a quoted include', 'shadow of a generated <asm/irq_regs.h>'],
  ],
  kconfig: ['CONFIG_IKCONFIG=y', 'CONFIG_PROC_FS=y', 'CONFIG_IKCONFIG_PROC=y'],
  later: 86_400,
};
// Nothing in the kernel reads the option.
const BRANCH_AND_OPTION: Change = { ...BRANCH, kconfig: [...(BRANCH.kconfig ?? []), 'CONFIG_SAMPLES=y'] };

/** The sequence for the builds of one mode, in order. */
export function stepsOf(lto: 'thin' | 'thin-dist'): readonly Step[] {
  const base = baseScene(lto);
  const scene = (change: Change): Scene => ({ ...base, ...change });
  const otherMode: Change = { lto: lto === 'thin' ? 'thin-dist' : 'thin' };
  const steps: Step[] = [];
  const add = (name: string, styles: readonly Style[], from: Change, acts: readonly Act[], alters = true) => {
    for (const style of styles) steps.push({ name, style, from: scene(from), acts, alters });
  };
  const kernel = (change: Change, damage?: DamageName): Act => ({
    scene: scene(change),
    ends: 'kernel',
    ...(damage !== undefined && { damage }),
  });
  // What decides in the other steps does not depend on the mode.
  const dist = lto === 'thin-dist';
  const some: readonly Style[] = dist ? BOTH : ['CI'];
  /** From one scene to another; the way back is compared too, and the next style begins where this one ended. */
  const there = (name: string, from: Change, to: Change, alters = true, styles = some) =>
    add(name, styles, from, [kernel(to), kernel(from)], alters);

  add('no change', BOTH, {}, [kernel({})], false);
  add('edited .c, then reverted', BOTH, {}, [kernel(C_FILE), kernel({})]);
  add('edited header, on top of an edited .c', some, C_FILE, [kernel({ edits: ['c file', 'header'] })]);
  there('edited header that most translation units read', {}, CENTRAL);
  there('comment within a line of a header', {}, { edits: ['comment in a header'] }, false);
  if (dist) there('comment line in a .c', {}, { edits: ['comment line in a c file'] }, false);
  add('new file with its Makefile line, then renamed, then deleted', some, {}, [
    kernel({ edits: ['new file'] }),
    kernel({ edits: ['the new file under another name'] }),
    kernel({}),
  ]);
  there('option that few translation units read', {}, { kconfig: ['CONFIG_ADVISE_SYSCALLS=y'] });
  there('option that many translation units read', {}, { kconfig: ['CONFIG_BUG=y'] });
  there('flag in a Makefile', {}, { edits: ['flag in a Makefile'] });
  if (dist) {
    there('new header that shadows a quoted include', {}, { edits: ['shadow of a quoted include'] });
    there('new header that shadows <linux/…>', {}, { edits: ['shadow of <linux/fs_struct.h>'] });
    there(
      'new header in place of a generated one',
      {},
      { edits: ['shadow of a generated <asm/irq_regs.h>'] },
    );
    there('new header that shadows a generated one', {}, { edits: ['shadow of a generated "cpustr.h"'] });
    there('KCFLAGS of the command line', {}, { makeArgs: ['KCFLAGS=-fno-optimize-sibling-calls'] });
    there('default in a Kconfig file', {}, { edits: ['default in a Kconfig file'] });
    there('assembly file', {}, { edits: ['assembly file'] });
    there('linker script', {}, { edits: ['linker script'] });
    there('system call table', {}, { edits: ['system call table'] });
    there('program that runs on the host', {}, { edits: ['host program'] }, false);
    there('later commit with the same sources', {}, { later: 3600 });
  }
  there('another LLVM, and back', {}, { llvm: 'other' });
  there('mode switched, and back', {}, otherMode, false, BOTH);
  if (dist) there('mode switched and a .c edited', {}, { ...otherMode, ...C_FILE });
  there('reduction switched, and back', {}, { reduction: 'off' }, true, BOTH);
  add('another architecture in between', some, {}, [kernel({ arch: 'arm64' }), kernel({})]);
  there('branch switched, and back', {}, BRANCH);
  there('option that only the embedded configuration has', BRANCH, BRANCH_AND_OPTION);
  add('failed build, then a good one', BOTH, {}, [
    { scene: scene({ edits: ['c file', 'syntax error'] }), ends: 'failure' },
    kernel(C_FILE),
  ]);
  add('failed build, then the old state', BOTH, C_FILE, [
    { scene: scene({ edits: ['header', 'syntax error'] }), ends: 'failure' },
    kernel(C_FILE),
  ]);
  // Each kill goes the other way between two scenes, so that there is much to do when it comes.
  let [here, next]: [Change, Change] = [{}, CENTRAL];
  const killed = (styles: readonly Style[], killedIn: Moment, alone?: true) => {
    const name = `killed in '${killedIn}'${alone ? ', the command alone' : ''}, then a good one`;
    for (const style of styles) {
      const ends = { killedIn, ...(alone && { alone }) };
      add(name, [style], here, [{ scene: scene(next), ends }, kernel(next)]);
      [here, next] = [next, here];
    }
  };
  killed(['CI'], 'restoring');
  killed(BOTH, 'prepare');
  killed(BOTH, 'front end');
  killed(['kept'], 'front end', true);
  // Every back end is stale, and no front end.
  [here, next] = [{}, { reduction: 'off' }];
  if (dist) for (const moment of ['thin link', 'back end'] as const) killed(BOTH, moment);
  else killed(BOTH, 'thin link and back end');
  killed(BOTH, 'link and the rest');
  killed(BOTH, 'the last link');
  killed(BOTH, 'saving');
  add('checkout in another path, and back', ['CI'], {}, [kernel({ place: 'another' }), kernel({})], false);
  for (const damage of ENTRY_DAMAGES) {
    if (damage.includes('another architecture'))
      add(damage, ['CI'], { arch: 'arm64' }, [kernel({}), kernel({}, damage)], false);
    else add(damage, ['CI'], {}, [kernel({}, damage)], false);
  }
  if (dist) {
    add('same size and old time after an edit', ['kept'], {}, [
      kernel({ edits: ['c file, same size'], tree: 'dirty', times: 'set back' }),
      kernel({ tree: 'dirty' }),
    ]);
    add('source file whose time is ahead', BOTH, {}, [
      kernel({ ...C_FILE, times: 'ahead' }),
      kernel({ ...C_FILE, times: 'ahead' }),
      kernel({}),
    ]);
    there('edit that is not committed', {}, { ...C_FILE, tree: 'dirty' });
    there('file that git does not know', {}, { edits: ['new file'], tree: 'dirty' });
  }
  const plain = { tree: 'no git' } as const;
  add('tree without git: no change', BOTH, plain, [kernel(plain)], false);
  there('tree without git: edited .c, then reverted', plain, { ...C_FILE, ...plain });
  if (dist) {
    there('tree without git: edited header, then reverted', plain, { edits: ['header'], ...plain });
    there('tree without git: new file, then deleted', plain, { edits: ['new file'], ...plain });
    add('tree without git: same size and old time', ['kept'], plain, [
      kernel({ ...plain, edits: ['c file, same size'], times: 'set back' }),
    ]);
    add('git comes to a tree that had none', BOTH, plain, [kernel({})]);
  }
  return steps;
}

const BOTH: readonly Style[] = ['CI', 'kept'];
const ENTRY_DAMAGES: readonly DamageName[] = [
  'entry truncated',
  'state truncated',
  'entry with a flipped byte in each file',
  'state with a flipped byte',
  'manifest with a flipped byte',
  'entry with empty files',
  'entry without files',
  'entry swapped with that of another architecture',
  'state swapped with that of another architecture',
  'no entries',
  'no entries, and ccache truncated',
  'no entries, and ccache with a flipped byte in each file',
  'no entries, and ccache with empty files',
];
