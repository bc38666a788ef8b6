import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { resolveCcache } from '../../src/ccache/resolve.ts';
import { debianArch, readSuite } from '../../src/debian/archive.ts';
import { closureOf } from '../../src/debian/closure.ts';
import { isNotNeeded } from '../../src/debian/llvm-packages.ts';
import { isRunTime } from '../../src/debian/run-time.ts';
import { needed } from '../../src/debian/suites.ts';
import { cacheFolderPath } from '../../src/host/folders.ts';
import { landPackages } from '../../src/toolchain/packages.ts';
import { serveDebian } from '../services/apt-mirror.ts';
import { sha256 } from '../services/downloads.ts';
import { testHost } from '../services/host.ts';
import { testToolchainFolder } from '../services/llvm.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'debian-ccache-test-'));
const tools = path.join(folder, 'tools');
process.env.RUNNER_TOOL_CACHE = tools;
// What apt-get fetched is kept for the next run of the tests.
const mirror = await serveDebian(path.join(cacheFolderPath(process.env), 'test-apt-ccache'), [
  'sid',
  'bookworm',
]);
const archive = { mirror: mirror.url };
const NOBODY = { base: 'http://127.0.0.1:9', key: '', version: '4.14.2' };
const cacheFolder = path.join(folder, 'cache');
const PATH = '/usr/bin:/bin';
after(async () => {
  await mirror.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The ccache of Debian 12, which says that it is 4.7.5. */
async function oldCcache(): Promise<string> {
  const host = testHost({ cacheFolder });
  const index = await readSuite(host, archive, 'bookworm', debianArch(process.arch));
  assert.ok(index);
  const roots = ['ccache', 'patchelf'].map((name) => needed(name, [index], 'test'));
  const place = await landPackages(
    host,
    archive,
    {
      name: 'ccache',
      version: '4.7.5',
      suite: 'bookworm',
      packages: closureOf([index], roots, isNotNeeded),
      folder: 'usr',
      programs: ['ccache'],
      isPart: (entry) => entry === 'usr/bin/ccache' || isRunTime(entry),
    },
    'test-ccache',
  );
  return path.join(place, 'bin', 'ccache');
}

/** A folder for PATH with a program in it. */
function binWith(name: string, target: string): string {
  const bin = mkdtempSync(path.join(folder, 'bin-'));
  symlinkSync(target, path.join(bin, name));
  return bin;
}

const old = await oldCcache();
const oldBin = binWith('ccache', old);
const first = testHost({ cacheFolder, env: { PATH: `${oldBin}:${PATH}`, CCACHE_MAXSIZE: 'bogus' } });
const installed = await resolveCcache(first, 'auto', { releases: NOBODY, archive });

test("auto goes on to Debian where PATH has Debian 12's, the tool cache none and github is not there", () => {
  assert.deepEqual(
    [installed.source, path.relative(tools, installed.program)],
    [
      'debian',
      `kernel-thinlto-ccache/${installed.version}-debian.d${installed.digest.slice(0, 12)}/${process.arch}/bin/ccache`,
    ],
  );
  const log = first.lines.join('\n');
  const refusal = `ccache 4.7.5 of ${oldBin}/ccache caches no back end (needs 4.13.2); set ccache to github or debian, which fetch one`;
  assert.ok(
    `\n${log}`.includes(
      `\nccache: not system: ${refusal}\nccache: not the tool cache: it has none\nccache: not github: `,
    ),
    log,
  );
  assert.match(log, /^ccache: not github: http:\/\/127\.0\.0\.1:9\/\S+\.minisig: cannot be reached .*$/m);
  assert.match(log, new RegExp(`^ccache ${installed.version} from Debian sid: \\d+ packages, \\d+ MB$`, 'm'));
  assert.ok(
    log.endsWith(`ccache ${installed.version} from debian: ${installed.program} (${installed.reason})`),
  );
});

test('it runs on this host, whatever libraries of the host LD_LIBRARY_PATH names', () => {
  const triple = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  const said = execFileSync(installed.program, ['--version'], {
    encoding: 'utf8',
    env: { PATH, LD_LIBRARY_PATH: `/usr/lib/${triple}-linux-gnu:/lib/${triple}-linux-gnu` },
  });
  assert.ok(said.startsWith(`ccache version ${installed.version}\n`), said);
});

/** Compiles one unit and runs its distributed back end, twice each, through a ccache that stands in for clang. */
function hitsOf(program: string): { front: number; back: number } {
  const work = mkdtempSync(path.join(folder, 'work-'));
  const llvm = path.join(testToolchainFolder(), 'bin');
  const clang = path.join(binWith('clang', program), 'clang');
  const env = {
    PATH,
    CCACHE_DIR: path.join(work, 'cache'),
    CCACHE_CONFIGPATH: '/dev/null',
    CCACHE_COMPILER: path.join(llvm, 'clang'),
    CCACHE_DEPEND: '1',
  };
  const options = { cwd: work, env, encoding: 'utf8' } as const;
  const hits = () => {
    const stats = execFileSync(program, ['--print-stats'], options);
    return ['direct_cache_hit', 'preprocessed_cache_hit']
      .map((name) => Number(new RegExp(`^${name}\t(\\d+)$`, 'm').exec(stats)?.[1]))
      .reduce((sum, one) => sum + one, 0);
  };
  writeFileSync(path.join(work, 'x.c'), 'int made(void) { return 1; }\n');
  const compile = ['-O2', '-flto=thin', '-ffreestanding', '-Wp,-MMD,x.d', '-c', '-o', 'x.o', 'x.c'];
  for (let round = 0; round < 2; round++) execFileSync(clang, compile, options);
  const front = hits();
  execFileSync(path.join(llvm, 'ld.lld'), ['-r', '--thinlto-index-only', '-o', 'y.o', 'x.o'], options);
  const back = ['-O2', '-c', '-fthinlto-index=x.o.thinlto.bc', '-x', 'ir', 'x.o', '-o', 'x.native.o'];
  for (let round = 0; round < 2; round++) execFileSync(clang, back, options);
  return { front, back: hits() - front };
}

test("it caches a front end's bitcode and a back end; Debian 12's, which is refused, caches no back end", () => {
  assert.deepEqual(hitsOf(installed.program), { front: 1, back: 1 });
  assert.equal(hitsOf(old).back, 0);
});

test('the next time the tool cache has it, for auto and for debian, and no server is asked', async () => {
  const before = mirror.seen.length;
  const host = testHost({ cacheFolder, env: { PATH: '/nowhere' } });
  for (const source of ['auto', 'debian'] as const) {
    const again = await resolveCcache(host, source, { releases: NOBODY, archive });
    assert.match(again.reason, /^it is in the tool cache(; not system: ccache is not installed; .*)?$/);
    assert.deepEqual({ ...again, reason: installed.reason }, installed);
  }
  assert.equal(mirror.seen.length, before);
  await assert.rejects(resolveCcache(host, 'github', { releases: NOBODY }), /cannot be reached/);
});

test("system takes a new enough one by the name of ccache, and its digest is the program's", async () => {
  const bin = binWith('ccache', installed.program);
  symlinkSync(old, path.join(bin, 'clang'));
  const host = testHost({ cacheFolder, env: { PATH: `relative:${bin}:${oldBin}` } });
  for (const source of ['system', 'auto'] as const) {
    assert.deepEqual(await resolveCcache(host, source, { releases: NOBODY }), {
      version: installed.version,
      source: 'system',
      program: path.join(bin, 'ccache'),
      digest: sha256(readFileSync(installed.program)),
      reason: 'the one in PATH caches back ends',
    });
  }
});

test('system refuses an old one, none, and what is no ccache, in one line', async () => {
  const script = (text: string) => {
    const bin = mkdtempSync(path.join(folder, 'bin-'));
    writeFileSync(path.join(bin, 'ccache'), `#!/bin/sh\n${text}\n`);
    chmodSync(path.join(bin, 'ccache'), 0o755);
    return bin;
  };
  const none = mkdtempSync(path.join(folder, 'bin-'));
  mkdirSync(path.join(none, 'ccache'));
  for (const [bin, why] of [
    [
      oldBin,
      /^ccache 4\.7\.5 of \/\S+\/ccache caches no back end \(needs 4\.13\.2\); set ccache to github or debian/,
    ],
    [none, /^ccache is not installed; it is in no folder of PATH$/],
    [script('echo ccache version 4.13.1'), /^ccache 4\.13\.1 of /],
    [script('echo clang version 23.1.4'), /does not tell its version \(code 0\) clang version 23\.1\.4$/],
    [
      script('echo "cannot open" >&2; echo more >&2; exit 3'),
      /does not tell its version \(code 3\) cannot open$/,
    ],
    [script('yes | head -c 1000000; echo ccache version 4.14.2'), /does not tell its version \(code 0\) y$/],
  ] as const) {
    const host = testHost({ cacheFolder, env: { PATH: `${bin}:${bin === none ? '/nowhere' : PATH}` } });
    const error = await resolveCcache(host, 'system').then(
      () => assert.fail('accepted'),
      (thrown: Error) => thrown,
    );
    assert.equal(error.name, 'UserError', error.stack);
    assert.match(error.message, why);
    assert.ok(!error.message.includes('\n'));
  }
});

test('one in the tool cache that says it is another, or does not run, is not taken', async () => {
  const program = readFileSync(installed.program);
  const host = testHost({ cacheFolder, env: { PATH: `${oldBin}:${PATH}` } });
  try {
    writeFileSync(installed.program, '#!/bin/sh\necho ccache version 4.99.1\n');
    await assert.rejects(
      resolveCcache(host, 'debian', { archive }),
      new RegExp(
        `^UserError: ccache: \\S+/bin/ccache says that it is 4\\.99\\.1, not ${installed.version}; remove it$`,
      ),
    );
    rmSync(installed.program);
    await assert.rejects(resolveCcache(host, 'debian', { archive }), {
      name: 'UserError',
      message: /bin\/ccache is not installed; there is no such program$/,
    });
  } finally {
    writeFileSync(installed.program, program, { mode: 0o755 });
  }
});

test('where no source has one, one line tells why each has not', async () => {
  const empty = path.join(folder, 'empty');
  process.env.RUNNER_TOOL_CACHE = empty;
  const host = testHost({ cacheFolder: empty, env: { PATH: oldBin } });
  await assert.rejects(
    resolveCcache(host, 'auto', { releases: NOBODY, archive: { mirror: 'http://127.0.0.1:9' } }),
    {
      name: 'UserError',
      message:
        /^ccache: none from 4\.13\.2 on was found: not system: ccache 4\.7\.5 of .*; not the tool cache: it has none; not github: http:\/\/127\.0\.0\.1:9\/\S+ cannot be reached .*; not debian: http:\/\/127\.0\.0\.1:9\/dists\/sid\/InRelease: cannot be reached [^\n]*$/,
    },
  );
});
