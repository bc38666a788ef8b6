/** Reads a file of the tree as it is before an edit. Throws where it is not there. */
export type ReadFile = (file: string) => string;

/** One edit of a kernel tree: what each file is to hold then; null removes it. Throws where it does not fit the tree. */
export type Edit = (read: ReadFile) => ReadonlyMap<string, string | null>;

/** The edits of the sequence by name. Of a scene's edits each sees what those before it left. */
export const EDITS: Readonly<Record<string, Edit>> = {
  'c file': replace(
    'kernel/fork.c',
    '\tmax_threads = clamp_t(u64, threads, MIN_THREADS, MAX_THREADS);\n',
    '\tmax_threads = clamp_t(u64, threads, MIN_THREADS, MAX_THREADS);\n\tif (max_threads > 4000000)\n\t\tmax_threads = 4000000;\n',
  ),
  'c file, same size': replace('kernel/fork.c', '(u64) THREAD_SIZE * 8UL);', '(u64) THREAD_SIZE * 4UL);'),
  header: replace(
    'include/linux/fs_struct.h',
    '\treturn current->fs->umask;\n',
    '\treturn current->fs->umask & 0777;\n',
  ),
  // Most translation units read it, and a field more moves what comes after it.
  'central header': replace(
    'include/linux/sched.h',
    '\tunsigned int\t\t\tsaved_state;\n',
    '\tunsigned int\t\t\tsaved_state;\n\tunsigned long\t\t\tequality_field;\n',
  ),
  'comment in a header': replace(
    'include/linux/sched.h',
    '/* saved state for "spinlock sleepers" */',
    '/* the state saved for "spinlock sleepers" */',
  ),
  'comment line in a c file': replace(
    'kernel/range.c',
    ' * Range add and subtract\n',
    ' * Range add and subtract\n * (and one line more)\n',
  ),
  'new file': newObject('equality_one'),
  'the new file under another name': newObject('equality_two'),
  // Found in the includer's own folder, before the one that -I leads to (lib/crypto/$(SRCARCH)/sha256.h).
  'shadow of a quoted include': (read) => {
    once(read('lib/crypto/sha256.c'), '#include "sha256.h"', '');
    const text =
      'static void sha256_blocks(struct sha256_block_state *state, const u8 *data, size_t nblocks)\n' +
      '{\n\tsha256_blocks_generic(state, data, nblocks);\n}\n';
    return new Map([['lib/crypto/sha256.h', text]]);
  },
  // kbuild's include path has arch/x86/include before include.
  'shadow of <linux/fs_struct.h>': (read) =>
    new Map([
      [
        'arch/x86/include/linux/fs_struct.h',
        once(read('include/linux/fs_struct.h'), 'return current->fs->umask', 'return 1 | current->fs->umask'),
      ],
    ]),
  // kbuild makes a wrapper of the generic one where an architecture has none of its own.
  'shadow of a generated <asm/irq_regs.h>': (read) =>
    new Map([
      [
        'arch/x86/include/asm/irq_regs.h',
        once(
          read('include/asm-generic/irq_regs.h'),
          '\told_regs = __this_cpu_read(__irq_regs);\n',
          '\told_regs = __this_cpu_read(__irq_regs);\n\t__this_cpu_write(__irq_regs, old_regs);\n',
        ),
      ],
    ]),
  // kbuild makes the one that is read in the output folder; the includer's own folder is searched before.
  'shadow of a generated "cpustr.h"': (read) => {
    once(read('arch/x86/boot/cpu.c'), '#include "cpustr.h"', '');
    return new Map([['arch/x86/boot/cpustr.h', 'static const char x86_cap_strs[] = "\\xff\\xff";\n']]);
  },
  'flag in a Makefile': append('kernel/time/Makefile', '\nccflags-y += -fno-inline\n'),
  'default in a Kconfig file': replace('init/Kconfig', '\tdefault 32 if !UML\n', '\tdefault 48 if !UML\n'),
  'assembly file': replace(
    'arch/x86/lib/copy_page_64.S',
    '\tmovl\t$4096/8, %ecx\n',
    '\tnop\n\tmovl\t$4096/8, %ecx\n',
  ),
  'linker script': replace(
    'arch/x86/kernel/vmlinux.lds.S',
    '\tSTABS_DEBUG\n',
    '\tequality_symbol = .;\n\n\tSTABS_DEBUG\n',
  ),
  'system call table': replace('arch/x86/entry/syscalls/syscall_64.tbl', 'sys_msync', 'sys_mincore'),
  'host program': replace('scripts/kallsyms.c', '\nint main(', '\n/* edited */\nint main('),
  'syntax error': append('kernel/range.c', '\nint broken(void) { return undeclared_thing; }\n'),
};

/** Applies edits one after the other over `read`. Returns all files that differ from what it reads. */
export function applyEdits(names: readonly string[], read: ReadFile): ReadonlyMap<string, string | null> {
  const changed = new Map<string, string | null>();
  for (const name of names) {
    const edit = EDITS[name];
    if (edit === undefined) throw new Error(`there is no edit '${name}'`);
    const files = edit((file) => {
      const text = changed.has(file) ? changed.get(file) : read(file);
      if (typeof text === 'string') return text;
      throw new Error(`edit '${name}': ${file} is not there`);
    });
    for (const [file, text] of files) changed.set(file, text);
  }
  return changed;
}

function newObject(name: string): Edit {
  return (read) =>
    new Map([
      [
        `kernel/${name}.c`,
        '// SPDX-License-Identifier: GPL-2.0\nint equality_of(int x);\nint equality_of(int x)\n{\n\treturn x * 3 + 1;\n}\n',
      ],
      ['kernel/Makefile', `${read('kernel/Makefile')}\nobj-y += ${name}.o\n`],
    ]);
}

function replace(file: string, find: string, by: string): Edit {
  return (read) => new Map([[file, once(read(file), find, by)]]);
}

function append(file: string, text: string): Edit {
  return (read) => new Map([[file, read(file) + text]]);
}

function once(text: string, find: string, by: string): string {
  const [before, after, ...more] = text.split(find);
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`'${find.trim()}' is not in its file exactly once; adapt the edits to this tree`);
  return before + by + after;
}
