import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { commandLine, makeCall, makeEnvironment } from '../../src/build/make.ts';
import { archOf } from '../../src/values/arch.ts';

const SETTING = {
  source: '/src/linux',
  output: '/src/out',
  arch: archOf('arm64'),
  llvm: '/opt/llvm/bin/',
  jobs: 8,
  makeArgs: ["KCFLAGS=-Wno-error -DX='y'"],
  timestamp: 1763247000,
  makefile: '/src/out/thinlto.mk',
};

test('the call of make', () => {
  const call = makeCall(SETTING, ['vmlinux']);
  assert.deepEqual(call.args, [
    ...['-C', '/src/linux', 'O=/src/out', 'ARCH=arm64', 'LLVM=/opt/llvm/bin/', '-j8'],
    ...["KCFLAGS=-Wno-error -DX='y'", 'vmlinux'],
  ]);
  assert.equal(call.variables.MAKEFILES, '/src/out/thinlto.mk');
  assert.equal(call.variables.KBUILD_BUILD_TIMESTAMP, 'Sat Nov 15 22:50:00 UTC 2025');
});

test('the printed line, given to a shell, is the same call', () => {
  const call = makeCall(SETTING, ['vmlinux']);
  const script = `make() { printf '%s\\n' "$@"; env; }; ${commandLine(call)}`;
  const { stdout } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '' },
  });
  const lines = stdout.split('\n');
  assert.deepEqual(lines.slice(0, call.args.length), call.args);
  for (const [name, value] of Object.entries(call.variables))
    assert.ok(lines.includes(`${name}=${value}`), name);
});

test('what must not reach the makefiles of a stranger is not in their environment', () => {
  const env = makeEnvironment(makeCall(SETTING, []), {
    PATH: '/bin',
    HOME: '/root',
    KCFLAGS: '-O2',
    MAKEFLAGS: 'w -j --jobserver-auth=3,4',
    MAKELEVEL: '1',
    MAKEFILES: '/home/me/my.mk',
    ARCH: 'vax',
    KBUILD_OUTPUT: '/elsewhere',
    KCONFIG_CONFIG: '/elsewhere/.config',
    'INPUT_GITHUB-TOKEN': 'secret',
    ACTIONS_RUNTIME_TOKEN: 'secret',
    GITHUB_TOKEN: 'secret',
    GITHUB_ENV: '/runner/env',
    GITHUB_SHA: 'abc',
  });
  assert.ok(!Object.values(env).includes('secret'));
  for (const name of ['MAKEFLAGS', 'MAKELEVEL', 'ARCH', 'KBUILD_OUTPUT', 'KCONFIG_CONFIG', 'GITHUB_ENV'])
    assert.equal(env[name], undefined);
  assert.equal(env.KCFLAGS, '-O2');
  assert.equal(env.GITHUB_SHA, 'abc');
  assert.equal(env.MAKEFILES, '/src/out/thinlto.mk /home/me/my.mk');
});

test('Python leaves nothing of its own in the source tree, and a user’s ccache settings do not reach the build', () => {
  const env = makeEnvironment(
    { args: [], variables: {} },
    { PATH: '/bin', CCACHE_BASEDIR: '/', CCACHE_DISABLE: '1' },
  );
  assert.deepEqual(env, { PATH: '/bin', PYTHONDONTWRITEBYTECODE: '1' });
  const cached = makeEnvironment(
    { args: [], variables: { MAKEFILES: '/a.mk' }, unseen: { CCACHE_DIR: '/c', MAKEFILES: '/b.mk' } },
    { MAKEFILES: '/own.mk' },
  );
  assert.equal(cached.MAKEFILES, '/a.mk /b.mk /own.mk');
  assert.equal(cached.CCACHE_DIR, '/c');
});
