import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readValues } from '../../src/kernel/config-lines.ts';
import { show } from '../../src/kernel/kconfig/expression.ts';
import { dependencies, evaluate, type Scope, visibility } from '../../src/kernel/kconfig/values.ts';
import { kconfigOf } from '../services/kconfig-tree.ts';

const SYMBOLS = `
config MODULES
	bool "m"
	modules
config Y
	bool "y"
config M
	tristate "m"
config N
	tristate "n"
config TEXT
	string "text"
config OTHER_TEXT
	string "other"
config SMALL
	int "small"
config BIG
	int "big"
config HEX
	hex "hex"
`;
const VALUES = readValues(`CONFIG_MODULES=y
CONFIG_Y=y
CONFIG_M=m
# CONFIG_N is not set
CONFIG_TEXT="a \\"b\\" \\\\ c"
CONFIG_OTHER_TEXT="190000"
CONFIG_SMALL=9
CONFIG_BIG=10
CONFIG_HEX=0xa
`);

/** The scope of the values above, with one symbol T whose dependency is an expression. */
function scopeWith(expression: string, config = VALUES): Scope {
  return { kconfig: kconfigOf(`${SYMBOLS}\nconfig T\n\ttristate "t"\n\tdepends on ${expression}\n`), config };
}

const TABLE: readonly [string, 0 | 1 | 2 | undefined][] = [
  ['y', 2],
  ['m', 1],
  ['n', 0],
  ['"y"', 2],
  ['Y', 2],
  ['M', 1],
  ['N', 0],
  ['NO_SUCH_SYMBOL', 0],
  // Neither bool nor tristate: n.
  ['TEXT', 0],
  ['SMALL', 0],
  ['!Y', 0],
  ['!M', 1],
  ['!N', 2],
  ['!!M', 1],
  ['Y && M', 1],
  ['M && N', 0],
  ['N || M', 1],
  ['M || Y', 2],
  // && binds more tightly than ||.
  ['Y || N && N', 2],
  ['(Y || N) && N', 0],
  ['!N && M', 1],
  ['!(N && M)', 2],
  ['Y = y', 2],
  ['M = m', 2],
  ['M = y', 0],
  ['M != n', 2],
  ['N = n', 2],
  ['"M" = m', 0],
  ['M<Y', 2],
  ['M <= m', 2],
  ['N >= m', 0],
  // As texts 10 would come before 9.
  ['BIG > SMALL', 2],
  ['BIG > 9', 2],
  ['SMALL >= 10', 0],
  ['HEX = 0xA', 2],
  ['HEX = BIG', 2],
  ['HEX > 0x9', 2],
  ['HEX < 0x9', 0],
  ['SMALL = 09', 2],
  ['TEXT = "a \\"b\\" \\\\ c"', 2],
  ['TEXT != ""', 2],
  ["TEXT = 'x'", 0],
  ['OTHER_TEXT < 200000', 2],
  // Not in the configuration.
  ['NO_SUCH_SYMBOL = n', 0],
  ['NO_SUCH_SYMBOL = NO_SUCH_SYMBOL', 2],
  ['Y = n || M = m', 2],
  // What programs say is not known, unless the rest decides.
  ['$(success,true)', undefined],
  ['!$(success,true)', undefined],
  ['$(success,true) && N', 0],
  ['$(success,true) || Y', 2],
  ['$(success,true) && Y', undefined],
  ['"$(cc-name)" = "Clang"', undefined],
  ['"$(ARCH)" = "x86_64"', 2],
  ['"$(ARCH)" != "i386" && "$(SRCARCH)" = "x86"', 2],
  // Conditional dependencies, Linux 7.0.
  ['N if Y', 0],
  ['N if N', 2],
  ['N if M', 0],
  ['M if Y', 1],
  ['N if (M && N)', 2],
  ['N if (M || N)', 0],
  ['N if !Y', 2],
  ['N if !M', 0],
  ['N if !(Y || N)', 2],
  ['N if !(Y && N)', 0],
];

test('expressions are evaluated as scripts/kconfig/expr.c does', () => {
  for (const [expression, expected] of TABLE) {
    const scope = scopeWith(expression);
    assert.deepEqual(scope.kconfig.problems, [], expression);
    const symbol = scope.kconfig.symbols.get('T');
    assert.ok(symbol);
    assert.equal(dependencies(symbol, scope), expected, expression);
  }
});

test('without modules, an m in an expression is n', () => {
  const config = new Map([...VALUES].filter(([name]) => name !== 'MODULES'));
  const scope = scopeWith('m', config);
  assert.equal(dependencies(scope.kconfig.symbols.get('T') ?? assert.fail(), scope), 0);
});

test('an expression is shown with the brackets that it needs, and no others', () => {
  for (const [expression, expected] of [
    ['(((Y)))&&N', 'Y && N'],
    ['(Y || N) && M', '(Y || N) && M'],
    ['Y || (N && M)', 'Y || (N && M)'],
    ['!(Y&&N)', '!(Y && N)'],
    ['! Y', '!Y'],
    ['!(Y=n)', '!(Y = n)'],
    ['TEXT="a b"', 'TEXT = "a b"'],
    ['$(cc-option,-x,$(y)) && SMALL>=7', '$(cc-option,-x,$(y)) && SMALL >= 7'],
  ] as const) {
    const definition = scopeWith(expression).kconfig.symbols.get('T')?.definitions[0];
    assert.equal(show(definition?.depends[0]?.expression ?? assert.fail()), expected);
  }
});

test('a malformed expression is a problem with its place, not a guess', () => {
  const deep = `${'('.repeat(5000)}Y${')'.repeat(5000)}`;
  for (const expression of ['Y &&', '&& Y', '(Y', 'Y)', 'Y N', 'Y = = N', '!', 'Y if', 'Y if N M', deep]) {
    const { problems } = scopeWith(expression).kconfig;
    assert.equal(problems.length, 1, expression.slice(0, 20));
    assert.match(problems[0] ?? '', /^Kconfig:\d+: unknown depends on /);
  }
});

test('what encloses a symbol limits it, and what it may show', () => {
  const kconfig = kconfigOf(`
config OFF
	bool "off"
config ON
	bool "on"
menu "hidden"
	visible if OFF
	depends on ON
config IN_MENU
	bool "in menu"
endmenu
if OFF
config IN_IF
	bool "in if"
endif
config AFTER
	bool "after"
	default y if OFF
comment "a comment"
	depends on OFF
config TWICE
	bool "first"
	depends on OFF
config TWICE
	bool "second"
	depends on ON
config SILENT
	bool
	default y
config SOMETIMES
	bool "sometimes" if OFF
`);
  assert.deepEqual(kconfig.problems, []);
  const scope = { kconfig, config: new Map([['ON', 'y']]) };
  const seen = (name: string) => {
    const symbol = kconfig.symbols.get(name) ?? assert.fail(name);
    return [dependencies(symbol, scope), visibility(symbol, scope)];
  };
  assert.deepEqual(seen('IN_MENU'), [2, 0]);
  assert.deepEqual(seen('IN_IF'), [0, 0]);
  assert.deepEqual(seen('AFTER'), [2, 2]);
  assert.deepEqual(seen('TWICE'), [2, 2]);
  assert.deepEqual(seen('SILENT'), [2, 0]);
  assert.deepEqual(seen('SOMETIMES'), [2, 0]);
});

test('a default of more than one symbol is evaluated', () => {
  const { kconfig } = scopeWith('Y');
  const scope = { kconfig: kconfigOf(`${SYMBOLS}config D\n\tdef_bool Y && !N if M\n`), config: VALUES };
  const value = scope.kconfig.symbols.get('D')?.definitions[0]?.defaults[0] ?? assert.fail();
  assert.equal(evaluate(value.value, scope), 2);
  assert.equal(evaluate(value.condition ?? assert.fail(), scope), 1);
  assert.equal(kconfig.symbols.get('D'), undefined);
});
