import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { digestOutside, namedInArguments, namedInConfig } from '../../src/cache/outside.ts';

test('files outside the tree that a configuration names', () => {
  const values = new Map([
    ['INITRAMFS_SOURCE', '"/boot/init.cpio usr/own_list"'],
    ['EXTRA_FIRMWARE', '"a.bin b/c.bin"'],
    ['EXTRA_FIRMWARE_DIR', '"/srv/firmware"'],
    ['MODULE_SIG_KEY', '"certs/signing_key.pem"'],
    ['MODPROBE_PATH', '"/sbin/modprobe"'],
  ]);
  assert.deepEqual(namedInConfig(values), [
    '/boot/init.cpio',
    '/srv/firmware/a.bin',
    '/srv/firmware/b/c.bin',
  ]);
  assert.deepEqual(namedInConfig(new Map()), []);
});

test('content tells, below folders too, and so does what is not there', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'outside-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, 'root/etc'), { recursive: true });
  const profile = path.join(folder, 'a.prof');
  writeFileSync(profile, 'one');
  const root = path.join(folder, 'root');
  const digest = () => digestOutside([root, profile, path.join(folder, 'missing')]);
  const seen = new Set([digest()]);
  const differs = (what: string) => {
    assert.ok(!seen.has(digest()), what);
    seen.add(digest());
  };
  writeFileSync(profile, 'two');
  differs('other content of the same size');
  writeFileSync(path.join(root, 'etc/motd'), 'hello');
  differs('a new file below a folder');
  writeFileSync(path.join(folder, 'missing'), '');
  differs('a file that was missing');
  assert.equal(digest(), digest());
  assert.deepEqual(namedInArguments([`CLANG_AUTOFDO_PROFILE=${profile}`, 'KCFLAGS=-I/nowhere'], {}), [
    profile,
  ]);
  assert.deepEqual(namedInArguments([], { CLANG_AUTOFDO_PROFILE: profile, HOME: profile }), [profile]);
});
