import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import {
  type ConfigLine,
  isMet,
  mergeLines,
  readFragment,
  readOptions,
  readText,
  readValues,
} from '../../src/kernel/config-lines.ts';
import { UserError } from '../../src/values/error.ts';
import { folderOf } from '../services/kconfig-tree.ts';

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.doesNotMatch(error.message, /[\n\r\x1b]/);
    return error.message;
  }
  return assert.fail('it was taken');
}

test('options are taken in the forms that .config has', () => {
  const forms: readonly [string, string, string][] = [
    ['CONFIG_FOO=y', 'FOO', 'y'],
    ['CONFIG_64BIT=m', '64BIT', 'm'],
    [' CONFIG_FOO=n ', 'FOO', 'n'],
    ['# CONFIG_FOO is not set', 'FOO', 'n'],
    ['CONFIG_N=12', 'N', '12'],
    ['CONFIG_N=-1', 'N', '-1'],
    ['CONFIG_N=0xffffFFFF00000000', 'N', '0xffffFFFF00000000'],
    ['CONFIG_S=""', 'S', '""'],
    ['CONFIG_S="a \\"b\\" = # \\\\ é"', 'S', '"a \\"b\\" = # \\\\ é"'],
    ['CONFIG___proto__=y', '__proto__', 'y'],
  ];
  for (const [text, symbol, value] of forms) {
    assert.deepEqual(readOptions([text]), [{ symbol, value, origin: 'kconfig' }], text);
  }
});

test('a malformed option is named, with the forms that are taken', () => {
  const bad = [
    '',
    'FOO y',
    'CONFIG_FOO',
    'CONFIG_FOO=',
    'CONFIG_FOO=Y',
    'CONFIG_FOO=yes',
    'CONFIG_=y',
    'CONFIG_A B=y',
  ];
  bad.push(
    'CONFIG_S="a',
    'CONFIG_S="a"b"',
    "CONFIG_S='a'",
    'CONFIG_S="a\\"',
    'CONFIG_FOO=y\nCONFIG_BAR=y',
    'CONFIG_S="\x1b[0m"',
  );
  bad.push(
    'CONFIG_FOO is not set',
    '# CONFIG_FOO=y',
    `CONFIG_S="${'x'.repeat(5000)}"`,
    `CONFIG_${'X'.repeat(200)}=y`,
    'CONFIG_FOO=y # why',
  );
  for (const text of bad) {
    assert.match(
      refusal(() => readOptions([text])),
      /^kconfig: '.*' is no configuration line; write CONFIG_X=y/s,
      text,
    );
  }
  assert.match(
    refusal(() => readOptions(['FOO=y'])),
    /; did you mean 'CONFIG_FOO=y'\?$/,
  );
});

test('a fragment has lines, comments and blank lines; a wrong line is named by its number', () => {
  const folder = folderOf({
    good: '# my fragment\r\n\r\nCONFIG_A=y\r\n  # CONFIG_B is not set\n\n# CONFIG_C=y\nCONFIG_D="x"',
    bad: 'CONFIG_A=y\n\nCONFIG_B=maybe\n',
  });
  const good = path.join(folder, 'good');
  assert.deepEqual(readFragment(good), [
    { symbol: 'A', value: 'y', origin: `config-fragment: ${good}:3` },
    { symbol: 'B', value: 'n', origin: `config-fragment: ${good}:4` },
    { symbol: 'D', value: '"x"', origin: `config-fragment: ${good}:7` },
  ]);
  assert.match(
    refusal(() => readFragment(path.join(folder, 'bad'))),
    /^config-fragment: .*\/bad:3: 'CONFIG_B=maybe' is no configuration line/,
  );
});

test('a file that is not there, is none, or is too large is refused', () => {
  const folder = folderOf({ large: `#${' '.repeat(4 << 20)}` });
  assert.match(
    refusal(() => readFragment('/nowhere/my.config')),
    /^config-fragment: \/nowhere\/my\.config cannot be read \(ENOENT: no such file/,
  );
  assert.match(
    refusal(() => readText(folder, 'config')),
    /^config: .* is not a file$/,
  );
  assert.match(
    refusal(() => readText('/dev/zero', 'config')),
    /^config: \/dev\/zero is not a file$/,
  );
  assert.match(
    refusal(() => readText(path.join(folder, 'large'), 'config')),
    /is larger than 4 MiB/,
  );
});

const line = (symbol: string, value: string): ConfigLine => ({ symbol, value, origin: 'kconfig' });

test('requests replace the lines of their symbols, and the last one counts', () => {
  const config = '# header\nCONFIG_A=y\nCONFIG_AB=y\n# CONFIG_B is not set\n\n# end\nCONFIG_A="again"\n\n';
  const merged = mergeLines(config, [line('A', 'm'), line('B', 'y'), line('C', 'n'), line('B', '3')]);
  assert.equal(merged, '# header\nCONFIG_AB=y\n\n# end\nCONFIG_A=m\n# CONFIG_C is not set\nCONFIG_B=3\n');
  assert.equal(mergeLines('', []), '\n');
});

test('a request is met by what it says, and by its absence where it says n', () => {
  const values = readValues('CONFIG_Y=y\nCONFIG_HEX=0x1f\nCONFIG_S="text"\n# CONFIG_N is not set\n');
  for (const [symbol, value, met] of [
    ['Y', 'y', true],
    ['Y', 'm', false],
    ['Y', 'n', false],
    ['N', 'n', true],
    ['GONE', 'n', true],
    ['GONE', 'y', false],
    ['GONE', '""', true],
    ['GONE', '0', false],
    ['HEX', '1f', true],
    ['HEX', '0x1f', true],
    ['HEX', '31', false],
    ['S', '"text"', true],
    ['S', '"other"', false],
  ] as const) {
    assert.equal(isMet(line(symbol, value), values), met, `${symbol}=${value}`);
  }
});
