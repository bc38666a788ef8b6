import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { INPUTS, inputsOf } from '../../src/request/inputs.ts';
import { OUTPUTS } from '../../src/request/outputs.ts';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const action = parse(read('action.yml'));

test('action.yml has the inputs of the command, with the same defaults and words', () => {
  assert.deepEqual(
    Object.keys(action.inputs),
    INPUTS.map((input) => input.name),
  );
  for (const input of INPUTS) {
    const given = action.inputs[input.name];
    assert.ok(given.description.startsWith(input.help), input.name);
    // The token is the one default that only GitHub can fill in.
    const expected = input.name === 'github-token' ? '$' + '{{ github.token }}' : input.default;
    assert.equal(given.default, expected, input.name);
    assert.ok(
      input.default !== undefined || input.fallback !== undefined,
      `${input.name} has no default that serves`,
    );
  }
});

test('every input is a flag of build', () => {
  assert.deepEqual(inputsOf('build'), INPUTS);
});

test('action.yml has the outputs', () => {
  const given = Object.fromEntries(
    Object.entries(action.outputs as Record<string, { description: string }>).map(([name, output]) => [
      name,
      output.description,
    ]),
  );
  assert.deepEqual(given, OUTPUTS);
});

test('the docs name each input and output, and no other', () => {
  const docs = read('docs/inputs-and-outputs.md');
  const named = [...docs.matchAll(/^\| `([a-z0-9-]+)` +\|/gm)].map((match) => match[1]);
  assert.deepEqual(named, [...INPUTS.map((input) => input.name), ...Object.keys(OUTPUTS)]);
  for (const input of INPUTS)
    assert.ok(docs.includes(input.help.replaceAll('|', '\\|')), `${input.name}: other words`);
});
