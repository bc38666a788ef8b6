import { messageOf } from '../values/error.ts';
import { inGroup, type Log } from './host.ts';

/** Stores files below `root` as one artifact of the run. What fails is a warning: the build does not. */
export async function uploadArtifact(
  log: Log,
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  files: readonly string[],
  root: string,
): Promise<void> {
  const artifact = artifactName(name);
  if (!env.ACTIONS_RUNTIME_TOKEN || !env.ACTIONS_RESULTS_URL) {
    log.info(`Artifact ${artifact}: this runner has no artifact service; the files stay in ${root}`);
    return;
  }
  await inGroup({ log }, `Artifact ${artifact}`, async () => {
    try {
      // Loaded here, so that nothing else carries it.
      const { DefaultArtifactClient } = await import('@actions/artifact');
      await new DefaultArtifactClient().uploadArtifact(artifact, [...files], root);
    } catch (error) {
      const cause = messageOf(error).split('\n', 1)[0];
      log.warning(`Artifact ${artifact} is missing: its upload failed (${cause}); the files are in ${root}`);
    }
  });
}

/** A name that the artifact service takes: none of `" : < > | * ? \ /`, no control character, not too long. */
export function artifactName(name: string): string {
  const taken = name
    .replace(/[":<>|*?\\/\p{C}]+/gu, '-')
    .trim()
    .slice(0, 200);
  return taken === '' ? 'kernel-thinlto' : taken;
}
