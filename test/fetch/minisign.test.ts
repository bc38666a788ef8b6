import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMinisig } from '../../src/fetch/minisign.ts';
import { makeMinisignKey } from '../services/minisign.ts';

// Made by minisign 0.11: `minisign -S`, and `minisign -S -l` for the form before 0.6.
const KEY = 'RWTJMaS4tmdznSrYLUaDb2jX9ik47016uQAfbYan6K+t7+z46SmPATd+';
const DATA = Buffer.from('an archive\n');
const COMMENT = 'timestamp:1795253013\tfile:ccache-1.2.3.tar.gz\thashed';
const MINISIG = `untrusted comment: signature from minisign secret key
RUTJMaS4tmdznc4O+PPrdVsJFjA/AuP2bDyUNmua8J1e8EQM0OAtByLm9DTNYoPm2eE7Bj+blBVFDikYIg6LoKtFgYhsJsFFfQk=
trusted comment: ${COMMENT}
TS93sQoINamlc9mNAk5DxUgsQKvDSzb6NBE/nUqEK4d/tdQy7mAHcZ6edCnEijWcIuu/MZKVGpKlcrPXv1xbCg==
`;
const OLD_FORM = `untrusted comment: signature from minisign secret key
RWTJMaS4tmdzncFTy+OHRJJLrN4YtjNAFu5WWheJTVupiwDaJRYFhzvOj34J2oX0OOK4Iq7q8KA9otVmsHwS0ZL+aVlcuB/27wk=
trusted comment: timestamp:1795253013\tfile:l.txt
mdWzUD13+UKiuzM+Y+sd1wWxrMVtBSww9Js+0E9eaC1jFMqLD8fskA4RtV2ZvVAyyOKyy3tremraqCtHtQGyBQ==
`;

function refused(work: () => unknown, why: RegExp): void {
  assert.throws(work, (error: Error) => {
    assert.equal(error.name, 'UserError', error.stack);
    assert.match(error.message, /^x\.minisig: not signed as it must be: [^\n]*$/);
    assert.match(error.message, why);
    return true;
  });
}

test('what minisign signed is accepted, with the comment that it signed', () => {
  for (const text of [MINISIG, MINISIG.trimEnd()]) {
    const signature = readMinisig(text, KEY, 'x.minisig');
    assert.equal(signature.comment, COMMENT);
    signature.check(DATA);
  }
});

test('a file of which any bit was changed is refused, and one that was cut off or is longer', () => {
  const signature = readMinisig(MINISIG, KEY, 'x.minisig');
  const changed = Array.from({ length: DATA.length * 8 }, (_, bit) => {
    const copy = Buffer.from(DATA);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy;
  });
  const others = [DATA.subarray(0, -1), Buffer.concat([DATA, Buffer.alloc(1)]), Buffer.alloc(0)];
  for (const data of [...changed, ...others]) {
    refused(() => signature.check(data), /the signature does not belong to the file, which was changed$/);
  }
});

test('a signature of which any sign was changed is refused', () => {
  const from = MINISIG.indexOf('\n') + 1;
  for (let at = from; at < MINISIG.length - 1; at++) {
    const sign = MINISIG[at] === 'A' ? 'B' : 'A';
    const text = MINISIG.slice(0, at) + sign + MINISIG.slice(at + 1);
    // The last signs of a base64 text have bits that mean nothing.
    const meansTheSame = (line: number) =>
      Buffer.from(text.split('\n')[line] ?? '', 'base64').equals(
        Buffer.from(MINISIG.split('\n')[line] ?? '', 'base64'),
      );
    if (meansTheSame(1) && meansTheSame(3) && text.split('\n')[2] === MINISIG.split('\n')[2]) continue;
    refused(() => readMinisig(text, KEY, 'x.minisig').check(DATA), /./);
  }
});

test('a trusted comment that was changed is refused', () => {
  const text = MINISIG.replace('1.2.3', '1.2.4');
  refused(
    () => readMinisig(text, KEY, 'x.minisig'),
    /its trusted comment was changed, or the key is another/,
  );
});

test('another key is refused by its number, and by its bytes where the number is the same', () => {
  const [other, same] = [makeMinisignKey(), makeMinisignKey('9D7367B6B8A431C9')];
  refused(
    () => readMinisig(other.sign(DATA, { comment: COMMENT }), KEY, 'x.minisig'),
    new RegExp(`signed by the key ${other.id}, and not by 9D7367B6B8A431C9$`),
  );
  refused(
    () => readMinisig(same.sign(DATA, { comment: COMMENT }), KEY, 'x.minisig'),
    /its trusted comment was changed, or the key is another of the same number$/,
  );
});

test('a signature over the file itself, as minisign made them before 0.6, is refused', () => {
  refused(() => readMinisig(OLD_FORM, KEY, 'x.minisig'), /it is not over a BLAKE2b digest of the file/);
});

test('what is no signature is refused', () => {
  const lines = MINISIG.split('\n');
  for (const text of [
    '',
    '<html>not found</html>',
    lines.slice(0, 2).join('\n'),
    lines.slice(1).join('\n'),
    `${MINISIG}more\n`,
    `${MINISIG}\n`,
    MINISIG.replaceAll('\n', '\r\n'),
    MINISIG.replace('=\n', '\n'),
    MINISIG.replace(COMMENT, 'x'.repeat(10_000)),
  ]) {
    refused(() => readMinisig(text, KEY, 'x.minisig'), /it is no signature of minisign$/);
  }
});
