import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { thinArchiveMembers } from '../../src/audit/archive.ts';
import { UserError } from '../../src/values/error.ts';
import { flipBytes } from '../services/flips.ts';
import { type SmallBuild, smallBuild } from '../services/small-build.ts';

let build: SmallBuild;
before(() => {
  build = smallBuild({ mode: 'thin', reduction: true });
});
after(() => build.remove());

test('the members are those of llvm-ar, in its order', () => {
  build.tool('llvm-ar', 'cDPrs', '--thin', 'indexed.a', 'lib/entry.o', 'init/one.o', 'lib/two.o');
  for (const name of ['vmlinux.a', 'indexed.a']) {
    const expected = build.tool('llvm-ar', 't', name).trim().split('\n');
    assert.equal(expected.length, 3);
    assert.deepEqual(thinArchiveMembers(build.output, name), expected);
  }
});

test('members of an archive in a folder are relative to it', () => {
  build.tool('llvm-ar', 'cDPrs', '--thin', 'lib/lib.a', 'lib/entry.o', 'lib/two.o');
  assert.deepEqual(thinArchiveMembers(build.output, 'lib/lib.a'), ['lib/entry.o', 'lib/two.o']);
});

test('an archive with contents, a cut one and a climbing member are refused', () => {
  build.tool('llvm-ar', 'cDrs', 'fat.a', 'init/one.o');
  assert.throws(() => thinArchiveMembers(build.output, 'fat.a'), UserError);
  const whole = readFileSync(path.join(build.output, 'vmlinux.a'));
  writeFileSync(path.join(build.output, 'cut.a'), whole.subarray(0, whole.length - 10));
  assert.throws(() => thinArchiveMembers(build.output, 'cut.a'), /cut off/);
  for (const name of ['../../a.o', '/etc/a.o', '..']) {
    const table = `${name}/\n`.padEnd(64);
    const header = (field: string, size: number) => `${field.padEnd(48)}${String(size).padEnd(10)}\`\n`;
    writeFileSync(
      path.join(build.output, 'climbs.a'),
      `!<thin>\n${header('//', 64)}${table}${header('/0', 5)}`,
    );
    assert.throws(() => thinArchiveMembers(build.output, 'climbs.a'), /not below the output folder/);
  }
});

test('a changed byte gives an answer or a refusal', () => {
  const whole = readFileSync(path.join(build.output, 'vmlinux.a'));
  const result = flipBytes(whole, 300, (changed) => {
    writeFileSync(path.join(build.output, 'changed.a'), changed);
    return thinArchiveMembers(build.output, 'changed.a');
  });
  assert.ok(result.answers > 20 && result.refusals > 20, JSON.stringify(result));
});
