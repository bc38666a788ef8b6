import type { IncomingMessage, ServerResponse } from 'node:http';
import { createBlobs } from './blobs.ts';
import { readBody, reply, type Server, serve } from './http.ts';
import { type CacheScope, readCacheScopes, readToken } from './runtime-token.ts';

const SERVICE = '/twirp/github.actions.results.api.v1.CacheService/';

/** The requests of a client, by what they are for. */
export type CacheRequestKind = 'lookup' | 'reserve' | 'upload' | 'finalize' | 'download';

/**
 * What goes wrong: a status, with or without Retry-After; a connection that is cut at once, or in the middle of the
 * answer (of the request, for an upload); no answer, or no end of it; a byte now and then; a 200 whose body is not what was asked for; another answer.
 */
export type CacheFault =
  | { readonly status: number; readonly retryAfter?: number }
  | 'reset'
  | 'reset in the middle'
  | 'stall'
  | 'stall in the middle'
  | 'trickle'
  | 'broken'
  | { readonly answer: unknown };

export interface StoredEntry {
  readonly key: string;
  readonly version: string;
  readonly scope: string;
  readonly content: Buffer;
  /** Where it is downloaded. */
  readonly url: string;
}

export interface CacheService extends Server {
  /** Entries that were finalized, oldest first. */
  readonly stored: readonly StoredEntry[];
  /** Every request, in order. */
  readonly requests: readonly CacheRequestKind[];
  /** Block lists that were committed. */
  readonly blockLists: number;
  /** Requests of a kind fail from now on; none where `how` is absent. */
  fail(kind: CacheRequestKind, how?: CacheFault): void;
  /** Address of the blobs; another one than the service's must come back to it, as through a proxy. */
  blobBase: string;
}

interface Entry {
  readonly id: number;
  readonly key: string;
  readonly version: string;
  readonly scope: string;
  readonly blob: string;
  readonly path: string;
  finalized: boolean;
}

/** GitHub's cache service (version 2) on loopback: Twirp with JSON, and the blobs behind it. */
export async function serveCache(): Promise<CacheService> {
  const blobs = createBlobs();
  const entries: Entry[] = [];
  const requests: CacheRequestKind[] = [];
  const faults = new Map<CacheRequestKind, CacheFault>();
  let blockLists = 0;

  const same = (entry: Entry, key: unknown, version: unknown, scope: string | undefined) =>
    entry.key === key && entry.version === version && entry.scope === scope;

  const reserve = (body: Body, scopes: readonly CacheScope[]) => {
    const { key = '', version = '' } = body;
    const own = scopes[0];
    if (!/^[^,]{1,512}$/.test(key) || !/^[0-9a-f]{64}$/.test(version)) {
      return new Refusal(400, 'invalid_argument', 'invalid key or version');
    }
    if (own === undefined || (own.Permission & 2) === 0) {
      return { ok: false, message: 'cache write denied: the token of this run is read-only' };
    }
    if (entries.some((entry) => same(entry, key, version, own.Scope))) {
      const message = 'cache entry with the same key, version, and scope already exists';
      return new Refusal(409, 'already_exists', message);
    }
    const blob = blobs.create();
    const scope = own.Scope;
    entries.push({
      id: entries.length + 1,
      key,
      version,
      scope,
      blob: blob.id,
      path: blob.path,
      finalized: false,
    });
    return { ok: true, signed_upload_url: `${service.blobBase}${blob.path}` };
  };

  const finalize = ({ key, version, size_bytes }: Body, scopes: readonly CacheScope[]) => {
    const entry = entries.find((one) => same(one, key, version, scopes[0]?.Scope) && !one.finalized);
    const content = entry && blobs.content(entry.blob);
    if (entry === undefined || content === undefined) {
      return new Refusal(404, 'not_found', 'nothing was uploaded for this entry');
    }
    if (String(content.length) !== String(size_bytes)) {
      const message = `the size of the entry is ${content.length}, not ${size_bytes}`;
      return new Refusal(400, 'invalid_argument', message);
    }
    entry.finalized = true;
    return { ok: true, entry_id: String(entry.id) };
  };

  const lookup = ({ key = '', restore_keys = [], version }: Body, scopes: readonly CacheScope[]) => {
    const readable = scopes.filter(({ Permission }) => (Permission & 1) !== 0);
    if (readable.length === 0) {
      return new Refusal(403, 'permission_denied', 'cache read denied: the token has no readable scope');
    }
    if (restore_keys.length > 9) return new Refusal(400, 'invalid_argument', 'more than 10 keys');
    const tests = [
      (entry: Entry) => entry.key === key,
      ...[key, ...restore_keys].map((prefix) => (entry: Entry) => entry.key.startsWith(prefix)),
    ];
    for (const { Scope } of readable) {
      const visible = entries.filter(
        (one) => one.finalized && one.scope === Scope && one.version === version,
      );
      for (const test of tests) {
        const found = visible.findLast(test);
        if (found === undefined) continue;
        return { ok: true, signed_download_url: `${service.blobBase}${found.path}`, matched_key: found.key };
      }
    }
    return { ok: false };
  };

  const calls = new Map<string, [CacheRequestKind, (body: Body, scopes: readonly CacheScope[]) => unknown]>([
    ['CreateCacheEntry', ['reserve', reserve]],
    ['FinalizeCacheEntryUpload', ['finalize', finalize]],
    ['GetCacheEntryDownloadURL', ['lookup', lookup]],
  ]);

  const twirp = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    if (readToken(request) === undefined)
      return reply(response, 401, { code: 'unauthenticated', msg: 'invalid token' });
    const [kind, call] = calls.get(url.pathname.slice(SERVICE.length)) ?? [];
    if (kind === undefined || call === undefined || request.method !== 'POST') {
      return reply(response, 404, { code: 'bad_route', msg: url.pathname });
    }
    requests.push(kind);
    const fault = faults.get(kind);
    if (fault !== undefined) return fail(fault, request, response);
    const body: Body = JSON.parse((await readBody(request, 1e6)).toString());
    const answer = call(body, readCacheScopes(request));
    if (answer instanceof Refusal)
      return reply(response, answer.status, { code: answer.code, msg: answer.message });
    reply(response, 200, answer);
  };

  const blob = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const kind = request.method === 'PUT' ? 'upload' : 'download';
    requests.push(kind);
    const fault = request.method === 'HEAD' ? undefined : faults.get(kind);
    if (fault !== undefined) return fail(fault, request, response);
    const entry = entries.find(({ path }) => path.startsWith(url.pathname));
    if (kind === 'upload' && entry?.finalized) return reply(response, 403);
    if (url.searchParams.get('comp') === 'blocklist') blockLists += 1;
    return blobs.handle(request, response, url);
  };

  const server = await serve((request, response, url) => {
    if (url.pathname.startsWith(SERVICE)) return twirp(request, response, url);
    if (url.pathname.startsWith('/blobs/')) return blob(request, response, url);
    reply(response, 404);
  });
  const service: CacheService = {
    ...server,
    requests,
    blobBase: server.url,
    get stored() {
      return entries
        .filter(({ finalized }) => finalized)
        .map(({ key, version, scope, blob, path }) => ({
          url: `${service.blobBase}${path}`,
          key,
          version,
          scope,
          content: blobs.content(blob) ?? Buffer.alloc(0),
        }));
    },
    get blockLists() {
      return blockLists;
    },
    fail(kind, how) {
      if (how === undefined) faults.delete(kind);
      else faults.set(kind, how);
    },
  };
  return service;
}

interface Body {
  readonly key?: string;
  readonly version?: string;
  readonly size_bytes?: string;
  readonly restore_keys?: readonly string[];
}

function fail(fault: CacheFault, request: IncomingMessage, response: ServerResponse): void {
  if (fault === 'stall') return;
  if (fault === 'reset') return void request.socket.resetAndDestroy();
  if (fault === 'broken') {
    reply(response, 200, Buffer.alloc(300_000, '<html>'));
    return;
  }
  if (typeof fault === 'object') {
    const after = 'answer' in fault ? undefined : fault.retryAfter;
    const body = 'answer' in fault ? fault.answer : { code: 'internal', msg: 'failing as asked' };
    const headers: Record<string, string> = after === undefined ? {} : { 'retry-after': String(after) };
    reply(response, 'answer' in fault ? 200 : fault.status, body, headers);
    return;
  }
  if (fault === 'trickle') {
    response.writeHead(200, { 'content-length': '1000000' });
    const timer = setInterval(() => response.write('1'), 200);
    response.on('close', () => clearInterval(timer));
    return;
  }
  const then = () => (fault === 'stall in the middle' ? undefined : request.socket.resetAndDestroy());
  if (request.method === 'PUT') {
    request.once('data', () => {
      request.pause();
      then();
    });
    return;
  }
  response.writeHead(200, { 'content-length': '1000000', 'content-type': 'application/octet-stream' });
  response.write(Buffer.alloc(200_000, 1), () => setTimeout(then, 50));
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
