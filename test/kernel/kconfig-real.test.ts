import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeCall, makeEnvironment } from '../../src/build/make.ts';
import { readValues } from '../../src/kernel/config-lines.ts';
import type { Kconfig } from '../../src/kernel/kconfig/model.ts';
import { parseKconfig } from '../../src/kernel/kconfig/parse.ts';
import { dependencies, given, visibility } from '../../src/kernel/kconfig/values.ts';
import { ARCH_NAMES, archOf } from '../../src/values/arch.ts';
import { testHost } from '../services/host.ts';
import { folderOf } from '../services/kconfig-tree.ts';
import { testToolchainFolder } from '../services/llvm.ts';
import { oldTree, testTree } from '../services/tree.ts';

for (const tree of [testTree, oldTree]) {
  test(`every line of every Kconfig file is understood, for each architecture (${tree.name})`, () => {
    for (const arch of ARCH_NAMES.map(archOf)) {
      const started = performance.now();
      const kconfig = parseKconfig(tree(), arch.srcArch, arch.name);
      assert.deepEqual(kconfig.problems, [], arch.name);
      assert.ok(
        kconfig.files > 1500 && kconfig.symbols.size > 15_000,
        `${kconfig.files}, ${kconfig.symbols.size}`,
      );
      assert.equal(kconfig.symbols.get('LTO_CLANG_THIN')?.type, 'bool');
      assert.ok(performance.now() - started < 15_000, `${arch.name}: ${performance.now() - started} ms`);
    }
  });
}

interface Agreement {
  readonly compared: number;
  readonly differences: readonly string[];
}

/** Holds what this program thinks of each symbol against what Kconfig wrote. */
function agreement(kconfig: Kconfig, text: string): Agreement {
  const config = readValues(text);
  const off = new Set([...text.matchAll(/^# CONFIG_(\w+) is not set$/gm)].map(([, name]) => name ?? ''));
  const scope = { kconfig, config };
  const differences: string[] = [];
  let compared = 0;
  for (const symbol of kconfig.symbols.values()) {
    if (symbol.transitional) continue;
    const { name } = symbol;
    const settings = kconfig.settings.get(name) ?? [];
    const selected = settings.some((one) => given(one, scope) !== 0);
    const [depends, visible] = [dependencies(symbol, scope), visibility(symbol, scope)];
    if (depends === 0) {
      compared += 1;
      if (config.has(name) && !selected) differences.push(`${name} is set, its dependencies are not met`);
    }
    if (visible !== undefined) {
      compared += 1;
      const mentioned = config.has(name) || off.has(name);
      if (visible > 0 && !mentioned) differences.push(`${name} can be set, and is not mentioned`);
      if (visible === 0 && off.has(name) && !selected)
        differences.push(`${name} cannot be set, and is mentioned`);
    }
  }
  const unknown = [...config.keys(), ...off].filter((name) => !kconfig.symbols.has(name));
  differences.push(...unknown.map((name) => `${name} is in .config, and in no Kconfig file`));
  return { compared, differences };
}

// allmodconfig has the most symbols with values, tinyconfig the most without.
for (const [name, target] of [
  ['x86_64', 'tinyconfig'],
  ['x86_64', 'allmodconfig'],
  ['arm64', 'defconfig'],
] as const) {
  test(`dependencies and visibility agree with what Kconfig wrote: ${name} ${target}`, async () => {
    const host = testHost();
    const arch = archOf(name);
    const output = folderOf({});
    const llvm = `${testToolchainFolder()}/bin/`;
    const base = {
      source: testTree(),
      output,
      arch,
      llvm,
      jobs: 2,
      makeArgs: [],
      timestamp: 0,
      makefile: undefined,
    };
    const call = makeCall(base, [target]);
    const { code, stderr } = await host.run('make', call.args, { env: makeEnvironment(call, host.env) });
    assert.equal(code, 0, stderr);
    const kconfig = parseKconfig(testTree(), arch.srcArch, arch.name);
    const { compared, differences } = agreement(kconfig, readFileSync(path.join(output, '.config'), 'utf8'));
    assert.ok(compared > 20_000, String(compared));
    assert.deepEqual(differences, []);
  });
}
