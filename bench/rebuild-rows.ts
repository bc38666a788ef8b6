import type { Mode } from '../src/values/mode.ts';

/** A configuration that is measured. */
export type Config = 'defconfig' | 'tinyconfig';

/**
 * What is compared: `a` plain make; `b48` and `b414` ccache with its defaults around CC, in Debian 12's version and in
 * 4.14; `c` a snapshot of the output folder; `d` this tool.
 */
export type Side = 'a' | 'b48' | 'b414' | 'c' | 'd';

export const SIDES: readonly Side[] = ['a', 'b48', 'b414', 'c', 'd'];

/** One edit: a text that is in the file once, and what takes its place. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** What (d) may take at most, as a share of another side's time on defconfig. */
export interface Marks {
  readonly a?: number;
  readonly b414?: number;
  readonly c?: number;
}

/** A row: what changed since the build that filled the stores. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** The mode of the build that filled the stores; absent where this build fills them. */
  readonly base?: Mode;
  readonly mode: Mode;
  /** For a configuration that is not named here the row has none. */
  readonly edit?: Readonly<Record<Config, Edit>>;
  /** Lines of the configuration that are switched. */
  readonly kconfig?: Readonly<Record<Config, readonly string[]>>;
  /** Beside plain make. */
  readonly sides: readonly Side[];
  /** Where plain make of the row is measured too, and with that the kernels compared. */
  readonly plain: readonly Config[];
  /** Where the row is measured unless the command line says otherwise. */
  readonly configs: readonly Config[];
  readonly marks: Marks;
}

/** What each configuration starts from. */
export const BASE_KCONFIG: Readonly<Record<Config, readonly string[]>> = {
  defconfig: [],
  tinyconfig: ['CONFIG_64BIT=y'],
};

const BOTH: readonly Config[] = ['defconfig', 'tinyconfig'];
const TINY: readonly Config[] = ['tinyconfig'];
const CACHES: readonly Side[] = ['b48', 'b414', 'c', 'd'];
const REBUILD = { base: 'thin-dist', mode: 'thin-dist', sides: CACHES, plain: TINY, configs: BOTH } as const;
const ONE_FILE: Marks = { a: 0.045, b414: 0.5, c: 0.3 };
const OPTION: Marks = { b414: 0.5, c: 1 };

/** All rows, in the order in which they are measured. */
export const ROWS: readonly Row[] = [
  {
    name: 'cold',
    title: 'cold, the stores being filled',
    mode: 'thin-dist',
    sides: CACHES,
    plain: BOTH,
    configs: BOTH,
    marks: { a: 1.08, b414: 0.9 },
  },
  // Its plain make would be the cold one again: the same sources.
  {
    ...REBUILD,
    name: 'nothing',
    title: 'nothing changed',
    plain: [],
    marks: { a: 0.02, b414: 0.25, c: 1.1 },
  },
  {
    ...REBUILD,
    name: 'fork',
    title: '`kernel/fork.c`: a statement more',
    edit: both({
      file: 'kernel/fork.c',
      find: '\tmax_threads = clamp_t(u64, threads, MIN_THREADS, MAX_THREADS);\n',
      replace:
        '\tif (threads > 4000000)\n\t\tthreads = 4000000;\n\n\tmax_threads = clamp_t(u64, threads, MIN_THREADS, MAX_THREADS);\n',
    }),
    plain: BOTH,
    marks: ONE_FILE,
  },
  {
    ...REBUILD,
    name: 'slub',
    title: '`mm/slub.c`: a statement split in two',
    edit: both({
      file: 'mm/slub.c',
      find: '\ts->min_partial = min_t(unsigned long, MAX_PARTIAL, ilog2(s->size) / 2);\n',
      replace:
        '\ts->min_partial = ilog2(s->size + s->align) / 2;\n\ts->min_partial = min_t(unsigned long, MAX_PARTIAL, s->min_partial);\n',
    }),
    marks: ONE_FILE,
  },
  {
    ...REBUILD,
    name: 'driver',
    title: 'a driver: another constant, a comment line',
    edit: {
      defconfig: {
        file: 'drivers/net/ethernet/intel/e1000/e1000_main.c',
        find: '\t\tschedule_delayed_work(&adapter->watchdog_task, 2 * HZ);\n',
        replace: '\t\t/* Not sooner. */\n\t\tschedule_delayed_work(&adapter->watchdog_task, 3 * HZ);\n',
      },
      tinyconfig: {
        file: 'drivers/char/random.c',
        find: '\tCRNG_RESEED_INTERVAL = 60 * HZ\n',
        replace: '\t/* Sooner. */\n\tCRNG_RESEED_INTERVAL = 50 * HZ\n',
      },
    },
    marks: ONE_FILE,
  },
  {
    ...REBUILD,
    name: 'comment',
    title: '`include/linux/sched.h`: a comment, no line moves',
    edit: both({
      file: 'include/linux/sched.h',
      find: '\tunsigned int\t\t\tptrace;\n',
      replace: '\tunsigned int\t\t\tptrace;\t/* PT_* */\n',
    }),
    marks: { c: 0.95 },
  },
  {
    ...REBUILD,
    name: 'driver-on',
    title: 'an option on: a driver (`DUMMY`; on tinyconfig `DUMMY_IRQ`)',
    kconfig: { defconfig: ['CONFIG_DUMMY=y'], tinyconfig: ['CONFIG_DUMMY_IRQ=y'] },
    marks: OPTION,
  },
  // Read by 570 of 2907 translation units, and by 206 of 501: so many command files of a built 7.3.4 name it.
  {
    ...REBUILD,
    name: 'option-read',
    title: 'an option on that many read (`VLAN_8021Q`; on tinyconfig `BINFMT_MISC`)',
    kconfig: { defconfig: ['CONFIG_VLAN_8021Q=y'], tinyconfig: ['CONFIG_BINFMT_MISC=y'] },
    marks: OPTION,
  },
  {
    name: 'thin-cold',
    title: '`thin`: cold',
    mode: 'thin',
    sides: ['d'],
    plain: BOTH,
    configs: BOTH,
    marks: {},
  },
  {
    ...REBUILD,
    name: 'mode',
    title: 'the mode switched from `thin-dist` to `thin`',
    mode: 'thin',
    plain: [],
    marks: {},
  },
  {
    name: 'thin-nothing',
    title: '`thin`: nothing changed',
    base: 'thin',
    mode: 'thin',
    sides: ['d'],
    plain: [],
    configs: BOTH,
    marks: {},
  },
  {
    ...REBUILD,
    name: 'field',
    title: '`include/linux/sched.h`: a field more in `task_struct`',
    edit: both({
      file: 'include/linux/sched.h',
      find: '\trandomized_struct_fields_end\n} __attribute__ ((aligned (64)));\n',
      replace:
        '\tunsigned long\t\t\tone_more;\n\n\trandomized_struct_fields_end\n} __attribute__ ((aligned (64)));\n',
    }),
    configs: TINY,
    marks: {},
  },
];

function both(edit: Edit): Readonly<Record<Config, Edit>> {
  return { defconfig: edit, tinyconfig: edit };
}
