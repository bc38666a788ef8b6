import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { ProgramResult } from '../values/program.ts';
import { parseClearsigned } from './clearsigned.ts';

/** Who may sign. */
export interface SigningKey {
  /** Armored OpenPGP public keys. */
  readonly armored: string;
  /** Fingerprints (40 upper-case hex digits) of the primary keys whose signatures count. */
  readonly fingerprints: readonly string[];
}

const KEY_LIMIT = 1 << 20;
const OUTPUT_LIMIT = 64 << 20;
const TIMEOUT_SECONDS = 60;
// RFC 9580, 9.5: SHA-256, SHA-384, SHA-512. Collisions of the older ones can be made.
const HASHES = new Set(['8', '9', '10']);
// A key of which nothing but the key material is known has no user id that it signed. Whom it belongs to is settled
// by its fingerprint here, never by a user id, so that none is asked for.
const GPG = [
  '--batch',
  '--no-tty',
  '--no-options',
  '--no-autostart',
  '--no-auto-key-retrieve',
  '--no-auto-key-import',
  '--trust-model',
  'always',
  '--allow-non-selfsigned-uid',
];

type Gpg = (args: readonly string[]) => Promise<ProgramResult>;

/**
 * Verifies a clearsigned text (an InRelease, a sha256sums.asc) and returns what was signed, and nothing else of it:
 * one good signature of an allowed, valid key is enough, and none may be bad. Throws a UserError that begins with
 * `what` (the URL of the text) where there is none.
 */
export async function verifyClearsigned(
  host: Host,
  text: string,
  key: SigningKey,
  what = 'signed checksums',
): Promise<string> {
  const parsed = parseClearsigned(text, what);
  return withGpg(host, async (gpg, folder) => {
    await writeFile(path.join(folder, 'key.asc'), key.armored);
    await writeFile(path.join(folder, 'signed.asc'), parsed.block);
    const imported = await gpg(['--import', path.join(folder, 'key.asc')]);
    if (!/^\[GNUPG:\] IMPORT_OK /m.test(imported.stdout)) {
      throw new UserError(
        `${what}: the key to check its signature with cannot be read: ${lastLine(imported)}`,
      );
    }
    const out = path.join(folder, 'text');
    const result = await gpg(['--output', out, '--decrypt', path.join(folder, 'signed.asc')]);
    const objection = judgeSignatures(result.stdout, key.fingerprints);
    if (objection !== undefined) throw new UserError(`${what}: not signed as it must be: ${objection}`);
    // Two readers of one format: where they do not see the same text, someone plays with the difference.
    const signed = await readFile(out, 'utf8');
    if (bare(signed) !== bare(parsed.text)) {
      throw new UserError(`${what}: not signed as it must be: the signed text is ambiguous`);
    }
    return signed;
  });
}

/** Reads the keys of a file of the user's: all primary keys in it may sign. `input` names where the path came from. */
export async function readSigningKey(host: Host, file: string, input: string): Promise<SigningKey> {
  const info = await stat(file).catch(() => undefined);
  if (info === undefined) throw new UserError(`${input}: '${file}' is not there`);
  if (!info.isFile() || info.size > KEY_LIMIT)
    throw new UserError(`${input}: '${file}' is not a file of a key`);
  const armored = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError(`${input}: '${file}' cannot be read (${messageOf(error)})`);
  });
  return withGpg(host, async (gpg, folder) => {
    await writeFile(path.join(folder, 'key.asc'), armored);
    const shown = await gpg(['--with-colons', '--show-keys', path.join(folder, 'key.asc')]);
    const fingerprints = [
      ...shown.stdout.matchAll(/^pub:.*\n(?:(?!pub:|sub:|uid:|fpr:).*\n)*fpr:{9}([0-9A-F]{40}):/gm),
    ].map((match) => match[1] ?? '');
    if (!armored.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----') || fingerprints.length === 0) {
      throw new UserError(`${input}: '${file}' holds no armored OpenPGP public key (gpg --armor --export)`);
    }
    return { armored, fingerprints };
  });
}

/**
 * What speaks against a text, by gpg's status lines (GnuPG, doc/DETAILS): undefined where one of its signatures is
 * good, by an allowed key, and none is bad. A VALIDSIG alone says nothing: expired and revoked keys get one, too.
 */
function judgeSignatures(status: string, allowed: readonly string[]): string | undefined {
  const objections: string[] = [];
  let good = false;
  for (const part of status.split(/^\[GNUPG:\] NEWSIG.*$/m).slice(1)) {
    const words = new Map(
      [...part.matchAll(/^\[GNUPG:\] ([A-Z_]+)(?: (.*))?$/gm)].map((match) => [
        match[1] ?? '',
        (match[2] ?? '').split(' '),
      ]),
    );
    const valid = words.get('VALIDSIG') ?? [];
    const primary = valid[9] ?? '';
    if (words.has('BADSIG')) return 'the signature does not belong to the text, which was changed';
    const objection = words.has('EXPSIG')
      ? `the signature by ${primary} has expired`
      : words.has('EXPKEYSIG')
        ? `the key ${primary} has expired`
        : words.has('REVKEYSIG')
          ? `the key ${primary} was revoked`
          : words.has('ERRSIG')
            ? `signed by the key ${words.get('ERRSIG')?.[0] ?? ''}, which is none of those that may`
            : !words.has('GOODSIG') || valid.length === 0
              ? 'gpg found no good signature'
              : !allowed.includes(primary)
                ? `signed by the key ${primary}, which is none of those that may`
                : !HASHES.has(valid[7] ?? '')
                  ? 'the signature uses a digest that can be forged'
                  : undefined;
    if (objection === undefined) good = true;
    else objections.push(objection);
  }
  return good ? undefined : (objections[0] ?? 'there is no signature');
}

/** Runs gpg with a home of its own, which is gone afterwards; its status lines come on standard output. */
async function withGpg<T>(host: Host, work: (gpg: Gpg, folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kernel-thinlto-gpg-'));
  const env = { PATH: host.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', GNUPGHOME: folder };
  try {
    return await work(async (args) => {
      const options = { env, limit: OUTPUT_LIMIT, timeoutSeconds: TIMEOUT_SECONDS };
      try {
        return await host.run('gpg', [...GPG, '--status-fd', '1', ...args], options);
      } catch (error) {
        if (!(error instanceof UserError) || host.signal.aborted) throw error;
        throw new UserError('gpg is not on this machine; install it: apt-get install gnupg', {
          cause: error,
        });
      }
    }, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function bare(text: string): string {
  return text.replace(/[ \t\r]+$/gm, '').trimEnd();
}

function lastLine(result: ProgramResult): string {
  return result.stderr.trim().split('\n').at(-1) ?? '';
}
