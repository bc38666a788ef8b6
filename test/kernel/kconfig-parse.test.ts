import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { show } from '../../src/kernel/kconfig/expression.ts';
import { parseKconfig } from '../../src/kernel/kconfig/parse.ts';
import { UserError } from '../../src/values/error.ts';
import { folderOf, kconfigOf } from '../services/kconfig-tree.ts';

test('a symbol has its type, prompt, defaults, ranges, settings and places', () => {
  const kconfig = kconfigOf(`mainmenu "Test"
config FOO
	int "Foo" if BAR
	range 1 BAZ if BAR
	default 3 if BAZ = "x"
	default 4
config BAR
	tristate
	prompt "Bar"
	select SEL if BAZ
	imply IMP
menuconfig BAZ
	string "Baz"
choice
	prompt "one of"
	default C_TWO
config C_ONE
	bool "one"
config C_TWO
	bool "two"
endchoice
config OLD
	bool
	transitional
`);
  assert.deepEqual(kconfig.problems, []);
  const foo = kconfig.symbols.get('FOO')?.definitions[0] ?? assert.fail();
  assert.equal(kconfig.symbols.get('FOO')?.type, 'int');
  assert.equal(foo.place, 'Kconfig:2');
  assert.equal(show(foo.prompt?.[0]?.expression ?? assert.fail()), 'BAR');
  const [range] = foo.ranges;
  assert.deepEqual(
    [range && show(range.low), range && show(range.high), range?.place],
    ['1', 'BAZ', 'Kconfig:4'],
  );
  assert.deepEqual(
    foo.defaults.map((one) => [show(one.value), one.condition && show(one.condition), one.place]),
    [
      ['3', 'BAZ = x', 'Kconfig:5'],
      ['4', undefined, 'Kconfig:6'],
    ],
  );
  assert.equal(kconfig.symbols.get('BAR')?.type, 'tristate');
  const [select] = kconfig.settings.get('SEL') ?? [];
  assert.deepEqual([select?.kind, select?.by, select?.place], ['select', 'BAR', 'Kconfig:10']);
  assert.equal(kconfig.settings.get('IMP')?.[0]?.kind, 'imply');
  assert.deepEqual(kconfig.symbols.get('C_ONE')?.definitions[0]?.choice?.members, ['C_ONE', 'C_TWO']);
  assert.equal(kconfig.symbols.get('BAZ')?.definitions[0]?.choice, undefined);
  assert.equal(kconfig.symbols.get('OLD')?.transitional, true);
});

test('help is skipped by its indentation, whatever stands in it', () => {
  const kconfig = kconfigOf(`config A
	bool "a"
	help
	  config NOT_ONE
	    bool "no"

	  endmenu ' unbalanced "
	depends on LATER
config EMPTY_HELP
	bool "b"
	help
config C
	bool "c"
	help

	  default x
  select LESS_INDENTED
`);
  assert.deepEqual(kconfig.problems, []);
  assert.deepEqual([...kconfig.symbols.keys()], ['A', 'EMPTY_HELP', 'C']);
  assert.equal(kconfig.symbols.get('A')?.definitions[0]?.depends[0]?.place, 'Kconfig:8');
  assert.ok(kconfig.settings.has('LESS_INDENTED'));
});

test('lines are continued, comments and quotes are read as Kconfig reads them', () => {
  const kconfig = kconfigOf(`config A # a comment \\
	bool "it's # no comment"
	depends on B && \\
		C # and \\
	depends on 'single "quoted"' = TEXT
	default y if \\
	  D
`);
  assert.deepEqual(kconfig.problems, []);
  const definition = kconfig.symbols.get('A')?.definitions[0] ?? assert.fail();
  assert.deepEqual(
    definition.depends.map(({ expression, place }) => [show(expression), place]),
    [
      ['B && C', 'Kconfig:3'],
      ['"single \\"quoted\\"" = TEXT', 'Kconfig:5'],
    ],
  );
  assert.equal(definition.defaults[0]?.condition && show(definition.defaults[0].condition), 'D');
});

test('macros are expanded as far as no program decides', () => {
  const kconfig = kconfigOf({
    Kconfig: `quote := "
folder := sub
later = $(folder)/$(1)
list := a
list += b
tool := $(shell,echo x)
check = $(success,test $(1))
source "$(folder)/Kconfig"
source "$(srctree)/arch/$(SRCARCH)/Kconfig"
source "$(call-me-not)Kconfig.unset"
$(error-if,$(success,false),never shown)
config A
	def_bool $(check,-n x)
config B
	string
	default "$(later,end) $(list)"
config C
	string
	default "$(tool)"
`,
    'sub/Kconfig': 'config SUB\n\tbool "sub"\n',
    'arch/x86/Kconfig': 'config X86\n\tdef_bool y\n',
    'Kconfig.unset': 'config UNSET\n\tbool "u"\n',
  });
  assert.deepEqual(kconfig.problems, []);
  assert.equal(kconfig.files, 4);
  const value = (name: string) => kconfig.symbols.get(name)?.definitions[0]?.defaults[0]?.value;
  assert.deepEqual(value('A'), { kind: 'macro', text: '$(check,-n x)' });
  assert.deepEqual(value('B'), { kind: 'constant', text: 'sub/end a b' });
  assert.deepEqual(value('C'), { kind: 'macro', text: '$(tool)' });
  assert.equal(kconfig.symbols.get('SUB')?.definitions[0]?.place, 'sub/Kconfig:1');
  assert.equal(kconfig.symbols.get('X86')?.definitions[0]?.place, 'arch/x86/Kconfig:1');
  assert.ok(kconfig.symbols.has('UNSET'));
});

test('what is no Kconfig is a problem with its place, and the rest is read', () => {
  const kconfig = kconfigOf(`bogus line
config A
	bool "a"
	frobnicate
	depends B
endmenu
config
config B ; C
	bool "b"
menu "open"
`);
  assert.deepEqual(
    kconfig.problems.map((problem) => problem.split(' ')[0]),
    [
      'Kconfig:1:',
      'Kconfig:4:',
      'Kconfig:5:',
      'Kconfig:6:',
      'Kconfig:7:',
      'Kconfig:8:',
      'Kconfig:8:',
      'Kconfig:',
    ],
  );
  assert.ok(kconfig.symbols.has('A'));
});

test('a file that sources itself, climbs out of the tree or is none is named', () => {
  const tree = folderOf({
    Kconfig:
      'source "a"\nsource "../secret"\nsource "/etc/passwd"\nsource "link"\nsource "missing"\nsource "folder"\n',
    a: 'source "b"\n',
    b: 'source "a"\nconfig B\n\tbool "b"\n',
  });
  symlinkSync('/etc/passwd', path.join(tree, 'link'));
  mkdirSync(path.join(tree, 'folder'));
  const kconfig = parseKconfig(tree, 'x86', 'x86_64');
  assert.deepEqual(kconfig.problems, [
    'b:1: cannot source a',
    'Kconfig:2: cannot source ../secret',
    'Kconfig:3: cannot source /etc/passwd',
    'Kconfig:4: cannot source link',
    'Kconfig:5: cannot source missing',
    'Kconfig:6: cannot source folder',
  ]);
  assert.ok(kconfig.symbols.has('B'));
});

test('hostile files come to an end', () => {
  const doubling = Array.from(
    { length: 64 },
    (_, index) => `v${index + 1} = $(v${index})$(v${index})\n`,
  ).join('');
  const started = performance.now();
  kconfigOf(`v0 = xxxxxxxx\n${doubling}r = $(r)\nconfig A\n\tstring "$(v64)"\n\tdefault "$(r)"\n`);
  kconfigOf(
    `config ${'A'.repeat(1_000_000)}\n\tbool "${'('.repeat(100_000)}\n\tdepends on ${'!'.repeat(100_000)}A\n`,
  );
  kconfigOf(`config A\n\tdefault "${'$('.repeat(1_000_000)}"\n`);
  assert.ok(performance.now() - started < 5000, `${performance.now() - started} ms`);
  const names = Array.from({ length: 100 }, (_, index) => index);
  const deep = Object.fromEntries(names.map((index) => [`k${index}`, `source "k${index + 1}"\n`]));
  assert.match(
    kconfigOf({ ...deep, Kconfig: 'source "k0"\n' }).problems[0] ?? '',
    /^k62:1: cannot source k63$/,
  );
});

test('more Kconfig than any kernel has is refused', () => {
  const tree = folderOf({ Kconfig: '' });
  writeFileSync(path.join(tree, 'Kconfig'), Buffer.alloc((4 << 20) + 1, '\n'));
  assert.throws(
    () => parseKconfig(tree, 'x86', 'x86_64'),
    (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /^source: the Kconfig files of .* are too many or too large \(at Kconfig: 1 files/,
      );
      return true;
    },
  );
});

test('names such as __proto__ are names', () => {
  const kconfig = kconfigOf(
    'config __proto__\n\tbool "p"\n\tselect constructor\nconstructor\n__proto__ = x\n',
  );
  assert.equal(kconfig.symbols.get('__proto__')?.type, 'bool');
  assert.equal(kconfig.symbols.get('toString'), undefined);
  assert.deepEqual(kconfig.problems, ['Kconfig:4: unknown constructor']);
});
