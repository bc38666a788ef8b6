import path from 'node:path';
import { type ByteSource, readBytes, withFile } from '../suffix/bytes.ts';
import { UserError } from '../values/error.ts';

const MAGIC = '!<thin>\n';
const HEADER = 60;
// Names and headers only: about a hundred bytes an object, and a symbol index.
const ARCHIVE_LIMIT = 512 * 1024 * 1024;

/**
 * The members of a thin archive as paths relative to the output folder, in their order.
 * The format is GNU ar's (https://sourceware.org/binutils/docs/binutils/ar.html; LLVM's Object/Archive.cpp): a
 * header of 60 bytes for each member, of which only the tables `/`, `/SYM64/` and `//` are followed by content, and
 * names in the table `//` that are relative to the archive's own folder.
 * Throws a UserError for a file that is none, is damaged, or names what is not below the output folder.
 */
export function thinArchiveMembers(output: string, archive: string): readonly string[] {
  return withFile(path.join(output, archive), (source) =>
    memberNames(source).map((name) => below(source, path.posix.dirname(archive), name)),
  );
}

function memberNames(source: ByteSource): readonly string[] {
  if (source.size > ARCHIVE_LIMIT) throw damaged(source, `it has ${source.size} bytes`);
  const bytes = readBytes(source, 0, source.size);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw damaged(source, 'it does not start as one');
  let table = bytes.subarray(0, 0);
  const names: string[] = [];
  for (let at = MAGIC.length; at < bytes.length; ) {
    if (at + HEADER > bytes.length) throw damaged(source, `a header at byte ${at} is cut off`);
    const field = bytes.toString('latin1', at, at + 16).trimEnd();
    const size = Number(bytes.toString('latin1', at + 48, at + 58).trimEnd());
    if (!Number.isSafeInteger(size) || size < 0)
      throw damaged(source, `a size at byte ${at + 48} is no number`);
    at += HEADER;
    if (field === '/' || field === '//' || field === '/SYM64/') {
      if (at + size > bytes.length) throw damaged(source, `a table at byte ${at} is cut off`);
      if (field === '//') table = bytes.subarray(at, at + size);
      at += size + (size & 1);
    } else {
      names.push(nameOf(source, table, field));
    }
  }
  return names;
}

function nameOf(source: ByteSource, table: Buffer, field: string): string {
  const long = /^\/([0-9]{1,15})$/.exec(field);
  if (long === null) return field.replace(/\/$/, '');
  const start = Number(long[1]);
  const end = table.indexOf('/\n', start, 'latin1');
  if (end === -1 || end - start > 4096) throw damaged(source, `the name ${field} is not in it`);
  return table.toString('utf8', start, end);
}

function below(source: ByteSource, folder: string, name: string): string {
  const object = path.posix.join(folder, name);
  const climbs = object === '..' || object.startsWith('../') || path.posix.isAbsolute(name);
  if (climbs || object === '.' || /[\0\n]/.test(object)) {
    throw damaged(source, `its member ${JSON.stringify(name)} is not below the output folder`);
  }
  return object;
}

function damaged(source: ByteSource, why: string): UserError {
  return new UserError(`${source.name}: cannot be read as a thin archive: ${why}; build vmlinux again`);
}
