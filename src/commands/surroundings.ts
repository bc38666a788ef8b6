import os from 'node:os';
import type { Surroundings } from '../request/read.ts';

/** What inputs are read against, here and now. */
export function surroundings(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  onGitHub: boolean,
): Surroundings {
  return {
    folder,
    nodeArch: process.arch,
    processors: os.availableParallelism(),
    onGitHub,
    githubToken: env.GITHUB_TOKEN || undefined,
  };
}
