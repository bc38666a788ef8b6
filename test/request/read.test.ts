import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFlags } from '../../src/request/flags.ts';
import { readBuildRequest, type Surroundings } from '../../src/request/read.ts';
import type { Raw } from '../../src/request/values.ts';

const AROUND: Surroundings = {
  folder: '/home/me',
  nodeArch: 'x64',
  processors: 4,
  onGitHub: false,
  githubToken: undefined,
};
const read = (raw: Raw, around = AROUND) => readBuildRequest(raw, around);
const flags = (...words: string[]) => read(readFlags('build', words));

test('no input at all is a request that serves', () => {
  const request = read(new Map());
  assert.equal(request.source, '/home/me');
  assert.equal(request.output, '/home/me-out/x86_64');
  assert.equal(request.reportDir, '/home/me-out/x86_64/thinlto-report');
  assert.equal(request.arch.name, 'x86_64');
  assert.equal(request.lto, 'auto');
  assert.equal(request.suffixReduction, 'auto');
  assert.deepEqual(request.config, ['defconfig']);
  assert.equal(request.jobs, 4);
  assert.deepEqual(request.toolchain, { version: '23', source: 'auto' });
  assert.deepEqual(request.failOn, { kind: 'none' });
  assert.equal(request.hostPackages, 'check');
  assert.equal(read(new Map(), { ...AROUND, onGitHub: true }).hostPackages, 'install');
});

test("the issue's own command line", () => {
  const request = flags(
    ...['--source', 'linux', '--output', 'out', '--arch', 'arm64', '--lto', 'thin-dist'],
    ...['--suffix-reduction', 'on', '--config', 'defconfig', '--config-fragment', 'my.config'],
    ...[
      '--kconfig',
      'CONFIG_FOO=y',
      '--kconfig',
      '# CONFIG_BAR is not set',
      '--llvm-version=23',
      '--report-dir',
      'report',
    ],
  );
  assert.equal(request.source, '/home/me/linux');
  assert.equal(request.output, '/home/me/out');
  assert.equal(request.arch.name, 'arm64');
  assert.equal(request.lto, 'thin-dist');
  assert.equal(request.suffixReduction, 'on');
  assert.deepEqual(request.configFragments, ['/home/me/my.config']);
  assert.deepEqual(request.kconfig, ['CONFIG_FOO=y', '# CONFIG_BAR is not set']);
  assert.equal(request.reportDir, '/home/me/report');
});

test('what people also write for an architecture', () => {
  for (const [written, name] of Object.entries({
    aarch64: 'arm64',
    riscv64: 'riscv',
    loongarch64: 'loongarch',
    x86: 'x86_64',
    amd64: 'x86_64',
  })) {
    assert.equal(flags('--arch', written).arch.name, name);
  }
});

test('several targets of one configuration, and a file among them', () => {
  assert.deepEqual(flags('--config', 'defconfig kvm_guest.config').config, ['defconfig', 'kvm_guest.config']);
  assert.deepEqual(flags('--config', 'defconfig', '--config', 'x.config').config, ['defconfig', 'x.config']);
  assert.deepEqual(flags('--config', './my.config').config, ['/home/me/my.config']);
  assert.deepEqual(flags('--config', '/etc/kernel/config').config, ['/etc/kernel/config']);
});

test('a value that begins with a dash', () => {
  assert.equal(flags('--llvm-path', '-23').toolchain.path, '-23');
  assert.equal(flags('--llvm-path', 'llvm').toolchain.path, '/home/me/llvm');
});

test('fail-on', () => {
  assert.deepEqual(flags('--fail-on', 'any-function').failOn, { kind: 'any-function' });
  assert.deepEqual(flags('--fail-on', 'count>100').failOn, { kind: 'count', over: 100 });
});

test('the cache', () => {
  assert.deepEqual(flags().cache, {
    use: 'auto',
    maxBytes: 5e9,
    family: undefined,
    folder: undefined,
    ccache: 'auto',
  });
  const { cache } = flags(
    '--cache',
    'read-only',
    '--cache-dir',
    'c',
    '--cache-max-size',
    '800m',
    '--cache-key',
    'v6',
  );
  assert.deepEqual(cache, {
    use: 'read-only',
    maxBytes: 8e8,
    family: 'v6',
    folder: '/home/me/c',
    ccache: 'auto',
  });
});

const REFUSED: readonly [string[], RegExp][] = [
  [['--arch', 'vax'], /^arch: 'vax' is not an architecture .*x86_64, arm64, riscv, loongarch/],
  [['--arch', '__proto__'], /^arch: '__proto__' is not/],
  [['--lto', 'fat'], /^lto: 'fat' is not one of auto, thin, thin-dist, full, none$/],
  [['--suffix-reduction', 'yes'], /^suffix-reduction: 'yes' is not one of auto, on, off$/],
  [['--jobs', '0'], /^jobs: '0' is not a whole number/],
  [['--jobs', '2x'], /^jobs: '2x'/],
  [['--llvm-version', 'latest'], /^llvm-version: 'latest' is not a version; write 23, 23\.1/],
  [['--llvm-version', '23.1.4;rm'], /^llvm-version/],
  [['--llvm-source', 'apt'], /^llvm-source: 'apt' is not one of auto, kernel-org/],
  [['--llvm-source', 'file:///x.tar.xz'], /^llvm-source/],
  [['--llvm-sha256', 'abc'], /^llvm-sha256: 'abc' is not a SHA-256/],
  [['--llvm-mirror', 'http://localhost/'], /^llvm-mirror: needs llvm-source/],
  [['--llvm-source', 'debian', '--llvm-path', '/usr'], /^llvm-path: .* needs llvm-source system/],
  [['--fail-on', 'all'], /^fail-on: 'all' is not none, any-function or count>N$/],
  [['--cache', 'on'], /^cache: 'on' is not one of auto, always, read-only, off$/],
  [['--cache-max-size', '5'], /^cache-max-size: '5' is not a size of 10M or more, such as 800M or 5G$/],
  [['--cache-max-size', '1M'], /^cache-max-size: '1M'/],
  [['--cache-key', 'a,b'], /^cache-key: 'a,b' is not 1 to 80 letters/],
  [['--ccache', 'apt'], /^ccache: 'apt' is not one of auto, system, github, debian$/],
  [['--targets', '-f/etc/passwd'], /^targets: '-f\/etc\/passwd' is not a make target/],
  [['--targets', '../x'], /^targets: /],
  [['--make-args', 'ARCH=arm64'], /^make-args: 'ARCH=arm64' is set by arch/],
  [['--make-args', 'O=/tmp'], /^make-args: 'O=\/tmp' is set by output/],
  [['--make-args', '--eval=x'], /^make-args: '--eval=x' is not/],
  [['--make-args', '-f'], /^make-args: '-f' is not/],
  [['--source', 'a', '--source', 'b'], /^source: given 2 times/],
  [['--source', 'a\nb'], /^source: "a\\nb" has a line break/],
  [['--dry-run=perhaps'], /^dry-run: 'perhaps' is not one of true, false$/],
  [['--sorce', 'x'], /^build: --sorce is not a flag of it; see kernel-thinlto build --help$/],
  [['--suffix', 'on'], /\(--suffix-reduction\?\)/],
  [['--arch'], /^build: --arch needs a value: --arch ARCH$/],
  [['linux'], /^build: 'linux' is not a flag/],
];

for (const [words, message] of REFUSED) {
  test(`refused: ${JSON.stringify(words.join(' '))}`, () => {
    assert.throws(
      () => flags(...words),
      (error: Error) => {
        assert.equal(error.name, 'UserError');
        assert.match(error.message, message);
        assert.ok(!error.message.includes('\n'), 'one line');
        return true;
      },
    );
  });
}
