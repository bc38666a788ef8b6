import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A key of minisign's form that was made for a test. */
export interface MinisignKey {
  /** The second line of its minisign.pub. */
  readonly publicKey: string;
  /** As minisign shows its number. */
  readonly id: string;
  /** The .minisig of a file, as `minisign -S` makes it. */
  sign(data: Buffer, changes?: SignatureChanges): string;
}

export interface SignatureChanges {
  readonly comment?: string;
  /** `Ed` signs the file itself and not its digest. */
  readonly algorithm?: 'ED' | 'Ed';
}

/** Makes a key; of the number of another one where `id` is given. */
export function makeMinisignKey(id = randomBytes(8).toString('hex').toUpperCase()): MinisignKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const number = Buffer.from(id, 'hex').reverse();
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return {
    id,
    publicKey: Buffer.concat([Buffer.from('Ed'), number, raw]).toString('base64'),
    sign: (data, { comment = 'timestamp:1795253013\tfile:none\thashed', algorithm = 'ED' } = {}) => {
      const signed = algorithm === 'Ed' ? data : createHash('blake2b512').update(data).digest();
      const signature = sign(null, signed, privateKey);
      const second = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey);
      const first = Buffer.concat([Buffer.from(algorithm), number, signature]);
      return `untrusted comment: signature from minisign secret key\n${first.toString('base64')}\ntrusted comment: ${comment}\n${second.toString('base64')}\n`;
    },
  };
}
