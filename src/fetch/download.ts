import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import type { Host, Progress } from '../host/host.ts';
import { diskError } from './disk.ts';
import {
  brokenTransfer,
  type HttpAnswer,
  openUrl,
  PATIENCE,
  type Patience,
  transferError,
  withRetries,
} from './http.ts';
import { partOf, takeOver } from './part.ts';

export { isNotFound, isUnreachable } from './http.ts';

export interface DownloadOptions {
  /** Of the progress line. */
  readonly title: string;
  /** SHA-256 (lower-case hex) that the file must have. */
  readonly sha256?: string;
  /** Size that the file must have. */
  readonly bytes?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly patience?: Patience;
}

const BYTES_LIMIT = 16 * 2 ** 30;
const STEP = 1 << 20;

/** Gets a small thing (an index, an answer of an API) of at most `limit` bytes. Throws a UserError; retries as `download`. */
export async function fetchBytes(
  host: Host,
  url: string,
  options: { readonly limit: number; readonly headers?: Readonly<Record<string, string>> },
): Promise<Buffer> {
  return withRetries(host, PATIENCE, async () => {
    const answer = await openUrl(host, url, options.headers ?? {}, PATIENCE);
    const parts: Buffer[] = [];
    let size = 0;
    await consume(host, url, answer.body, async (part) => {
      size += part.length;
      if (size > options.limit)
        throw transferError('refused', `${url}: has more than ${options.limit} bytes`);
      parts.push(part);
    });
    return Buffer.concat(parts);
  });
}

/**
 * Downloads a URL to a file, with retries that go on where the last one stopped. What a killed run of the same file
 * and digest left is taken up, too. The file appears whole or not at all: a wrong digest or size is a UserError that
 * names the URL, what was expected and what came, and leaves nothing.
 */
export async function download(
  host: Host,
  url: string,
  file: string,
  options: DownloadOptions,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const folder = path.dirname(file);
  // Named by what it is to become, so that a later run finds it.
  const stem = options.sha256 ?? path.basename(file);
  const part = partOf(folder, stem);
  const progress = host.progress(options.title, 'bytes');
  let keep = false;
  try {
    await mkdir(folder, { recursive: true });
    const inherited = options.sha256 !== undefined && (await takeOver(folder, stem, part));
    const handle = await open(part, inherited ? 'r+' : 'w+');
    try {
      const got = await transfer(host, url, { handle, part, progress, inherited }, options);
      await handle.truncate(got.bytes);
      await rename(part, file);
      return got;
    } catch (error) {
      // A later run can go on from a part only where a digest will tell whether it was good.
      keep = options.sha256 !== undefined && (host.signal.aborted || isPassing(error));
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw diskError(folder, error);
  } finally {
    progress.end();
    if (!keep) await rm(part, { force: true });
  }
}

interface Target {
  readonly handle: FileHandle;
  readonly part: string;
  readonly progress: Progress;
  readonly inherited: boolean;
}

/** What is on disk so far. `validator` is the server's name for the version of the file that it comes from. */
interface State {
  bytes: number;
  hash: Hash;
  validator: string | undefined;
  /** Whether it was put together from more than one transfer. */
  mended: boolean;
}

async function transfer(host: Host, url: string, target: Target, options: DownloadOptions) {
  const state: State = { bytes: 0, hash: createHash('sha256'), validator: undefined, mended: false };
  if (target.inherited) await readBack(target.part, state, options.bytes ?? BYTES_LIMIT);
  let restarted = false;
  const work = async () => {
    for (;;) {
      const digest = () => state.hash.copy().digest('hex');
      // A killed run may have left the whole file.
      const isWhole = state.mended && (state.bytes === options.bytes || digest() === options.sha256);
      if (!isWhole) await attempt(host, url, target, options, state);
      const sha256 = digest();
      if (options.sha256 === undefined || sha256 === options.sha256) return { sha256, bytes: state.bytes };
      // Pieces of two versions of a file, or of a disk that lost some: from the start, once.
      if (!state.mended || restarted) throw wrongDigest(url, options.sha256, sha256);
      restarted = true;
      await restart(target, state);
    }
  };
  // A line that breaks often, but brings something each time, gets there in the end.
  return withRetries(host, options.patience ?? PATIENCE, work, () => Math.floor(state.bytes / STEP));
}

function wrongDigest(url: string, expected: string, got: string) {
  return transferError(
    'refused',
    `${url}: SHA-256 should be ${expected}, and what came has ${got}; it was thrown away: try again, or take another source`,
  );
}

/** One request: goes on from what is there where the server can, else from the start. */
async function attempt(
  host: Host,
  url: string,
  target: Target,
  options: DownloadOptions,
  state: State,
): Promise<void> {
  const resume = state.bytes > 0 && (state.validator !== undefined || options.sha256 !== undefined);
  if (!resume) await restart(target, state);
  const headers = {
    ...options.headers,
    ...(resume && { range: `bytes=${state.bytes}-` }),
    ...(resume && state.validator !== undefined && { 'if-range': state.validator }),
  };
  const answer = await openUrl(host, url, headers, options.patience ?? PATIENCE);
  const discard = () => answer.body.on('error', () => {}).destroy();
  const total = totalOf(answer);
  if (resume && (answer.status === 416 || (answer.status === 206 && startOf(answer) !== state.bytes))) {
    discard();
    await restart(target, state);
    throw transferError('transient', `${url}: the server could not go on from where the transfer broke off`);
  }
  if (answer.status !== 206 && state.bytes > 0) await restart(target, state);
  const limit = options.bytes ?? BYTES_LIMIT;
  if (total !== undefined && (total > limit || (options.bytes !== undefined && total < options.bytes))) {
    discard();
    throw wrongSize(url, options.bytes, total);
  }
  state.validator = validatorOf(answer);
  state.mended ||= state.bytes > 0;
  await consume(host, url, answer.body, async (part) => {
    if (state.bytes + part.length > limit) throw wrongSize(url, options.bytes, undefined);
    await writeAll(target.handle, part, state.bytes);
    state.hash.update(part);
    state.bytes += part.length;
    target.progress.update(state.bytes, options.bytes ?? total);
  });
  if (options.bytes === undefined || state.bytes === options.bytes) return;
  // Without a Content-Length the end of a body and a broken connection look the same.
  throw transferError('transient', `${url}: should have ${options.bytes} bytes, and ${state.bytes} came`);
}

function wrongSize(url: string, expected: number | undefined, got: number | undefined) {
  const came = got === undefined ? 'more came' : `the server has ${got}`;
  const bound = expected === undefined ? `at most ${BYTES_LIMIT}` : String(expected);
  return transferError('refused', `${url}: should have ${bound} bytes, and ${came}; nothing of it was kept`);
}

/** Size of the whole file, where the answer says it. */
function totalOf(answer: HttpAnswer): number | undefined {
  const whole =
    answer.status === 206
      ? /^bytes \d+-\d+\/(\d{1,15})$/.exec(answer.headers.get('content-range') ?? '')?.[1]
      : /^(\d{1,15})$/.exec(answer.headers.get('content-length') ?? '')?.[1];
  return whole === undefined ? undefined : Number(whole);
}

function startOf(answer: HttpAnswer): number {
  return Number(/^bytes (\d{1,15})-/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? -1);
}

// RFC 9110, 13.1.5: If-Range takes a strong ETag or a date.
function validatorOf(answer: HttpAnswer): string | undefined {
  const etag = answer.headers.get('etag');
  return etag?.startsWith('"') ? etag : answer.headers.get('last-modified');
}

async function consume(
  host: Host,
  url: string,
  body: Readable,
  take: (part: Buffer) => Promise<void>,
): Promise<void> {
  const parts = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await parts.next().catch((error: unknown) => {
        throw brokenTransfer(host, url, error);
      });
      if (next.done) return;
      await take(next.value);
    }
  } finally {
    body.on('error', () => {}).destroy();
  }
}

async function writeAll(handle: FileHandle, part: Buffer, position: number): Promise<void> {
  for (let at = 0; at < part.length; ) {
    at += (await handle.write(part, at, part.length - at, position + at)).bytesWritten;
  }
}

async function restart(target: Target, state: State): Promise<void> {
  await target.handle.truncate(0);
  Object.assign(state, { bytes: 0, hash: createHash('sha256'), validator: undefined, mended: false });
}

async function readBack(part: string, state: State, limit: number): Promise<void> {
  for await (const chunk of createReadStream(part, { end: limit - 1 })) {
    state.hash.update(chunk);
    state.bytes += chunk.length;
  }
  state.mended = true;
}

function isPassing(error: unknown): boolean {
  const kind = ((error as Error | undefined)?.cause as { kind?: string } | undefined)?.kind;
  return kind === 'transient' || kind === 'unreachable';
}
