import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Server {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  readonly url: string;
  /** Ends open connections too. */
  close(): Promise<void>;
}

export type Handler = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  url: URL,
) => Promise<void> | void;

/** Serves on loopback, at a port that is free. What a handler throws is a 500 with its message. */
export async function serve(handler: Handler): Promise<Server> {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    Promise.resolve()
      .then(() => handler(request, response, url))
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else reply(response, 500, `${error instanceof Error ? error.stack : String(error)}`);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The whole body of a request; throws over `limit` bytes. */
export async function readBody(request: http.IncomingMessage, limit = 256 * 1024 * 1024): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > limit) throw new Error(`the body is larger than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Answers with text or bytes, or a value as JSON. */
export function reply(
  response: http.ServerResponse,
  status: number,
  body: unknown = '',
  headers: Readonly<Record<string, string>> = {},
): void {
  const plain = typeof body === 'string' || Buffer.isBuffer(body);
  const data = plain ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': plain ? 'application/octet-stream' : 'application/json',
    'content-length': String(Buffer.byteLength(data)),
    ...headers,
  });
  response.end(data);
}
