import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { unpackDeb, unpackTar } from '../../src/fetch/archive.ts';
import { testHost } from '../services/host.ts';
import { arOf, type TestEntry, tarOf } from '../services/tar.ts';

const root = mkdtempSync(path.join(tmpdir(), 'archive-test-'));
const host = testHost();
let count = 0;

after(() => rmSync(root, { recursive: true, force: true }));

/** A file with some bytes, and a folder that is not there yet to unpack it into, alone in a folder of their own. */
function place(data: Buffer) {
  const own = path.join(root, String(++count));
  mkdirSync(own);
  const file = path.join(own, 'archive');
  writeFileSync(file, data);
  return { own, file, folder: path.join(own, 'into') };
}

function pack(data: Buffer, program: 'xz' | 'zstd' | 'gzip'): Buffer {
  return execFileSync(program, ['-c'], { input: data, maxBuffer: 1 << 28 });
}

const TREE: readonly TestEntry[] = [
  { path: 'top/', type: 'Directory', mode: 0o555 },
  { path: 'top/bin/', type: 'Directory', mode: 0o755 },
  { path: 'top/bin/clang++', type: 'SymbolicLink', linkpath: 'clang' },
  { path: 'top/bin/clang', type: 'SymbolicLink', linkpath: 'clang-23' },
  { path: 'top/bin/clang-23', mode: 0o4755, content: 'program' },
  { path: 'top/bin/same', type: 'Link', linkpath: 'top/bin/clang-23' },
  { path: 'top/lib/deep/up', type: 'SymbolicLink', linkpath: '../../bin/clang' },
  { path: 'top/share/x', content: randomBytes(300_000) },
];

for (const kind of ['xz', 'zstd', 'gzip', 'tar'] as const) {
  test(`a whole archive: ${kind}`, async () => {
    const { file, folder } = place(kind === 'tar' ? tarOf(TREE) : pack(tarOf(TREE), kind));
    await unpackTar(host, file, folder, { strip: 1 });
    assert.deepEqual(readdirSync(folder).sort(), ['bin', 'lib', 'share']);
    assert.equal(readFileSync(path.join(folder, 'bin/clang++'), 'utf8'), 'program');
    assert.equal(readlinkSync(path.join(folder, 'bin/clang++')), 'clang');
    assert.equal(readFileSync(path.join(folder, 'lib/deep/up'), 'utf8'), 'program');
    assert.equal(
      statSync(path.join(folder, 'bin/same')).ino,
      statSync(path.join(folder, 'bin/clang-23')).ino,
    );
    assert.equal(statSync(path.join(folder, 'bin/clang-23')).mode & 0o7777, 0o755, 'no set-user-id bit');
    assert.deepEqual(readFileSync(path.join(folder, 'share/x')), TREE.at(-1)?.content);
  });
}

test('only what is wanted is unpacked', async () => {
  const { file, folder } = place(tarOf(TREE));
  await unpackTar(host, file, folder, { strip: 1, only: /^bin\/clang/ });
  assert.deepEqual(readdirSync(path.join(folder, 'bin')).sort(), ['clang', 'clang++', 'clang-23']);
  assert.ok(!existsSync(path.join(folder, 'share')));
});

const DEEP = 'a/b/c/';
const EVIL: readonly (readonly [string, readonly TestEntry[], RegExp])[] = [
  [
    'a name that climbs',
    [{ path: '../evil', content: 'x' }],
    /entry '\.\.\/evil' is refused: its name climbs/,
  ],
  ['a name that climbs later', [{ path: 'a/../../evil', content: 'x' }], /'a\/\.\.\/\.\.\/evil' is refused/],
  ['a name that climbs behind strip', [{ path: 'top/../../evil', content: 'x' }], /climbs/],
  ['an absolute name', [{ path: `${root}/evil`, content: 'x' }], /'.*evil' is refused: its name is absolute/],
  ['a folder that climbs', [{ path: '../evil/', type: 'Directory' }], /climbs/],
  [
    'a link to above',
    [{ path: 'l', type: 'SymbolicLink', linkpath: '../evil' }],
    /entry 'l' is refused: it points to '\.\.\/evil'/,
  ],
  [
    'a link to /',
    [{ path: 'l', type: 'SymbolicLink', linkpath: '/etc/passwd' }],
    /points to '\/etc\/passwd', outside/,
  ],
  ['a link far up', [{ path: 'a/l', type: 'SymbolicLink', linkpath: '../../evil' }], /points to/],
  [
    'a link that climbs from where another leads',
    [
      { path: `${DEEP}root`, type: 'SymbolicLink', linkpath: '../../..' },
      { path: 'l', type: 'SymbolicLink', linkpath: `${DEEP}root/../evil` },
    ],
    /entry 'l' is refused: it points to/,
  ],
  [
    'a link that lies elsewhere than its name says',
    [
      { path: `${DEEP}root`, type: 'SymbolicLink', linkpath: '../../..' },
      { path: `${DEEP}root/l`, type: 'SymbolicLink', linkpath: '../../evil' },
    ],
    /is refused: root is no folder/,
  ],
  [
    'a file through a link',
    [
      { path: 'l', type: 'SymbolicLink', linkpath: 'd' },
      { path: 'd/', type: 'Directory' },
      { path: 'l/x', content: 'x' },
    ],
    /entry 'l' is refused: a link in the place of a folder/,
  ],
  [
    'a hard link to above',
    [{ path: 'l', type: 'Link', linkpath: '../archive' }],
    /entry 'l' is refused: it links to '\.\.\/archive'/,
  ],
  [
    'a hard link to /',
    [{ path: 'l', type: 'Link', linkpath: '/etc/passwd' }],
    /it links to '\/etc\/passwd', outside/,
  ],
  ['a device', [{ path: 'null', type: 'CharacterDevice' }], /entry 'null' is refused: it is neither/],
  ['a pipe', [{ path: 'p', type: 'FIFO' }], /entry 'p' is refused: it is neither/],
];

for (const [name, entries, why] of EVIL) {
  test(`refused: ${name}`, async () => {
    const good: TestEntry = { path: 'good', content: 'x'.repeat(5000) };
    const { own, file, folder } = place(pack(tarOf([good, ...entries, good]), 'xz'));
    const before = lstatSync(file);
    await assert.rejects(unpackTar(host, file, folder), (error: Error) => {
      assert.equal(error.name, 'UserError');
      assert.match(error.message, why);
      assert.ok(error.message.startsWith(`${file}: `));
      return true;
    });
    assert.deepEqual(
      readdirSync(own).filter((one) => one !== 'archive' && one !== 'into'),
      [],
    );
    assert.equal(lstatSync(file).nlink, before.nlink);
    assert.ok(!existsSync(path.join(root, 'evil')));
  });
}

test('refused: a hard link whose target strip leaves nothing of', async () => {
  const { file, folder } = place(
    tarOf([
      { path: 'top', content: 'x' },
      { path: 'a/l', type: 'Link', linkpath: 'top' },
    ]),
  );
  await assert.rejects(
    unpackTar(host, file, folder, { strip: 1 }),
    /UserError: .*'top' is refused: it does not lie in a top folder/,
  );
});

test('a link that was there before is not written through', async () => {
  const { own, file, folder } = place(tarOf([{ path: 'd/x', content: 'x' }]));
  mkdirSync(folder);
  mkdirSync(path.join(own, 'outside'));
  symlinkSync('../outside', path.join(folder, 'd'));
  await assert.rejects(unpackTar(host, file, folder), { name: 'UserError' });
  assert.deepEqual(readdirSync(path.join(own, 'outside')), []);
});

for (const kind of ['xz', 'zstd', 'gzip', 'tar'] as const) {
  test(`refused: an archive that is cut off: ${kind}`, async () => {
    const plain = tarOf(TREE);
    const whole = kind === 'tar' ? plain : pack(plain, kind);
    for (const end of [whole.length - 1, Math.floor(whole.length / 2), 600]) {
      const { file, folder } = place(whole.subarray(0, end));
      await assert.rejects(unpackTar(host, file, folder), (error: Error) => {
        assert.equal(error.name, 'UserError', error.stack);
        return error.message.startsWith(`${file}: `);
      });
    }
  });
}

test('refused: an archive that ends between two entries', async () => {
  const zeros: TestEntry = { path: 'zeros', content: Buffer.alloc(4096) };
  const { file, folder } = place(pack(tarOf([...TREE, zeros]).subarray(0, -1024), 'xz'));
  await assert.rejects(unpackTar(host, file, folder), /not a whole archive \(its end is missing\)/);
});

test('refused: changed bytes', async () => {
  const changed = tarOf(TREE);
  changed[600] = 0x41;
  const first = place(pack(changed, 'xz'));
  await assert.rejects(unpackTar(host, first.file, first.folder), { name: 'UserError' });
  const packed = pack(tarOf(TREE), 'xz');
  packed[packed.length >> 1] = (packed[packed.length >> 1] ?? 0) ^ 0x10;
  const second = place(packed);
  await assert.rejects(unpackTar(host, second.file, second.folder), /not a whole archive \(xz: .*corrupt/);
});

test('refused: more than the bounds', async () => {
  const { file, folder } = place(tarOf(TREE));
  await assert.rejects(
    unpackTar(host, file, folder, { limitEntries: 7 }),
    /UserError: .* has more than 7 entries/,
  );
  await assert.rejects(
    unpackTar(host, file, folder, { limitBytes: 200_000 }),
    /has more than 200000 bytes unpacked/,
  );
  const bomb = place(pack(Buffer.concat([tarOf([{ path: 'z', content: Buffer.alloc(100_000_000) }])]), 'xz'));
  const started = performance.now();
  await assert.rejects(
    unpackTar(host, bomb.file, bomb.folder, { limitBytes: 1_000_000 }),
    /has more than 1000000/,
  );
  assert.ok(performance.now() - started < 2000);
});

test('refused: what is no archive', async () => {
  for (const data of [Buffer.alloc(0), randomBytes(5000), Buffer.alloc(2048)]) {
    const { file, folder } = place(data);
    await assert.rejects(unpackTar(host, file, folder), /UserError: .*: neither a \.tar nor/);
  }
  const twice = place(pack(pack(tarOf(TREE), 'gzip'), 'xz'));
  await assert.rejects(
    unpackTar(host, twice.file, twice.folder),
    /UserError: .*: there is no tar archive in it/,
  );
});

test('without the decompressor the error has the line that installs it', async () => {
  const bare = testHost({ env: { PATH: root } });
  for (const [kind, name] of [
    ['xz', 'xz-utils'],
    ['zstd', 'zstd'],
  ] as const) {
    const { file, folder } = place(pack(tarOf(TREE), kind));
    await assert.rejects(
      unpackTar(bare, file, folder),
      new RegExp(`^UserError: ${kind} is not .*apt-get install ${name}$`),
    );
  }
});

test('a cancelled run ends the unpacking', async () => {
  const controller = new AbortController();
  const big = tarOf([{ path: 'x', content: randomBytes(60_000_000) }]);
  const { file, folder } = place(pack(big, 'gzip'));
  const running = unpackTar(testHost({ signal: controller.signal }), file, folder);
  setTimeout(() => controller.abort(new Error('Cancelled')), 30);
  await assert.rejects(running, /Cancelled/);
});

test('a Debian package: its data, with absolute links made to point into the folder', async () => {
  const data = tarOf([
    { path: './', type: 'Directory' },
    { path: './usr/lib/x', content: 'library' },
    { path: './lib64/ld.so', type: 'SymbolicLink', linkpath: '/usr/lib/x' },
  ]);
  const members = (packed: Buffer) =>
    arOf([
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar.xz', pack(tarOf([]), 'xz')],
      ['data.tar.xz', packed],
    ]);
  const { file, folder } = place(members(pack(data, 'xz')));
  await unpackDeb(host, file, folder);
  assert.equal(readlinkSync(path.join(folder, 'lib64/ld.so')), '../usr/lib/x');
  assert.equal(readFileSync(path.join(folder, 'lib64/ld.so'), 'utf8'), 'library');

  const evil = place(members(pack(tarOf([{ path: './../evil', content: 'x' }]), 'xz')));
  await assert.rejects(unpackDeb(host, evil.file, evil.folder), /UserError: .*evil' is refused/);
});

test('refused: what is no whole Debian package', async () => {
  const binary = ['debian-binary', Buffer.from('2.0\n')] as const;
  const data = ['data.tar', tarOf(TREE)] as const;
  const whole = arOf([binary, data]);
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [randomBytes(1000), /no ar archive/],
    [whole.subarray(0, 40), /bad member header/],
    [whole.subarray(0, -5000), /data\.tar is cut off/],
    [arOf([data, binary]), /format is not 2\.x/],
    [arOf([['debian-binary', Buffer.from('3.0\n')], data]), /format is not 2\.x/],
    [arOf([binary, ['evil', Buffer.alloc(4)], data]), /a member that is not known/],
    [arOf([binary]), /no data\.tar/],
    [Buffer.from(whole.toString('latin1').replace(/\d+( *`)/, '-1$1'), 'latin1'), /bad member header/],
  ];
  for (const [bytes, why] of cases) {
    const { file, folder } = place(bytes);
    await assert.rejects(unpackDeb(host, file, folder), (error: Error) => {
      assert.equal(error.name, 'UserError');
      assert.match(error.message, why);
      return true;
    });
  }
});
