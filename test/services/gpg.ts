import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A key made for a test, with its secret half. */
export interface TestKey {
  readonly armored: string;
  readonly fingerprint: string;
  /** Clearsigns a text; `extra` are further options of gpg. */
  sign(text: string, extra?: readonly string[]): string;
  /** Its own gpg, for what else a test does with the key. */
  gpg(args: readonly string[], input?: string): string;
  remove(): void;
}

/** Makes a key; `expiry` and `kind` as gpg takes them, `extra` are further options of gpg. */
export function makeKey(
  name: string,
  expiry = 'never',
  extra: readonly string[] = [],
  kind = 'ed25519',
): TestKey {
  const home = mkdtempSync(path.join(tmpdir(), 'gpg-'));
  const gpg = (args: readonly string[], input = '') =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--no-tty', '--passphrase', '', ...args], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  gpg([...extra, '--quick-gen-key', `${name} <${name}@example.org>`, kind, 'sign', expiry]);
  const fingerprint = /^fpr:{9}([0-9A-F]{40}):/m.exec(gpg(['--with-colons', '--list-keys']))?.[1] ?? '';
  return {
    fingerprint,
    armored: gpg(['--armor', '--export']),
    sign: (text, more = []) => gpg([...more, '--clearsign'], text),
    gpg,
    remove: () => {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
