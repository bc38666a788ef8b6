import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { findProgram } from '../host/find-program.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { askVersion } from './program.ts';
import type { Found } from './source.ts';
import { isNewEnough, OLDEST } from './version.ts';

/** The ccache in PATH. Throws a UserError where there is none, or one that caches no back end. */
export async function findSystemCcache(host: Host): Promise<Found> {
  const program = findProgram('ccache', host.env.PATH, '/');
  const version = await askVersion(host, program);
  if (!isNewEnough(version)) {
    throw new UserError(
      `ccache ${version} of ${program} caches no back end (needs ${OLDEST}); set ccache to github or debian, which fetch one`,
    );
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(program), hash);
  return { version, source: 'system', program, digest: hash.digest('hex') };
}
