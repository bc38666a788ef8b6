import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { UserError } from '../values/error.ts';

/** A signature whose own words are verified; what it was made over is not yet. */
export interface Minisig {
  /** The trusted comment: words that the signer signed, too. */
  readonly comment: string;
  /** Throws a UserError where the bytes are not those that were signed. */
  check(data: Buffer): void;
}

/**
 * Reads a detached signature of minisign (https://jedisct1.github.io/minisign/, "Signature format"): four lines with two
 * Ed25519 signatures, one over BLAKE2b-512 of the file, the other over the first and the trusted comment. `publicKey` is
 * the second line of a minisign.pub. Throws a UserError that begins with `what` (the URL of the signature) where its
 * form is another, another key made it, or the comment is not what was signed.
 */
export function readMinisig(text: string, publicKey: string, what: string): Minisig {
  const refuse = (why: string) => new UserError(`${what}: not signed as it must be: ${why}`);
  const key = readKey(publicKey);
  const [, first, comment, second] =
    /^untrusted comment: [^\n]{0,1024}\n([A-Za-z0-9+/]{99}=)\ntrusted comment: ([^\n]{0,8192})\n([A-Za-z0-9+/]{86}==)\n?$/.exec(
      text,
    ) ?? [];
  if (first === undefined || comment === undefined || second === undefined) {
    throw refuse('it is no signature of minisign');
  }
  const bytes = Buffer.from(first, 'base64');
  const [algorithm, id, signature] = [
    bytes.toString('latin1', 0, 2),
    bytes.subarray(2, 10),
    bytes.subarray(10),
  ];
  if (!id.equals(key.id)) throw refuse(`signed by the key ${nameOf(id)}, and not by ${nameOf(key.id)}`);
  if (algorithm !== 'ED') throw refuse('it is not over a BLAKE2b digest of the file (minisign -S -H)');
  if (!isGood(key.key, Buffer.concat([signature, Buffer.from(comment)]), Buffer.from(second, 'base64'))) {
    throw refuse('its trusted comment was changed, or the key is another of the same number');
  }
  return {
    comment,
    check(data) {
      const digest = createHash('blake2b512').update(data).digest();
      if (!isGood(key.key, digest, signature))
        throw refuse('the signature does not belong to the file, which was changed');
    },
  };
}

function readKey(text: string): { readonly id: Buffer; readonly key: KeyObject } {
  const bytes = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]{56}$/.test(text) || bytes.toString('latin1', 0, 2) !== 'Ed') {
    throw new Error(`${text}: not a public key of minisign`);
  }
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(10).toString('base64url') };
  return { id: bytes.subarray(2, 10), key: createPublicKey({ key: jwk, format: 'jwk' }) };
}

function isGood(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  return verify(null, data, key, signature);
}

/** A key's number as minisign shows it: in hex, the last byte first. */
function nameOf(id: Buffer): string {
  return Buffer.from(id).reverse().toString('hex').toUpperCase();
}
