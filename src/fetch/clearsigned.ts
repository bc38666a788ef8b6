import { UserError } from '../values/error.ts';

const BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----';
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----';
const END = '-----END PGP SIGNATURE-----';
// gpg cuts longer lines.
const LINE_LIMIT = 16_000;

/**
 * Takes a clearsigned text apart (RFC 9580, 7): the block that a verifier is to see, and the text that is signed. The
 * form is held strictly, for verifiers differ in what they make of a loose one: one block, nothing but blank lines
 * around it, no header but `Hash`, every dash escaped, no control characters. Throws a UserError that begins with `what`.
 */
export function parseClearsigned(
  text: string,
  what: string,
): { readonly block: string; readonly text: string } {
  const refuse = (why: string) => new UserError(`${what}: not signed as it must be: ${why}`);
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const begin = lines.findIndex((line) => line.trim() !== '');
  if (begin === -1 || lines[begin] !== BEGIN) throw refuse('it does not begin as a clearsigned text');
  const empty = lines.indexOf('', begin);
  const signature = lines.indexOf(SIGNATURE, begin);
  const end = lines.indexOf(END, signature);
  if (empty === -1 || signature < empty || end < signature)
    throw refuse('there is no whole signature at its end');
  if (lines.slice(end + 1).some((line) => line.trim() !== ''))
    throw refuse('there is text after its signature');
  if (lines.slice(begin + 1, empty).some((line) => !/^Hash: [A-Za-z0-9, -]+$/.test(line))) {
    throw refuse('it has headers that it must not have');
  }
  const body = lines.slice(empty + 1, signature);
  for (const line of body) {
    if (/[\x00-\x08\x0b-\x1f\x7f]/.test(line) || line.length > LINE_LIMIT)
      throw refuse('it has bytes that it must not have');
    if (line.startsWith('-') && !line.startsWith('- ')) throw refuse('a dash in it is not escaped');
  }
  if (lines.slice(signature + 1, end).some((line) => line.startsWith('-')))
    throw refuse('it has two signature blocks');
  return {
    block: `${lines.slice(begin, end + 1).join('\n')}\n`,
    text: body.map((line) => (line.startsWith('- ') ? line.slice(2) : line)).join('\n'),
  };
}
