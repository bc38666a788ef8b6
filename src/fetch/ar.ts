import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../values/error.ts';

const GLOBAL = '!<arch>\n';
const HEADER = 60;
const MEMBERS = 16;

/**
 * Finds `data.tar.*` in a Debian package, which is an ar archive of `debian-binary`, `control.tar.*` and `data.tar.*`
 * in this order (deb(5), ar(5)). Returns the part of the file that it takes. Throws a UserError that names the file.
 */
export async function findData(
  handle: FileHandle,
  file: string,
): Promise<{ readonly start: number; readonly end: number }> {
  const refuse = (why: string) => new UserError(`${file}: not a whole Debian package (${why})`);
  const { size } = await handle.stat();
  const read = async (position: number, length: number) => {
    const part = Buffer.alloc(length);
    const { bytesRead } = await handle.read(part, 0, length, position);
    return part.toString('latin1', 0, bytesRead);
  };
  if ((await read(0, GLOBAL.length)) !== GLOBAL) throw refuse('it is no ar archive');
  let position = GLOBAL.length;
  for (let member = 0; member < MEMBERS && position < size; member++) {
    const header = await read(position, HEADER);
    const start = position + HEADER;
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, '');
    const length = /^\d{1,10}$/.exec(header.slice(48, 58).trimEnd())?.[0];
    if (header.length < HEADER || !header.endsWith('`\n') || length === undefined)
      throw refuse('a bad member header');
    const end = start + Number(length);
    if (end > size) throw refuse(`${name} is cut off`);
    if (member === 0 && (name !== 'debian-binary' || !(await read(start, 2)).startsWith('2.'))) {
      throw refuse('its format is not 2.x');
    }
    if (member > 0 && /^data\.tar(\.\w+)?$/.test(name)) return { start, end };
    if (member > 0 && !name.startsWith('_') && !/^control\.tar(\.\w+)?$/.test(name)) {
      throw refuse('a member that is not known');
    }
    position = end + (end % 2);
  }
  throw refuse('it has no data.tar');
}
