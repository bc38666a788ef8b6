import { Header, type HeaderData } from 'tar';

/** An entry of an archive that a test makes by hand, since no tool would make it. */
export interface TestEntry extends HeaderData {
  readonly content?: string | Buffer;
}

/** The bytes of a tar archive, as it stands: names and links are not looked at. */
export function tarOf(entries: readonly TestEntry[]): Buffer {
  const parts = entries.map(({ content = '', ...entry }) => {
    const data = Buffer.from(content);
    const header = new Header({ mode: 0o644, mtime: new Date(0), type: 'File', ...entry, size: data.length });
    const block = Buffer.alloc(512);
    if (header.encode(block, 0)) throw new Error(`${entry.path}: too long for a header`);
    return Buffer.concat([block, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** The bytes of an ar archive (deb(5)). */
export function arOf(members: readonly (readonly [name: string, data: Buffer])[]): Buffer {
  const parts = members.map(([name, data]) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(data.length).padEnd(10)}\`\n`;
    return Buffer.concat([Buffer.from(header), data, Buffer.alloc(data.length % 2, '\n')]);
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}
