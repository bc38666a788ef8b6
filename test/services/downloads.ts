import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import path from 'node:path';
import { reply, type Server, serve } from './http.ts';

/** What a server does wrong, once. */
export type Fault =
  /** Breaks the connection after so many bytes of the body. */
  | { readonly cutAfter: number }
  /** Sends so many bytes of the body, and then nothing more. */
  | { readonly stallAfter: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Answers a Range request with the whole. */
  | { readonly ignoreRange: true }
  /** Announces, and sends, so many bytes fewer, or more where negative. */
  | { readonly shortBy: number };

export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Downloads extends Server {
  /** Every request so far. */
  readonly seen: Seen[];
  /** Faults to commit in the next requests of a path, one each. */
  readonly faults: Map<string, Fault[]>;
  /** How many times a path was asked for. */
  count(path: string): number;
}

/**
 * Serves the files of a folder below `/`, with ETag and Range. Where it has a folder `github`, with a folder for each
 * tag and the assets in it, GitHub's release API is at `/repos/llvm/llvm-project/releases`, and asset URLs begin with
 * `assetBase`. A file `<asset>.no-digest` beside an asset makes the API say no digest of it.
 */
export async function serveDownloads(folder: string, assetBase?: string): Promise<Downloads> {
  const seen: Seen[] = [];
  const faults = new Map<string, Fault[]>();
  const server = await serve(async (request, response, url) => {
    seen.push({ path: url.pathname, headers: request.headers });
    const fault = faults.get(url.pathname)?.shift();
    if (fault !== undefined && 'status' in fault) return reply(response, fault.status, '', fault.headers);
    const api = /^\/repos\/llvm\/llvm-project\/releases(?:\/tags\/([\w.-]+))?$/.exec(url.pathname);
    if (api !== null) {
      const base = assetBase ?? `http://${request.headers.host}`;
      const body = await releases(path.join(folder, 'github'), base, api[1], url.searchParams);
      return body === undefined ? reply(response, 404, { message: 'Not Found' }) : reply(response, 200, body);
    }
    const file = path.join(folder, path.normalize(decodeURIComponent(url.pathname)));
    const info = await stat(file).catch(() => undefined);
    if (!info?.isFile()) return reply(response, 404, 'not found');
    const tag = `"${createHash('sha256').update(`${info.size} ${info.mtimeMs}`).digest('hex').slice(0, 16)}"`;
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const condition = request.headers['if-range'];
    const ignored = fault !== undefined && 'ignoreRange' in fault;
    const start = range === undefined || ignored || (condition ?? tag) !== tag ? 0 : Number(range);
    if (start >= info.size && start > 0)
      return reply(response, 416, '', { 'content-range': `bytes */${info.size}` });
    await sendFile(response, file, { start, size: info.size, tag }, fault);
  });
  return { ...server, seen, faults, count: (name) => seen.filter((one) => one.path === name).length };
}

async function sendFile(
  response: ServerResponse,
  file: string,
  part: { readonly start: number; readonly size: number; readonly tag: string },
  fault: Fault | undefined,
): Promise<void> {
  const { start, size, tag } = part;
  const length = size - start - (fault !== undefined && 'shortBy' in fault ? fault.shortBy : 0);
  response.writeHead(start > 0 ? 206 : 200, {
    etag: tag,
    'content-length': String(length),
    ...(start > 0 && { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  });
  const stop =
    fault === undefined
      ? length
      : 'cutAfter' in fault
        ? fault.cutAfter
        : 'stallAfter' in fault
          ? fault.stallAfter
          : length;
  const gone = new Promise((resolve) => response.once('close', resolve));
  let sent = 0;
  for await (const chunk of createReadStream(file, { start })) {
    const kept = chunk.subarray(0, stop - sent);
    sent += kept.length;
    if (!response.write(kept))
      await Promise.race([new Promise((resolve) => response.once('drain', resolve)), gone]);
    if (sent >= stop || response.destroyed) break;
  }
  if (fault !== undefined && 'cutAfter' in fault) response.destroy();
  else if (fault === undefined || !('stallAfter' in fault)) {
    if (sent < length) response.write(Buffer.alloc(length - sent));
    response.end();
  }
}

async function releases(folder: string, base: string, tag: string | undefined, query: URLSearchParams) {
  const tags = (await readdir(folder).catch(() => [])).sort().reverse();
  if (tag !== undefined) return tags.includes(tag) ? release(folder, base, tag) : undefined;
  const count = Number(query.get('per_page') ?? 30);
  const from = (Number(query.get('page') ?? 1) - 1) * count;
  return Promise.all(tags.slice(from, from + count).map((one) => release(folder, base, one)));
}

async function release(folder: string, base: string, tag: string) {
  const names = await readdir(path.join(folder, tag));
  const assets = names.filter((name) => !name.endsWith('.no-digest'));
  return {
    tag_name: tag,
    draft: false,
    assets: await Promise.all(
      assets.map(async (name) => {
        const data = await readFile(path.join(folder, tag, name));
        return {
          name,
          size: data.length,
          digest: names.includes(`${name}.no-digest`) ? null : `sha256:${sha256(data)}`,
          browser_download_url: `${base}/github/${tag}/${name}`,
        };
      }),
    ),
  };
}

/** SHA-256 in hex. */
export function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}
