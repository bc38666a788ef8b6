import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createBlobs } from './blobs.ts';
import { readBody, reply, type Server, serve } from './http.ts';
import { type BackendIds, readToken } from './runtime-token.ts';

const SERVICE = '/twirp/github.actions.results.api.v1.ArtifactService/';

/** An artifact that was finalized: its bytes had the size and the hash that the client gave. */
export interface StoredArtifact {
  readonly id: number;
  readonly name: string;
  readonly run: string;
  readonly job: string;
  readonly zip: Buffer;
  readonly sha256: string;
}

export interface ArtifactServer extends Server {
  readonly stored: readonly StoredArtifact[];
  /** The next calls (all, where `times` is absent) get an HTTP status, or a connection that is cut, or what is right. */
  fail(how: number | 'reset' | undefined, times?: number): void;
}

interface Pending {
  readonly blob: string;
  readonly ids: BackendIds;
}

/** GitHub's artifact service (version 4 and later) on loopback: Twirp with JSON, and the blobs behind it. */
export async function serveArtifacts(): Promise<ArtifactServer> {
  const blobs = createBlobs();
  const pending = new Map<string, Pending>();
  const stored: (StoredArtifact & { readonly path: string })[] = [];
  const paths = new Map<string, string>();
  let failure: number | 'reset' | undefined;
  let failures = 0;

  const calls = new Map<string, (body: Record<string, string>, ids: BackendIds) => unknown>([
    [
      'CreateArtifact',
      ({ name = '' }, ids) => {
        const key = JSON.stringify([ids, name]);
        if (stored.some((one) => one.name === name && one.run === ids.run)) {
          return new Refusal(
            409,
            'already_exists',
            'an artifact with this name already exists on the workflow run',
          );
        }
        if (!/^[^":<>|*?\r\n\\/]+$/.test(name)) return new Refusal(400, 'invalid_argument', 'invalid name');
        const blob = blobs.create();
        pending.set(key, { blob: blob.id, ids });
        paths.set(blob.id, blob.path);
        return { ok: true, signed_upload_url: `${server.url}${blob.path}` };
      },
    ],
    [
      'FinalizeArtifact',
      ({ name = '', size, hash }, ids) => {
        const entry = pending.get(JSON.stringify([ids, name]));
        const zip = entry === undefined ? undefined : blobs.content(entry.blob);
        if (entry === undefined || zip === undefined)
          return new Refusal(404, 'not_found', 'nothing was uploaded');
        const sha256 = createHash('sha256').update(zip).digest('hex');
        if (hash !== `sha256:${sha256}` || Number(size) !== zip.length) {
          return new Refusal(400, 'invalid_argument', `stored: ${zip.length} bytes, sha256:${sha256}`);
        }
        const path = paths.get(entry.blob) ?? '';
        stored.push({ id: stored.length + 1, name, ...ids, zip, sha256, path });
        return { ok: true, artifact_id: String(stored.length) };
      },
    ],
    [
      'ListArtifacts',
      ({ name_filter, id_filter }, ids) => ({
        artifacts: stored
          .filter((one) => one.run === ids.run)
          .filter((one) => name_filter === undefined || one.name === name_filter)
          .filter((one) => id_filter === undefined || one.id === Number(id_filter))
          .map((one) => ({
            workflow_run_backend_id: one.run,
            workflow_job_run_backend_id: one.job,
            database_id: String(one.id),
            name: one.name,
            size: String(one.zip.length),
            created_at: new Date().toISOString(),
            digest: `sha256:${one.sha256}`,
          })),
      }),
    ],
    [
      'GetSignedArtifactURL',
      ({ name }, ids) => {
        const found = stored.find((one) => one.name === name && one.run === ids.run);
        if (found === undefined) return new Refusal(404, 'not_found', 'no such artifact');
        return { name, signed_url: `${server.url}${found.path}` };
      },
    ],
  ]);

  const twirp = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const call = calls.get(url.pathname.slice(SERVICE.length));
    if (call === undefined) return reply(response, 404, { code: 'bad_route', msg: url.pathname });
    const ids = readToken(request);
    if (ids === undefined) return reply(response, 401, { code: 'unauthenticated', msg: 'invalid token' });
    const body = JSON.parse((await readBody(request, 1e6)).toString());
    const named = [body.workflow_run_backend_id, body.workflow_job_run_backend_id];
    if (named[0] !== ids.run || (named[1] !== ids.job && !url.pathname.includes('Signed'))) {
      return reply(response, 403, { code: 'permission_denied', msg: 'the token is for another run or job' });
    }
    const answer = call(body, ids);
    if (answer instanceof Refusal)
      return reply(response, answer.status, { code: answer.code, msg: answer.message });
    reply(response, 200, answer);
  };

  const server = await serve(async (request, response, url) => {
    const failing = failures > 0 ? failure : undefined;
    failures -= 1;
    if (failing === 'reset') return void request.socket.resetAndDestroy();
    if (failing !== undefined) return reply(response, failing, { code: 'internal', msg: 'failing as asked' });
    if (url.pathname.startsWith(SERVICE)) return twirp(request, response, url);
    if (url.pathname.startsWith('/blobs/')) return blobs.handle(request, response, url);
    reply(response, 404);
  });
  return {
    ...server,
    stored,
    fail(how, times = Number.POSITIVE_INFINITY) {
      failure = how;
      failures = times;
    },
  };
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
