import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The run and the job that a token is for, as the services name them. */
export interface BackendIds {
  readonly run: string;
  readonly job: string;
}

/** A branch whose cache entries a token is good for; 1 reads, 2 writes, 3 does both. */
export interface CacheScope {
  readonly Scope: string;
  readonly Permission: 1 | 2 | 3;
}

const KEY = randomUUID();
const MAIN: CacheScope = { Scope: 'refs/heads/main', Permission: 3 };

/**
 * A token such as a runner gets for the services: a JWT whose scope names run and job, and whose claim `ac` names the
 * branches of the cache, the run's own first.
 */
export function runtimeToken(
  ids: BackendIds = { run: randomUUID(), job: randomUUID() },
  scopes: readonly CacheScope[] = [MAIN],
): string {
  const claims = {
    nameid: '00000000-0000-0000-0000-000000000000',
    scp: `Actions.ExampleScope Actions.Results:${ids.run}:${ids.job}`,
    ac: JSON.stringify(scopes),
    exp: Math.floor(Date.now() / 1000) + 3600,
  };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${sign(signed)}`;
}

/** What the bearer token of a request is good for; undefined where it is none of ours, or too old. */
export function readToken(request: IncomingMessage): BackendIds | undefined {
  const { scp = '', exp = 0 } = readClaims(request) ?? {};
  const [, run, job] = /(?:^| )Actions\.Results:([^: ]+):([^: ]+)(?: |$)/.exec(scp) ?? [];
  return exp * 1000 > Date.now() && run !== undefined && job !== undefined ? { run, job } : undefined;
}

/** The branches of the cache that a token which `readToken` takes is good for. */
export function readCacheScopes(request: IncomingMessage): readonly CacheScope[] {
  return JSON.parse(readClaims(request)?.ac ?? '[]');
}

function readClaims(request: IncomingMessage): { scp: string; ac: string; exp: number } | undefined {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const [head = '', body = '', signature = ''] = token.split('.');
  if (signature !== sign(`${head}.${body}`)) return undefined;
  return JSON.parse(Buffer.from(body, 'base64url').toString());
}

function sign(text: string): string {
  return createHmac('sha256', KEY).update(text).digest('base64url');
}
