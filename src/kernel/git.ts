import type { Host } from '../host/host.ts';
import type { ProgramResult } from '../values/program.ts';

/** Settings of a stranger's repository that would start programs, write to it, or hide an edit. */
const SETTINGS = [
  // A container's checkout often belongs to another user, and is only read here.
  'safe.directory=*',
  'log.showSignature=false',
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.checkStat=default',
  'core.trustctime=true',
  'core.quotePath=false',
].flatMap((setting) => ['-c', setting]);

/** Runs git in a folder to read from its repository; nothing is written, not even the index. */
export function readGit(
  host: Pick<Host, 'run' | 'env'>,
  folder: string,
  args: readonly string[],
  limit: number,
): Promise<ProgramResult> {
  return host.run('git', ['--no-optional-locks', ...SETTINGS, '-C', folder, ...args], {
    env: plainEnvironment(host.env),
    limit,
    timeoutSeconds: 60,
  });
}

// Inside a git hook GIT_DIR and others would lead to the hook's repository instead of the tree's.
function plainEnvironment(env: Host['env']): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('GIT_'),
  );
  return Object.fromEntries(kept);
}
