import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, reply } from './http.ts';

/**
 * The part of Azure's blob service that the clients of artifacts and caches use: block blobs, put as one or as a list
 * of blocks, and read whole or by range. Access by an address with a signature, as GitHub hands it out.
 */
export interface Blobs {
  /** A new blob's path and query, good for writing and reading. */
  create(): { readonly id: string; readonly path: string };
  /** Its bytes once it is complete. */
  content(id: string): Buffer | undefined;
  /** Answers a request below `/blobs/`. */
  handle(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>;
}

interface Blob {
  readonly signature: string;
  readonly blocks: Map<string, Buffer>;
  content?: Buffer;
  type?: string;
}

const VERSION = { 'x-ms-version': '2025-01-05', 'x-ms-request-id': randomUUID() };

export function createBlobs(): Blobs {
  const blobs = new Map<string, Blob>();
  return {
    create() {
      const id = randomUUID();
      const signature = randomUUID();
      blobs.set(id, { signature, blocks: new Map() });
      return { id, path: `/blobs/${id}?sig=${signature}` };
    },
    content: (id) => blobs.get(id)?.content,
    async handle(request, response, url) {
      const blob = blobs.get(url.pathname.slice('/blobs/'.length));
      if (blob === undefined) return reply(response, 404);
      if (url.searchParams.get('sig') !== blob.signature) return reply(response, 403);
      if (request.method === 'PUT') {
        const refusal = put(blob, url, request, await readBody(request));
        if (refusal !== undefined)
          return reply(response, 400, '', { ...VERSION, 'x-ms-error-code': refusal });
        return reply(response, 201, '', {
          ...VERSION,
          etag: '"1"',
          'last-modified': new Date().toUTCString(),
        });
      }
      return send(blob, request, response);
    },
  };
}

/** Keeps what was put; else the service's code for what is wrong with it. */
function put(blob: Blob, url: URL, request: IncomingMessage, body: Buffer): string | undefined {
  const comp = url.searchParams.get('comp');
  const type = request.headers['x-ms-blob-content-type'];
  if (typeof type === 'string') blob.type = type;
  if (Number(request.headers['content-length']) !== body.length) return 'InvalidHeaderValue';
  if (comp === 'block') {
    const id = url.searchParams.get('blockid') ?? '';
    const [other = id] = blob.blocks.keys();
    // All ids of one blob have one length, of 64 bytes at most.
    if (id === '' || id.length !== other.length || Buffer.from(id, 'base64').length > 64) {
      return 'InvalidBlobOrBlock';
    }
    blob.blocks.set(id, body);
    return;
  }
  if (comp === 'blocklist') {
    const ids = [...body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]*)</g)];
    const parts = ids.map(([, id = '']) => blob.blocks.get(id)).filter((part) => part !== undefined);
    if (parts.length !== ids.length) return 'InvalidBlockList';
    blob.content = Buffer.concat(parts);
    return;
  }
  if (comp !== null || request.headers['x-ms-blob-type'] !== 'BlockBlob') return 'InvalidHeaderValue';
  blob.content = body;
  return;
}

async function send(blob: Blob, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { content } = blob;
  if (content === undefined) return reply(response, 404);
  const range = /^bytes=(\d+)-(\d*)$/.exec(
    request.headers['x-ms-range']?.toString() ?? request.headers.range ?? '',
  );
  const headers = {
    ...VERSION,
    etag: '"1"',
    'accept-ranges': 'bytes',
    'x-ms-blob-type': 'BlockBlob',
    'content-type': blob.type ?? 'application/octet-stream',
  };
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...headers, 'content-length': String(content.length) });
    response.end();
    return;
  }
  if (range === null) return reply(response, 200, content, headers);
  const from = Number(range[1]);
  const to = Math.min(range[2] ? Number(range[2]) : content.length - 1, content.length - 1);
  const part = content.subarray(from, to + 1);
  reply(response, 206, part, { ...headers, 'content-range': `bytes ${from}-${to}/${content.length}` });
}
