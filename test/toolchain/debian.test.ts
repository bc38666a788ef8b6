import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { cacheFolderPath } from '../../src/host/folders.ts';
import { fetchDebian } from '../../src/toolchain/debian.ts';
import { resolveToolchain } from '../../src/toolchain/resolve.ts';
import { serveDebian } from '../services/apt-mirror.ts';
import { testHost } from '../services/host.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'debian-llvm-test-'));
const tools = path.join(folder, 'tools');
process.env.RUNNER_TOOL_CACHE = tools;
// What apt-get fetched is kept for the next run of the tests.
const mirror = await serveDebian(path.join(cacheFolderPath(process.env), 'test-apt'), [
  'sid',
  'experimental',
]);
const host = testHost({
  cacheFolder: path.join(folder, 'cache'),
  // No clang in PATH, so that auto has to go on.
  env: { PATH: programsOnly(), RUNNER_TOOL_CACHE: tools },
});
const REQUEST = { version: '23', source: 'debian', mirror: mirror.url } as const;

after(async () => {
  await mirror.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A PATH with what unpacking and checking need, and nothing else. */
function programsOnly(): string {
  const bin = path.join(folder, 'programs');
  mkdirSync(bin);
  for (const name of ['xz', 'zstd', 'gpg']) {
    const file = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${file} "$@"\n`, { mode: 0o755 });
  }
  return bin;
}

const installed = await resolveToolchain(host, { ...REQUEST, source: 'auto' });
const top = path.dirname(installed.bin);

/** Runs a program of the toolchain in the test's folder. */
function run(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  return execFileSync(path.join(installed.bin, name), args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('auto goes on to Debian where neither the host nor the tool cache nor kernel.org has it, and says so', () => {
  assert.equal(installed.source, 'debian');
  assert.match(installed.version, /^23\.\d+\.\d+$/);
  assert.equal(installed.llvm, `${installed.bin}/`);
  const log = host.lines.join('\n');
  assert.match(log, /^LLVM 23: not system: llvm-version: '23' is not installed: no clang in PATH/m);
  assert.match(log, /^LLVM 23: not the tool cache: it has none$/m);
  assert.match(log, /^LLVM 23: not kernel-org: http.*sha256sums\.asc: the server answered 404$/m);
  assert.match(log, /^LLVM 23\.\S+ from Debian sid: \d+ packages, \d+ MB$/m);
  assert.match(
    log,
    new RegExp(
      `^To pin exactly this one: llvm-version: ${installed.version}, llvm-source: debian, llvm-sha256: [0-9a-f]{64}, `,
      'm',
    ),
  );
  assert.match(log, /llvm-mirror can name a day of snapshot\.debian\.org$/m);
});

test('the programs of a kernel build run, whatever libraries of the host LD_LIBRARY_PATH names', () => {
  const triple = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  const env = { LD_LIBRARY_PATH: `/usr/lib/${triple}-linux-gnu:/lib/${triple}-linux-gnu` };
  for (const name of [
    'clang',
    'ld.lld',
    'llvm-ar',
    'llvm-nm',
    'llvm-objcopy',
    'llvm-objdump',
    'llvm-readelf',
    'llvm-strip',
    'llvm-dis',
    'llvm-bcanalyzer',
  ]) {
    const said = run(name, ['--version'], env);
    // GNU-compatible ones may print other lines first.
    assert.ok(said.includes(installed.version), `${name}: ${said}`);
  }
});

test("a program for the host is made with the host's C library and runs with it", () => {
  writeFileSync(
    path.join(folder, 'host.c'),
    `#include <stdio.h>
#include <stdarg.h>
#include <libelf.h>
#include <openssl/sha.h>
#include <gnu/libc-version.h>
int main(void) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1((const unsigned char *)"x", 1, digest);
  printf("%d %02x %s\\n", elf_version(EV_CURRENT), digest[0], gnu_get_libc_version());
  return 0;
}
`,
  );
  run('clang', ['-Wall', '-Werror', 'host.c', '-o', 'host', '-fuse-ld=lld', '-lelf', '-lcrypto']);
  const version = /(\d+\.\d+)$/m.exec(
    execFileSync('getconf', ['GNU_LIBC_VERSION'], { encoding: 'utf8' }),
  )?.[1];
  assert.equal(execFileSync(path.join(folder, 'host'), { encoding: 'utf8' }), `1 11 ${version}\n`);
  const headers = run('llvm-readelf', ['-l', 'host']);
  assert.ok(!headers.includes(folder), "its loader is the host's");
});

test('the toolchain is trimmed: no documentation, foreign headers, static libraries or dangling links', () => {
  const names = readdirSync(top, { recursive: true, encoding: 'utf8' });
  assert.ok(names.some((name) => /lib\/clang\/23\/include\/stdarg\.h$/.test(name)));
  for (const pattern of [
    /\.a$/,
    /(^|\/)share\//,
    /(^|\/)gconv\//,
    /usr\/include\//,
    /patchelf/,
    /libc\.so$/,
  ]) {
    assert.deepEqual(
      names.filter((name) => pattern.test(name)),
      [],
      `${pattern}`,
    );
  }
  const links = names.map((name) => path.join(top, name)).filter((file) => lstatSync(file).isSymbolicLink());
  assert.ok(links.length > 10);
  assert.deepEqual(
    links.filter((file) => !existsSync(file)),
    [],
  );
});

test('auto takes it from the tool cache the next time, and pinned it needs no server', async () => {
  const before = mirror.seen.length;
  const again = await resolveToolchain(host, { ...REQUEST, source: 'auto' });
  const { reason, ...same } = again;
  assert.match(reason, /^it is in the tool cache; not system: /);
  assert.deepEqual({ ...same, reason: installed.reason }, installed);
  await fetchDebian(host, { ...REQUEST, version: installed.version, sha256: installed.digest });
  assert.equal(mirror.seen.length, before);
});

test('a set of packages with another digest than the request has is refused', async () => {
  await assert.rejects(fetchDebian(host, { ...REQUEST, sha256: '0'.repeat(64) }), {
    name: 'UserError',
    message: new RegExp(
      `^llvm-sha256: '0{64}' was asked for, and the packages of LLVM ${installed.version} in Debian sid have ${installed.digest}; the archive has moved on: `,
    ),
  });
});

test('a second install of the same packages asks for none of them', async () => {
  const before = mirror.seen.length;
  rmSync(tools, { recursive: true });
  const { folder: anew, digest } = await fetchDebian(host, REQUEST);
  assert.equal(digest, installed.digest);
  assert.equal(path.join(anew, 'bin'), installed.bin);
  assert.deepEqual(mirror.seen.slice(before), ['/debian/dists/sid/InRelease']);
  assert.match(run('clang', ['--version']), /clang version 23/);
  assert.match(readFileSync(path.join(anew, 'kernel-thinlto.json'), 'utf8'), /"source":"debian"/);
});

test('where no source has it, one line tells why each has not', async () => {
  const nobody = { version: '22', source: 'auto', mirror: 'http://127.0.0.1:9' };
  await assert.rejects(resolveToolchain(host, nobody), {
    name: 'UserError',
    message:
      /^llvm-version: '22' was not found: not system: .*; not the tool cache: it has none; not kernel-org: http:\/\/127\.0\.0\.1:9\/sha256sums\.asc: cannot be reached .*; not debian: http:\/\/127\.0\.0\.1:9\/dists\/sid\/InRelease: cannot be reached [^\n]*$/,
  });
});
