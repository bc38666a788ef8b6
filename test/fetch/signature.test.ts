import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { readSigningKey, type SigningKey, verifyClearsigned } from '../../src/fetch/signature.ts';
import { KERNEL_ORG_KEY } from '../../src/toolchain/keys.ts';
import { makeKey } from '../services/gpg.ts';
import { testHost } from '../services/host.ts';

const key = makeKey('signer');
const other = makeKey('stranger');
const folder = mkdtempSync(path.join(tmpdir(), 'signature-test-'));
const TEXT = `${'0'.repeat(64)}  llvm-23.1.4-x86_64.tar.xz\n- a line that begins with a dash\nFrom here\n`;
const signed = key.sign(TEXT);
const allowed: SigningKey = { armored: key.armored, fingerprints: [key.fingerprint] };
const host = testHost();
const NOT_SIGNED = /^where: not signed as it must be: /;

after(() => {
  key.remove();
  other.remove();
  rmSync(folder, { recursive: true, force: true });
});

const verify = (text: string, by = allowed) => verifyClearsigned(host, text, by, 'where');
const refused = async (text: string, why: RegExp, by = allowed) => {
  const error = await verify(text, by).then(
    (got) => assert.fail(`accepted: ${got}`),
    (thrown: Error) => thrown,
  );
  assert.equal(error.name, 'UserError');
  assert.match(error.message, NOT_SIGNED);
  assert.match(error.message, why);
};

test('a signed text comes back as it was signed, and leaves no folder', async () => {
  const own = mkdtempSync(path.join(folder, 'tmp-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = own;
  try {
    assert.equal(await verify(signed), TEXT);
    assert.equal(await verify(`\n${signed}\n\n`), TEXT);
    assert.equal(await verify(signed.replaceAll('\n', '\r\n')), TEXT);
    await refused(other.sign(TEXT), /none of those that may/);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  assert.deepEqual(readdirSync(own), []);
});

test('a changed byte is refused', async () => {
  await refused(signed.replace('00000  llvm', '00001  llvm'), /was changed/);
});

test('a signature of another text is refused', async () => {
  const foreign = key.sign('another text\n').split('-----BEGIN PGP SIGNATURE-----')[1];
  await refused(
    `${signed.split('-----BEGIN PGP SIGNATURE-----')[0]}-----BEGIN PGP SIGNATURE-----${foreign}`,
    /was changed/,
  );
});

test('a key that is not known is refused, and one that is known but may not sign', async () => {
  await refused(other.sign(TEXT), /signed by the key [0-9A-F]{16}, which is none of those that may/);
  const both = { armored: `${key.armored}${other.armored}`, fingerprints: [key.fingerprint] };
  await refused(other.sign(TEXT), new RegExp(`signed by the key ${other.fingerprint}, which is none`), both);
  assert.equal(await verify(signed, both), TEXT);
});

test('one good signature of several is enough; a bad one is one too many', async () => {
  const twice = key.gpg(['--import'], other.gpg(['--armor', '--export-secret-keys']));
  assert.equal(twice, '');
  const double = key.sign(TEXT, ['-u', other.fingerprint, '-u', key.fingerprint]);
  assert.equal(await verify(double), TEXT);
  assert.equal(await verify(double, { armored: other.armored, fingerprints: [other.fingerprint] }), TEXT);
  await refused(double.replace('23.1.4', '23.1.5'), /was changed/);
});

test('what stands outside of the signed block is refused', async () => {
  const line = `${'1'.repeat(64)}  llvm-23.1.4-x86_64.tar.xz\n`;
  await refused(`${line}${signed}`, /does not begin as a clearsigned text/);
  await refused(`${signed}${line}`, /text after its signature/);
  await refused(`${signed}${other.sign(line)}`, /text after its signature/);
  await refused(TEXT, /does not begin/);
  await refused('', /does not begin/);
});

test('what could be read in two ways is refused', async () => {
  const [head = '', ...rest] = signed.split('\n\n');
  const body = rest.join('\n\n');
  await refused(`${head}\nNotDashEscaped: yes\n\n${body}`, /headers that it must not have/);
  await refused(`${head}\n${'1'.repeat(64)}  llvm-23.1.4-x86_64.tar.xz\n\n${body}`, /headers/);
  await refused(`${head}\n \n${body}`, /headers|no whole signature/);
  await refused(signed.replace('\n- From', '\n-From'), /dash/);
  await refused(signed.replace('From here', 'From\0here'), /bytes/);
  await refused(signed.replace('From here', 'From\fhere'), /bytes/);
  await refused(signed.replace('From here', `From here${' '.repeat(20_000)}`), /bytes/);
  await refused(signed.split('-----BEGIN PGP SIGNATURE-----')[0] ?? '', /no whole signature/);
  await refused(signed.replace(/-----END PGP SIGNATURE-----\n/, ''), /no whole signature/);
});

test('expired and revoked keys and expired signatures are refused', async () => {
  const old = ['--faked-system-time', '20200101T000000'];
  const short = makeKey('short', '1d', old);
  const late = short.sign(TEXT, old);
  await refused(late, /has expired/, { armored: short.armored, fingerprints: [short.fingerprint] });
  short.remove();

  const lasting = makeKey('lasting', 'never', old);
  const by2020 = { armored: lasting.armored, fingerprints: [lasting.fingerprint] };
  assert.equal(await verify(lasting.sign(TEXT, old), by2020), TEXT);
  await refused(
    lasting.sign(TEXT, [...old, '--default-sig-expire', '1d']),
    /signature .* has expired/,
    by2020,
  );
  lasting.remove();

  const gone = makeKey('gone');
  const before = gone.sign(TEXT);
  const by = { armored: gone.armored, fingerprints: [gone.fingerprint] };
  assert.equal(await verify(before, by), TEXT);
  const certificate = gone
    .gpg(
      ['--command-fd', '0', '--pinentry-mode', 'loopback', '--no-batch', '--gen-revoke', gone.fingerprint],
      'y\n0\n\ny\n',
    )
    .toString();
  gone.gpg(['--import'], certificate);
  await refused(before, /was revoked/, { ...by, armored: gone.gpg(['--armor', '--export']) });
  gone.remove();
});

test('a digest that can be forged is refused', async () => {
  const rsa = makeKey('rsa', 'never', [], 'rsa2048');
  const by = { armored: rsa.armored, fingerprints: [rsa.fingerprint] };
  assert.equal(await verify(rsa.sign(TEXT), by), TEXT);
  await refused(
    rsa.sign(TEXT, ['--digest-algo', 'SHA1', '--allow-weak-digest-algos']),
    /digest that can be forged|no good signature/,
    by,
  );
  rsa.remove();
});

test("kernel.org's key can be read, has the fingerprint that is allowed, and accepts no other's signature", async () => {
  const file = path.join(folder, 'kernel.asc');
  writeFileSync(file, KERNEL_ORG_KEY.armored);
  await refused(signed, /none of those that may/, KERNEL_ORG_KEY);
  const imported = key.gpg(['--with-colons', '--show-keys', file]);
  assert.ok(imported.includes(KERNEL_ORG_KEY.fingerprints[0] ?? '?'), imported);
});

test('a key without a user id that it signed serves, since its fingerprint is what counts', async () => {
  const bare = path.join(folder, 'bare.asc');
  const packets = key.gpg(['--armor', '--export-options', 'export-minimal', '--export', key.fingerprint]);
  writeFileSync(bare, packets);
  assert.equal(
    await verify(signed, { armored: withoutSignatures(packets), fingerprints: [key.fingerprint] }),
    TEXT,
  );
});

/** A key's first two packets: the key itself and its user id. */
function withoutSignatures(armored: string): string {
  const data = Buffer.from(armored.split('\n\n')[1]?.split('\n=')[0] ?? '', 'base64');
  const packet = (at: number) => at + 2 + (data[at + 1] ?? 0);
  const body = data.subarray(0, packet(packet(0)));
  return `-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n${body.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PGP PUBLIC KEY BLOCK-----\n`;
}

test('a key file of the user says who may sign', async () => {
  const file = path.join(folder, 'both.asc');
  writeFileSync(file, `${key.armored}${other.armored}`);
  const read = await readSigningKey(host, file, 'llvm-key');
  assert.deepEqual([...read.fingerprints].sort(), [key.fingerprint, other.fingerprint].sort());
  assert.equal(await verify(signed, read), TEXT);
  writeFileSync(file, 'no key');
  await assert.rejects(
    readSigningKey(host, file, 'llvm-key'),
    /^UserError: llvm-key: '.*both\.asc' holds no armored OpenPGP public key/,
  );
  await assert.rejects(
    readSigningKey(host, '/nowhere.asc', 'llvm-key'),
    /^UserError: llvm-key: '\/nowhere\.asc' is not there/,
  );
});

test('without gpg there is no verification, and the line that installs it', async () => {
  const empty = testHost({ env: { PATH: folder } });
  await assert.rejects(
    verifyClearsigned(empty, signed, allowed),
    /^UserError: gpg is not .*apt-get install gnupg$/,
  );
});
