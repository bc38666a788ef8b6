import { definedOf } from '../host/find-program.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import { versionSaid } from './version.ts';

const TIMEOUT_SECONDS = 30;
const OUTPUT_LIMIT = 65536;

/** The host's environment without a configuration of ccache, which it reads even to say its version, and may be wrong. */
export function plainEnv(host: Host): Readonly<Record<string, string>> {
  const others = Object.entries(definedOf(host.env)).filter(([name]) => !name.startsWith('CCACHE_'));
  return { ...Object.fromEntries(others), CCACHE_CONFIGPATH: '/dev/null' };
}

/** The version that a ccache says it is, with all its numbers. Throws a UserError where it does not run, or says none. */
export async function askVersion(host: Host, program: string): Promise<string> {
  const { code, stdout, stderr } = await host.run(program, ['--version'], {
    env: plainEnv(host),
    limit: OUTPUT_LIMIT,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const version = versionSaid(stdout);
  if (code === 0 && version !== undefined) return version;
  const said = (stderr || stdout).trim().split('\n', 1)[0]?.slice(0, 300) ?? '';
  throw new UserError(`ccache: ${program} does not tell its version (code ${code}) ${said}`.trim());
}
