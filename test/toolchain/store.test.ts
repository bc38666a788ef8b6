import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { find } from '@actions/tool-cache';
import { ownerTag } from '../../src/fetch/owner.ts';
import { findTool, landTool, listTools } from '../../src/toolchain/store.ts';
import { sha256 } from '../services/downloads.ts';
import { testHost } from '../services/host.ts';

const root = mkdtempSync(path.join(tmpdir(), 'store-test-'));
const host = testHost();
let runs = 0;
let tools = '';

beforeEach(() => {
  process.env.RUNNER_TOOL_CACHE = path.join(root, String(++runs));
  tools = path.join(process.env.RUNNER_TOOL_CACHE, 'kernel-thinlto-llvm');
});
after(() => rmSync(root, { recursive: true, force: true }));

function tool(
  version: string,
  source: 'kernel-org' | 'debian' = 'kernel-org',
  digest = sha256(version + source),
) {
  return { version, source, digest, arch: process.arch } as const;
}

async function fill(staging: string): Promise<void> {
  mkdirSync(path.join(staging, 'bin'));
  writeFileSync(path.join(staging, 'bin/clang'), 'clang');
}

test('what landed is found, by us and by @actions/tool-cache', async () => {
  const folder = await landTool(
    host,
    tool('23.1.4', 'debian', `0123456789ab${'0'.repeat(52)}`),
    async (staging, final) => {
      assert.equal(final, path.join(tools, '23.1.4-debian.d0123456789ab', process.arch));
      assert.ok(!existsSync(final));
      await fill(staging);
    },
  );
  assert.equal(folder, path.join(tools, '23.1.4-debian.d0123456789ab', process.arch));
  assert.equal(readFileSync(path.join(folder, 'bin/clang'), 'utf8'), 'clang');
  assert.equal(find('kernel-thinlto-llvm', '23.1.4-debian.d0123456789ab'), folder);
  assert.deepEqual(await findTool(host, { version: '23' }), {
    folder,
    version: '23.1.4',
    source: 'debian',
    digest: `0123456789ab${'0'.repeat(52)}`,
  });
  assert.deepEqual(readdirSync(tools), ['23.1.4-debian.d0123456789ab']);
});

test('the newest of a series is found, releases before candidates, by source and digest where they are given', async () => {
  assert.equal(await findTool(host, { version: '23' }), undefined);
  for (const version of ['23.1.9', '23.1.10', '23.2.0-rc1', '22.1.8'])
    await landTool(host, tool(version), fill);
  await landTool(host, tool('23.1.9', 'debian'), fill);
  assert.deepEqual(
    (await listTools(host)).map((one) => one.version),
    ['23.2.0-rc1', '23.1.10', '23.1.9', '23.1.9', '22.1.8'],
  );
  assert.equal((await findTool(host, { version: '23' }))?.version, '23.1.10');
  assert.equal((await findTool(host, { version: '23.2' }))?.version, '23.2.0-rc1');
  assert.equal((await findTool(host, { version: '23', source: 'debian' }))?.source, 'debian');
  assert.equal(
    (await findTool(host, { version: '23', digest: sha256('23.1.9kernel-org') }))?.version,
    '23.1.9',
  );
  assert.equal(await findTool(host, { version: '22', source: 'debian' }), undefined);
  assert.equal(await findTool(host, { version: '23.1.9', digest: sha256('another') }), undefined);
});

test('what is there is not made again', async () => {
  const folder = await landTool(host, tool('23.1.4'), fill);
  assert.equal(await landTool(host, tool('23.1.4'), () => assert.fail('filled again')), folder);
});

test('of two at once both get the one that landed', async () => {
  let filling = 0;
  let both: () => void = () => {};
  const met = new Promise<void>((resolve) => {
    both = resolve;
  });
  const one = () =>
    landTool(host, tool('23.1.4'), async (staging) => {
      await fill(staging);
      if (++filling === 2) both();
      await met;
    });
  const [first, second] = await Promise.all([one(), one()]);
  assert.equal(first, second);
  assert.equal((await findTool(host, { version: '23.1.4' }))?.folder, first);
  assert.equal(readdirSync(tools).length, 1);
});

test('what landed meanwhile stays where it is: others may run it already', async () => {
  const folder = await landTool(host, tool('23.1.4'), async (slow) => {
    const first = await landTool(host, tool('23.1.4'), async (fast) =>
      writeFileSync(path.join(fast, 'first'), ''),
    );
    assert.ok(existsSync(path.join(first, 'first')));
    await fill(slow);
  });
  assert.deepEqual(readdirSync(folder).sort(), ['first', 'kernel-thinlto.json']);
  assert.equal(readdirSync(tools).length, 1);
});

test('a fill that fails leaves nothing', async () => {
  const failing = landTool(host, tool('23.1.4'), async (staging) => {
    await fill(staging);
    throw new Error('no');
  });
  await assert.rejects(failing, /^Error: no$/);
  assert.deepEqual(readdirSync(tools), []);
});

test('a run that died between the rename and the marker left a whole one', async () => {
  const folder = await landTool(host, tool('23.1.4'), fill);
  rmSync(`${folder}.complete`);
  assert.equal(await findTool(host, { version: '23.1.4' }), undefined);
  await landTool(host, tool('23.1.4'), () => assert.fail('filled again'));
  assert.equal((await findTool(host, { version: '23.1.4' }))?.folder, folder);
});

test('a folder that is not whole is replaced, marker or not', async () => {
  for (const damage of ['manifest', 'text', 'digest', 'version']) {
    const folder = await landTool(host, tool('23.1.4'), fill);
    const manifest = path.join(folder, 'kernel-thinlto.json');
    const text = readFileSync(manifest, 'utf8');
    if (damage === 'manifest') rmSync(manifest);
    if (damage === 'text') writeFileSync(manifest, text.slice(0, 20));
    if (damage === 'digest') writeFileSync(manifest, text.replace(/"digest":"..../, '"digest":"0000'));
    if (damage === 'version') writeFileSync(manifest, text.replace('23.1.4', '23.1.5'));
    writeFileSync(path.join(folder, 'half'), '');
    assert.equal(await findTool(host, { version: '23' }), undefined, damage);
    let filled = 0;
    await landTool(host, tool('23.1.4'), async (staging) => {
      filled++;
      await fill(staging);
    });
    assert.equal(filled, 1, damage);
    assert.ok(!existsSync(path.join(folder, 'half')));
    assert.equal((await findTool(host, { version: '23' }))?.folder, folder);
    assert.equal(readdirSync(tools).length, 1);
  }
});

test('what dead runs left is swept, what living ones make is not', async () => {
  const [machine] = ownerTag().split('-');
  // Above the largest process id that Linux gives (2^22).
  const names = {
    dead: `.staging-${machine}-99999999-abc`,
    old: `.staging-00000000-1-abc`,
    alive: `.staging-${machine}-1-abc`,
    foreign: '.staging-00000000-2-abc',
  };
  for (const name of Object.values(names)) {
    mkdirSync(path.join(tools, name), { recursive: true });
    writeFileSync(path.join(tools, name, 'file'), '');
  }
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
  utimesSync(path.join(tools, names.old), twoDaysAgo, twoDaysAgo);
  await landTool(host, tool('23.1.4'), fill);
  assert.deepEqual(
    readdirSync(tools)
      .filter((name) => name.startsWith('.'))
      .sort(),
    [names.alive, names.foreign].sort(),
  );
});

test('a tool cache that cannot be written is told', async () => {
  process.env.RUNNER_TOOL_CACHE = path.join(root, 'a-file');
  writeFileSync(process.env.RUNNER_TOOL_CACHE, '');
  await assert.rejects(landTool(host, tool('23.1.4'), fill), /^UserError: .*a-file.*: cannot be written: /);
});
