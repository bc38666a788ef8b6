import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import type { ToolchainRequest, ToolchainSource } from '../values/toolchain.ts';

/** A toolchain that a source put into the tool cache, or found there. */
export interface Fetched {
  /** Folder in the tool cache; the programs are in its `bin`. */
  readonly folder: string;
  /** `23.1.4`, `23.1.0-rc1`. */
  readonly version: string;
  readonly source: ToolchainSource;
  /** SHA-256 (hex) of the archive; for Debian, of the set of packages. */
  readonly digest: string;
  /** The inputs that get exactly this one again. */
  readonly pin: Readonly<Record<string, string>>;
}

/** What each source exports: gets the toolchain of a request; throws a UserError where it cannot. */
export type FetchToolchain = (host: Host, request: ToolchainRequest) => Promise<Fetched>;

/** The inputs that pin a toolchain of a source: version, source and digest, and the mirror and key where given. */
export function pinOf(
  request: ToolchainRequest,
  source: string,
  version: string,
  digest: string,
): Record<string, string> {
  return {
    'llvm-version': version,
    'llvm-source': source,
    'llvm-sha256': digest,
    ...(request.mirror !== undefined && { 'llvm-mirror': request.mirror }),
    ...(request.key !== undefined && { 'llvm-key': request.key }),
  };
}

/** Throws a UserError where the request names another digest than the source has. `what` names the fetched thing. */
export function checkDigest(request: ToolchainRequest, what: string, digest: string): void {
  if (request.sha256 === undefined || request.sha256 === digest) return;
  throw new UserError(`llvm-sha256: '${request.sha256}' was asked for, and ${what} has ${digest}`);
}
