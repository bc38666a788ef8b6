import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDiagnostics, firstCause } from '../../src/build/diagnostics.ts';
import type { Diagnostic } from '../../src/values/diagnostic.ts';

const SOURCE = '/src/linux';
const OUTPUT = '/src/out';
const IN_TREE = new Set([
  'mm/x.c',
  'mm/z.c',
  'mm/asm.c',
  'mm/y.S',
  'include/bad.h',
  'kernel/Kconfig',
  'Kconfig',
  'arch/arm64/boot/dts/a.dts',
  'scripts/Makefile.build',
  'Makefile',
  'arch/x86/kernel/vmlinux.lds.S',
]);

function reader() {
  return createDiagnostics({ source: SOURCE, output: OUTPUT, inTree: (path) => IN_TREE.has(path) });
}

function read(text: string): readonly Diagnostic[] {
  const diagnostics = reader();
  for (const line of text.split('\n')) diagnostics.line(line);
  return diagnostics.end();
}

const NONE = { notes: [], count: 1 };

// Each text is what the real program printed (LLVM 23.1, Linux 7.3, GNU make 4.3, dtc 1.6, GNU as 2.40).
const TABLE: readonly [string, string, readonly Diagnostic[]][] = [
  [
    'clang: an error in a header, with the way to it, and one with a note',
    `In file included from ../linux/mm/x.c:1:
../linux/include/bad.h:1:36: error: use of undeclared identifier 'undeclared_thing'
    1 | static inline int f(void) { return undeclared_thing; }
      |                                    ^~~~~~~~~~~~~~~~
../linux/mm/x.c:3:26: error: too many arguments to function call, expected 0, have 1
    3 | int h(int *p) { return f(p); }
      |                        ~ ^
../linux/include/bad.h:1:19: note: 'f' declared here
    1 | static inline int f(void) { return undeclared_thing; }
      |                   ^
3 errors generated.`,
    [
      {
        tool: 'clang',
        level: 'error',
        message: "use of undeclared identifier 'undeclared_thing'",
        file: 'include/bad.h',
        line: 1,
        column: 36,
        notes: ['included from mm/x.c:1'],
        count: 1,
      },
      {
        tool: 'clang',
        level: 'error',
        message: 'too many arguments to function call, expected 0, have 1',
        file: 'mm/x.c',
        line: 3,
        column: 26,
        notes: ["include/bad.h:1:19: 'f' declared here"],
        count: 1,
      },
    ],
  ],
  [
    'clang in colours',
    '\x1b[1m/src/linux/mm/x.c:2:39: \x1b[0m\x1b[0;1;31merror: \x1b[0m\x1b[1mexpected expression\x1b[0m',
    [
      {
        tool: 'clang',
        level: 'error',
        message: 'expected expression',
        file: 'mm/x.c',
        line: 2,
        column: 39,
        ...NONE,
      },
    ],
  ],
  [
    'clang: a warning with its flag, also as an error',
    `mm/x.c:2:20: warning: unused variable 'unused' [-Wunused-variable]
mm/x.c:9:20: error: unused variable 'other' [-Werror,-Wunused-variable]`,
    [
      {
        tool: 'clang',
        level: 'warning',
        message: "unused variable 'unused'",
        file: 'mm/x.c',
        line: 2,
        column: 20,
        flag: '-Wunused-variable',
        ...NONE,
      },
      {
        tool: 'clang',
        level: 'error',
        message: "unused variable 'other'",
        file: 'mm/x.c',
        line: 9,
        column: 20,
        flag: '-Wunused-variable',
        ...NONE,
      },
    ],
  ],
  [
    'clang: a fatal error',
    "../linux/mm/z.c:1:10: fatal error: 'nope.h' file not found",
    [
      {
        tool: 'clang',
        level: 'error',
        message: "'nope.h' file not found",
        file: 'mm/z.c',
        line: 1,
        column: 10,
        ...NONE,
      },
    ],
  ],
  [
    'clang: errors without a file',
    `clang: error: unknown argument: '--bogus-flag'
error: invalid operand for inline asm constraint 'i'
warning: overriding the module target triple with x86_64-pc-linux-gnu [-Woverride-module]`,
    [
      { tool: 'clang', level: 'error', message: "unknown argument: '--bogus-flag'", ...NONE },
      { tool: 'clang', level: 'error', message: "invalid operand for inline asm constraint 'i'", ...NONE },
      {
        tool: 'clang',
        level: 'warning',
        message: 'overriding the module target triple with x86_64-pc-linux-gnu',
        flag: '-Woverride-module',
        ...NONE,
      },
    ],
  ],
  [
    'clang: inline assembly',
    `../linux/mm/asm.c:1:36: error: invalid instruction mnemonic 'bogus'
    1 | int k(int a) { int r; asm volatile("bogus %0" : "=r"(r)); return r; }
      |                                    ^
<inline asm>:1:2: note: instantiated into assembly here
    1 |         bogus %eax
      |         ^~~~~
<inline asm>:1:2: error: invalid instruction mnemonic 'bogus2'`,
    [
      {
        tool: 'clang',
        level: 'error',
        message: "invalid instruction mnemonic 'bogus'",
        file: 'mm/asm.c',
        line: 1,
        column: 36,
        notes: ['<inline asm>:1:2: instantiated into assembly here'],
        count: 1,
      },
      { tool: 'assembler', level: 'error', message: "invalid instruction mnemonic 'bogus2'", ...NONE },
    ],
  ],
  [
    'the integrated assembler, and GNU as',
    `../linux/mm/y.S:2:2: error: invalid instruction mnemonic 'bogus'
 bogus %rax
 ^~~~~
../linux/mm/y.S: Assembler messages:
../linux/mm/y.S:3: Error: number of operands mismatch for \`mov'`,
    [
      {
        tool: 'assembler',
        level: 'error',
        message: "invalid instruction mnemonic 'bogus'",
        file: 'mm/y.S',
        line: 2,
        column: 2,
        ...NONE,
      },
      {
        tool: 'assembler',
        level: 'error',
        message: "number of operands mismatch for `mov'",
        file: 'mm/y.S',
        line: 3,
        ...NONE,
      },
    ],
  ],
  [
    'lld: a duplicate symbol with both places',
    `ld.lld: error: duplicate symbol: foo
>>> defined at a.c:1 (/tmp/d/a.c:1)
>>>            a.o:(foo)
>>> defined at b.c
>>>            b2.o:(.data+0x0)
make[2]: *** [../linux/scripts/Makefile.build:76: vmlinux.o] Error 1`,
    [
      {
        tool: 'lld',
        level: 'error',
        message:
          'duplicate symbol: foo; defined at a.c:1 (/tmp/d/a.c:1) a.o:(foo); defined at b.c b2.o:(.data+0x0)',
        ...NONE,
      },
      {
        tool: 'make',
        level: 'error',
        message: 'vmlinux.o: Error 1',
        target: 'vmlinux.o',
        ...NONE,
      },
    ],
  ],
  [
    'lld: an undefined symbol, a warning, a linker script, inline assembly',
    `ld.lld: error: undefined symbol: nope
>>> referenced by x.c
>>>               mm/x.o:(g)
ld.lld: warning: unknown -z value: foo
ld.lld: error: ../linux/arch/x86/kernel/vmlinux.lds.S:12: unexpected EOF
ld.lld: error: asm2.o <inline asm>:1:2: invalid instruction mnemonic 'bogus'`,
    [
      {
        tool: 'lld',
        level: 'error',
        message: 'undefined symbol: nope; referenced by x.c mm/x.o:(g)',
        ...NONE,
      },
      { tool: 'lld', level: 'warning', message: 'unknown -z value: foo', ...NONE },
      {
        tool: 'lld',
        level: 'error',
        message: 'unexpected EOF',
        file: 'arch/x86/kernel/vmlinux.lds.S',
        line: 12,
        ...NONE,
      },
      {
        tool: 'lld',
        level: 'error',
        message: "asm2.o <inline asm>:1:2: invalid instruction mnemonic 'bogus'",
        ...NONE,
      },
    ],
  ],
  [
    'the other LLVM tools',
    "/opt/llvm/bin/llvm-objcopy: error: 'nope.o': No such file or directory",
    [{ tool: 'llvm', level: 'error', message: "llvm-objcopy: 'nope.o': No such file or directory", ...NONE }],
  ],
  [
    'modpost, in the form of 7.3 and in the one before',
    `ERROR: modpost: drv/md.ko: symbol 'gone' undefined!
ERROR: modpost: "foo" [drivers/bar.ko] undefined!
WARNING: modpost: vmlinux: section mismatch in reference: a (section: .text) -> b (section: .init.text)
WARNING: modpost: missing MODULE_DESCRIPTION() in drv/md.o`,
    [
      {
        tool: 'modpost',
        level: 'error',
        message: "drv/md.ko: symbol 'gone' undefined!",
        target: 'drv/md.ko',
        ...NONE,
      },
      {
        tool: 'modpost',
        level: 'error',
        message: '"foo" [drivers/bar.ko] undefined!',
        target: 'drivers/bar.ko',
        ...NONE,
      },
      {
        tool: 'modpost',
        level: 'warning',
        message: 'vmlinux: section mismatch in reference: a (section: .text) -> b (section: .init.text)',
        target: 'vmlinux',
        ...NONE,
      },
      { tool: 'modpost', level: 'warning', message: 'missing MODULE_DESCRIPTION() in drv/md.o', ...NONE },
    ],
  ],
  [
    'objtool',
    `vmlinux.o: warning: objtool: g+0x1: return with modified stack frame
ot.o: error: objtool: h+0x4: call without frame pointer save/setup
objtool: Can't open 'nothere.o': No such file or directory`,
    [
      {
        tool: 'objtool',
        level: 'warning',
        message: 'g+0x1: return with modified stack frame',
        target: 'vmlinux.o',
        ...NONE,
      },
      {
        tool: 'objtool',
        level: 'error',
        message: 'h+0x4: call without frame pointer save/setup',
        target: 'ot.o',
        ...NONE,
      },
      {
        tool: 'objtool',
        level: 'error',
        message: "Can't open 'nothere.o': No such file or directory",
        ...NONE,
      },
    ],
  ],
  [
    'Kconfig: files of the tree, and the configuration',
    `kernel/Kconfig:3:warning: multi-line strings not supported
kernel/Kconfig:6: syntax error
Kconfig:22: can't open file "gone/Kconfig"
.config:3:warning: symbol value 'foo' invalid for Z`,
    [
      {
        tool: 'kconfig',
        level: 'warning',
        message: 'multi-line strings not supported',
        file: 'kernel/Kconfig',
        line: 3,
        ...NONE,
      },
      { tool: 'kconfig', level: 'error', message: 'syntax error', file: 'kernel/Kconfig', line: 6, ...NONE },
      {
        tool: 'kconfig',
        level: 'error',
        message: 'can\'t open file "gone/Kconfig"',
        file: 'Kconfig',
        line: 22,
        ...NONE,
      },
      { tool: 'kconfig', level: 'warning', message: ".config:3: symbol value 'foo' invalid for Z", ...NONE },
    ],
  ],
  [
    'Kconfig: what is told over several lines',
    `
WARNING: unmet direct dependencies detected for UNMET
  Depends on [n]: NEVER [=n]
  Selected by [y]:
  - S [=y]
  - T [=y] && S [=y]
#
# configuration written to .config
#
error: recursive dependency detected!
	symbol A depends on B
	symbol B depends on A
For a resolution refer to Documentation/kbuild/kconfig-language.rst`,
    [
      {
        tool: 'kconfig',
        level: 'warning',
        message:
          'unmet direct dependencies detected for UNMET; Depends on [n]: NEVER [=n]; Selected by [y]:; S [=y]; T [=y] && S [=y]',
        ...NONE,
      },
      {
        tool: 'kconfig',
        level: 'error',
        message: 'recursive dependency detected!; symbol A depends on B; symbol B depends on A',
        ...NONE,
      },
    ],
  ],
  [
    'dtc',
    `../linux/arch/arm64/boot/dts/a.dts:4.13-34: Warning (unit_address_vs_reg): /soc/uart@1000: node has a unit name, but no reg or ranges property
/dev/null: Warning (pci_device_reg): Failed prerequisite 'reg_format'
../linux/arch/arm64/boot/dts/a.dts:2.3-4.3: ERROR (phandle_references): /: Reference to non-existent node or label "nolabel"

Error: ../linux/arch/arm64/boot/dts/a.dts:4.1-2 syntax error
FATAL ERROR: Unable to parse input tree`,
    [
      {
        tool: 'dtc',
        level: 'warning',
        message: '/soc/uart@1000: node has a unit name, but no reg or ranges property',
        file: 'arch/arm64/boot/dts/a.dts',
        line: 4,
        column: 13,
        flag: 'unit_address_vs_reg',
        ...NONE,
      },
      {
        tool: 'dtc',
        level: 'warning',
        message: "/dev/null: Failed prerequisite 'reg_format'",
        flag: 'pci_device_reg',
        ...NONE,
      },
      {
        tool: 'dtc',
        level: 'error',
        message: '/: Reference to non-existent node or label "nolabel"',
        file: 'arch/arm64/boot/dts/a.dts',
        line: 2,
        column: 3,
        flag: 'phandle_references',
        ...NONE,
      },
      {
        tool: 'dtc',
        level: 'error',
        message: 'syntax error',
        file: 'arch/arm64/boot/dts/a.dts',
        line: 4,
        column: 1,
        ...NONE,
      },
      { tool: 'dtc', level: 'error', message: 'Unable to parse input tree', ...NONE },
    ],
  ],
  [
    'make',
    `make[3]: *** [../linux/scripts/Makefile.build:290: mm/x.o] Error 1
make[2]: *** Waiting for unfinished jobs....
make: *** [m.mk:14: inner4] Terminated
make: *** No rule to make target 'mm/none.c', needed by 'mm/n.o'.  Stop.
make: *** No rule to make target 'nosuch'.  Stop.
../linux/Makefile:1: *** no way.  Stop.
/src/linux/Makefile:4: warning: overriding recipe for target 'a'
make: nosuchprog: No such file or directory
make: *** Deleting file 'del'`,
    [
      {
        tool: 'make',
        level: 'error',
        message: 'mm/x.o: Error 1',
        target: 'mm/x.o',
        ...NONE,
      },
      { tool: 'make', level: 'error', message: 'inner4: Terminated', target: 'inner4', ...NONE },
      {
        tool: 'make',
        level: 'error',
        message: "No rule to make target 'mm/none.c', needed by 'mm/n.o'",
        target: 'mm/n.o',
        ...NONE,
      },
      { tool: 'make', level: 'error', message: "No rule to make target 'nosuch'", target: 'nosuch', ...NONE },
      { tool: 'make', level: 'error', message: 'no way', file: 'Makefile', line: 1, ...NONE },
      {
        tool: 'make',
        level: 'warning',
        message: "overriding recipe for target 'a'",
        file: 'Makefile',
        line: 4,
        ...NONE,
      },
      { tool: 'make', level: 'error', message: 'nosuchprog: No such file or directory', ...NONE },
    ],
  ],
  [
    'killed programs',
    `clang: error: unable to execute command: Killed
make[1]: *** [../linux/scripts/Makefile.build:76: vmlinux.o] Error 137
make: *** [../linux/scripts/Makefile.build:3: mm/x.o] Killed
bash: 16939 Killed                  sh -c "kill -KILL \\$\\$"
Killed`,
    [
      {
        tool: 'clang',
        level: 'error',
        kind: 'killed',
        message: 'unable to execute command: Killed',
        ...NONE,
      },
      {
        tool: 'make',
        level: 'error',
        kind: 'killed',
        message: 'the program that makes vmlinux.o was killed',
        target: 'vmlinux.o',
        ...NONE,
      },
      {
        tool: 'make',
        level: 'error',
        kind: 'killed',
        message: 'the program that makes mm/x.o was killed',
        target: 'mm/x.o',
        ...NONE,
      },
      {
        tool: 'shell',
        level: 'error',
        kind: 'killed',
        message: 'a program of the build was killed',
        notes: [],
        count: 2,
      },
    ],
  ],
  [
    'programs that are missing, and a full disk',
    `/bin/sh: 1: flex: not found
mkdir: cannot create directory 'x': No space left on device
fatal error: error in backend: IO failure on output stream: No space left on device`,
    [
      { tool: 'shell', level: 'error', message: 'flex: not found', ...NONE },
      {
        tool: 'shell',
        level: 'error',
        message: "mkdir: cannot create directory 'x': No space left on device",
        ...NONE,
      },
      {
        tool: 'clang',
        level: 'error',
        message: 'error in backend: IO failure on output stream: No space left on device',
        ...NONE,
      },
    ],
  ],
  [
    'nothing in what a good build prints',
    `make[1]: Entering directory '/src/out'
  CC      arch/x86/boot/compressed/error.o
  CC [M]  drivers/net/x.o
  LD      vmlinux.thinlto-index
fs/fserror.o
Kernel: arch/x86/boot/bzImage is ready  (#1)
WARNING: Unable to reopen jobserver read-side pipe: FileNotFoundError(2, 'No such file or directory')
1 warning generated.
make[1]: Leaving directory '/src/out'`,
    [],
  ],
];
for (const [title, text, expected] of TABLE) {
  test(title, () => assert.deepEqual(read(text), expected));
}

test('each diagnostic is handed out once, when its message is whole', () => {
  const diagnostics = reader();
  assert.deepEqual(diagnostics.line('ld.lld: error: undefined symbol: nope'), []);
  assert.deepEqual(diagnostics.line('>>> referenced by x.c'), []);
  const warning = '../linux/mm/x.c:2:20: warning: unused';
  const messages = diagnostics.line(warning).map((one) => one.message);
  assert.deepEqual(messages, ['undefined symbol: nope; referenced by x.c', 'unused']);
  assert.deepEqual(diagnostics.line(warning), []);
  assert.deepEqual(diagnostics.line('  CC      mm/x.o'), []);
});

test('a warning in a header is kept once and counted', () => {
  const one = `In file included from ../linux/mm/x.c:1:
../linux/include/bad.h:2:12: warning: unused variable 'v' [-Wunused-variable]
../linux/include/bad.h:1:1: note: declared here
`;
  const [found, ...others] = read(one.repeat(500));
  assert.equal(found?.count, 500);
  assert.deepEqual(found?.notes, ['included from mm/x.c:1', 'include/bad.h:1:1: declared here']);
  assert.deepEqual(others, []);
});

const PATHS: readonly [string, string | undefined][] = [
  ['../linux/mm/x.c', 'mm/x.c'],
  ['/src/linux/mm/x.c', 'mm/x.c'],
  ['mm/x.c', 'mm/x.c'],
  ['./mm/../mm/x.c', 'mm/x.c'],
  ['/src/linux/../linux/mm/x.c', 'mm/x.c'],
  ['/src/linux-other/mm/x.c', undefined],
  ['../linux/mm/gone.c', undefined],
  ['../../etc/passwd', undefined],
  ['/etc/passwd', undefined],
  ['../linux', undefined],
  ['__proto__', undefined],
];
for (const [printed, file] of PATHS) {
  test(`the path ${printed} is ${file ?? 'no file of the tree'}`, () => {
    const [found] = read(`${printed}:3:4: error: no`);
    assert.equal(found?.file, file);
    assert.equal(found?.line, file === undefined ? undefined : 3);
    assert.equal(found?.message, file === undefined ? `${printed}:3: no` : 'no');
  });
}

test('a generated file in an output folder below the tree is no file of the tree', () => {
  const diagnostics = createDiagnostics({ source: SOURCE, output: `${SOURCE}/out`, inTree: () => true });
  diagnostics.line(`${SOURCE}/out/lib/table.c:1:1: error: no`);
  diagnostics.line('../mm/x.c:1:1: error: no');
  const files = diagnostics.end().map((one) => one.file);
  assert.deepEqual(files, [undefined, 'mm/x.c']);
});

test('a message holds no control character and no second line', () => {
  const [found] = read('mm/x.c:1:1: error: a\r::error::b\x1b]0;t\x07\x00\u2028c\x9b31md');
  assert.equal(found?.message, 'a ::error::b ]0;t c 31md');
});

test('a thousand are kept, errors rather than warnings, and the rest is counted', () => {
  const diagnostics = reader();
  for (let n = 1; n <= 1500; n++) diagnostics.line(`mm/x.c:${n}:1: warning: w`);
  for (let n = 1; n <= 600; n++) diagnostics.line(`mm/x.c:${n}:1: error: e`);
  const kept = diagnostics.end();
  assert.equal(kept.filter((one) => one.level === 'error').length, 600);
  assert.equal(kept.filter((one) => one.level === 'warning').length, 400);
  assert.deepEqual(diagnostics.dropped(), { errors: 0, warnings: 1100 });
  for (let n = 601; n <= 1100; n++) diagnostics.line(`mm/x.c:${n}:1: error: e`);
  assert.equal(diagnostics.end().length, 1000);
  assert.deepEqual(diagnostics.dropped(), { errors: 100, warnings: 1500 });
});

test('lines made to be slow are read in time', () => {
  const lines = [
    ' [-W'.repeat(1 << 18),
    `mm/x.c:1:1: error: ${' [-W'.repeat(1 << 14)}`,
    ':1'.repeat(1 << 19),
    '/'.repeat(1 << 20),
    `make: *** [${'a:1: '.repeat(1 << 14)}`,
    `ERROR: modpost: ${'"a" '.repeat(1 << 14)}`,
    '\x1b['.repeat(1 << 18),
    `WARNING: unmet direct dependencies detected for X\n  ${' [='.repeat(1 << 14)}`,
    `Kconfig${'Kconfig'.repeat(1 << 13)}`,
    `${'a: '.repeat(1 << 14)}No space left on device!`,
    `${'x'.repeat(1 << 16)}.config`,
    `sh: ${'1 '.repeat(1 << 14)}`,
    `${'sh'.repeat(1 << 14)}: 1 not`,
    `${'clang'.repeat(1 << 13)}`,
    `${' '.repeat(1 << 16)}x`,
  ];
  for (const line of lines) {
    const started = performance.now();
    const found = read(line);
    const milliseconds = performance.now() - started;
    assert.ok(milliseconds < 500, `${line.slice(0, 40)}: ${milliseconds} ms`);
    for (const one of found) assert.ok(one.message.length <= 2000);
  }
});

const MAKE_LINE = 'make[3]: *** [../linux/scripts/Makefile.build:290: mm/x.o] Error 1';
const CAUSES: readonly [string, string, Partial<Diagnostic> | undefined][] = [
  [
    'the compile error',
    `mm/x.c:1:1: warning: w\nmm/x.c:2:1: error: e\n${MAKE_LINE}`,
    { message: 'e', line: 2 },
  ],
  ['the compile error where make spoke first', `${MAKE_LINE}\nmm/x.c:2:1: error: e`, { message: 'e' }],
  ['the first error of two', 'mm/x.c:2:1: error: one\nmm/x.c:1:1: error: two', { message: 'one' }],
  [
    'the kill, with the target, before what the driver says of it',
    `clang: error: clang frontend command failed with exit code -2 (use -v to see invocation)\nclang: error: unable to execute command: Killed\n${MAKE_LINE}`,
    { kind: 'killed', message: 'unable to execute command: Killed', target: 'mm/x.o' },
  ],
  [
    'the kill that only make tells of',
    `make[1]: *** [../linux/scripts/Makefile.build:76: vmlinux.o] Error 137\nmake: *** [Makefile:3: all] Error 2`,
    { kind: 'killed', target: 'vmlinux.o' },
  ],
  [
    'the missing file',
    `make[2]: *** No rule to make target 'a.c', needed by 'a.o'.  Stop.`,
    { target: 'a.o' },
  ],
  [
    'the innermost make where nothing else is known',
    `${MAKE_LINE}\nmake: *** [Makefile:3: all] Error 2`,
    { target: 'mm/x.o' },
  ],
  [
    'the place in a device tree',
    'FATAL ERROR: Unable to parse input tree\nError: arch/arm64/boot/dts/a.dts:4.1-2 syntax error',
    { message: 'syntax error' },
  ],
  ['no warning', 'mm/x.c:1:1: warning: w', undefined],
];
for (const [title, text, expected] of CAUSES) {
  test(`the cause of a failed build is ${title}`, () => {
    const cause = firstCause(read(text));
    if (expected === undefined) assert.equal(cause, undefined);
    else assert.deepEqual(cause, { ...cause, ...expected });
    assert.equal(cause === undefined, expected === undefined);
  });
}
