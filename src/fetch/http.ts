import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { getProxyUrl } from '@actions/http-client/lib/proxy';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import type { Host } from '../host/host.ts';
import { messageOf, UserError } from '../values/error.ts';

/** Why a transfer failed: the server has no such thing, cannot be reached, failed midway, or sent what is refused. */
type FailureKind = 'not-found' | 'unreachable' | 'transient' | 'refused';

/** How long to wait for a server; milliseconds. */
export interface Patience {
  /** Without a byte of an answer or a body. */
  readonly stall: number;
  /** Before the second try; doubled for each further one. */
  readonly backoff: number;
}

export const PATIENCE: Patience = { stall: 60_000, backoff: 1000 };

export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Readable;
}

const CONNECT_MS = 15_000;
const REDIRECTS = 5;
const TRIES: Readonly<Record<FailureKind, number>> = {
  'not-found': 1,
  refused: 1,
  unreachable: 2,
  transient: 5,
};
const RETRY_AFTER_LIMIT_S = 60;
const UNREACHABLE =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ENETDOWN|UND_ERR_CONNECT_TIMEOUT|UND_ERR_ABORTED|CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/;

/** Makes the error of a failed transfer. `retryAfter`: seconds that the server asked to wait. */
export function transferError(kind: FailureKind, message: string, retryAfter?: number): UserError {
  return new UserError(message, { cause: { kind, retryAfter } });
}

/** Whether a server answered that it does not have, or does not give out, what was asked for (404, 403, 410). */
export function isNotFound(error: unknown): boolean {
  return kindOf(error) === 'not-found';
}

/** Whether a server could not be reached, or did not deliver in several tries. */
export function isUnreachable(error: unknown): boolean {
  const kind = kindOf(error);
  return kind === 'unreachable' || kind === 'transient';
}

function kindOf(error: unknown): FailureKind | undefined {
  if (!(error instanceof UserError)) return undefined;
  return (error.cause as { kind?: FailureKind } | undefined)?.kind;
}

/**
 * Does `work` again where it failed for a reason that may pass: five tries where a server answers 429 or 5xx or breaks
 * off, two where it cannot be reached; counted anew after each advance of `reached`. Throws the last error; the reason of `host.signal` where that is aborted.
 */
export async function withRetries<T>(
  host: Host,
  patience: Patience,
  work: () => Promise<T>,
  reached: () => number = () => 0,
): Promise<T> {
  let best = 0;
  for (let attempt = 1; ; attempt++) {
    host.signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      host.signal.throwIfAborted();
      const kind = kindOf(error);
      if (reached() > best) attempt = 1;
      best = Math.max(best, reached());
      if (kind === undefined || attempt >= TRIES[kind]) throw error;
      const asked = ((error as UserError).cause as { retryAfter?: number }).retryAfter;
      const wait =
        kind === 'unreachable'
          ? patience.backoff / 2
          : Math.max(patience.backoff * 2 ** (attempt - 1), (asked ?? 0) * 1000);
      host.log.debug(`${messageOf(error)}; try ${attempt + 1} in ${wait} ms`);
      await sleep(wait, undefined, { signal: host.signal }).catch(() => host.signal.throwIfAborted());
    }
  }
}

/**
 * Asks for a URL (http or https), once, and follows redirects: never from https to http, and with an `authorization`
 * header only while the origin stays the same. Returns an answer of status 2xx or 416; throws a transfer error else.
 */
export async function openUrl(
  host: Host,
  url: string,
  headers: Readonly<Record<string, string>>,
  patience: Patience,
): Promise<HttpAnswer> {
  let target = urlOf(url, url);
  let sent: Readonly<Record<string, string>> = { 'user-agent': 'kernel-thinlto', ...headers };
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const answer = await ask(host, target, sent, patience);
    const { status } = answer;
    if ((status >= 200 && status < 300) || status === 416) return answer;
    answer.body.on('error', () => {}).destroy();
    const location = answer.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
      throw statusError(url, status, answer.headers);
    }
    const next = urlOf(url, location, target);
    if (target.protocol === 'https:' && next.protocol !== 'https:') {
      throw transferError('refused', `${url}: redirects from https to ${next.protocol}//, which is refused`);
    }
    if (next.origin !== target.origin) {
      sent = Object.fromEntries(Object.entries(sent).filter(([name]) => name !== 'authorization'));
    }
    target = next;
  }
  throw transferError('refused', `${url}: more than ${REDIRECTS} redirects`);
}

function urlOf(url: string, text: string, base?: URL): URL {
  const parsed = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed;
  throw transferError('refused', `${url}: '${text}' is not an http(s) URL`);
}

function statusError(url: string, status: number, headers: ReadonlyMap<string, string>): UserError {
  if (headers.get('x-ratelimit-remaining') === '0') {
    return transferError('refused', `${url}: the rate limit of this address is used up; set github-token`);
  }
  const kind =
    status === 429 || status === 408 || status >= 500
      ? 'transient'
      : [403, 404, 410].includes(status)
        ? 'not-found'
        : 'refused';
  const after = Number(headers.get('retry-after'));
  const seconds = Number.isFinite(after) ? Math.min(after, RETRY_AFTER_LIMIT_S) : undefined;
  return transferError(kind, `${url}: the server answered ${status}`, seconds);
}

async function ask(
  host: Host,
  url: URL,
  headers: Readonly<Record<string, string>>,
  patience: Patience,
): Promise<HttpAnswer> {
  // undici's own limits begin once a request is on its way; behind a proxy that hangs up it never is.
  const limit = new AbortController();
  const late = () => limit.abort(transferError('unreachable', `${url}: cannot be reached (no answer)`));
  const timer = setTimeout(late, CONNECT_MS + patience.stall);
  try {
    const answer = await request(url, {
      headers: { ...headers },
      dispatcher: dispatcherFor(url),
      headersTimeout: patience.stall,
      bodyTimeout: patience.stall,
      signal: AbortSignal.any([host.signal, limit.signal]),
    });
    const kept = Object.entries(answer.headers).map(
      ([name, value]) => [name, Array.isArray(value) ? (value[0] ?? '') : (value ?? '')] as const,
    );
    return { status: answer.statusCode, headers: new Map(kept), body: answer.body };
  } catch (error) {
    throw brokenTransfer(host, url.href, error);
  } finally {
    clearTimeout(timer);
  }
}

/** The transfer error for what a socket or a body threw. */
export function brokenTransfer(host: Host, url: string, error: unknown): unknown {
  if (host.signal.aborted) return host.signal.reason;
  if (error instanceof UserError) return error;
  const code = String((error as NodeJS.ErrnoException | undefined)?.code ?? '');
  const words = messageOf(error) || code;
  if (UNREACHABLE.test(code)) return transferError('unreachable', `${url}: cannot be reached (${words})`);
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return transferError('transient', `${url}: the transfer broke off (${words})`);
}

const dispatchers = new Map<string, Dispatcher>();

// HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as every @actions package takes them.
function dispatcherFor(url: URL): Dispatcher {
  const proxy = getProxyUrl(url)?.href ?? '';
  const known = dispatchers.get(proxy);
  if (known !== undefined) return known;
  const options = { connect: { timeout: CONNECT_MS } };
  const made = proxy === '' ? new Agent(options) : new ProxyAgent({ uri: proxy, ...options });
  dispatchers.set(proxy, made);
  return made;
}
