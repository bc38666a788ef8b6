import { UserError } from '../values/error.ts';
import { endDescendants, killDescendants, markerOf } from './process-tree.ts';
import { GRACE_MS } from './supervise.ts';

/** What a shell gives for a program that the signal ended. */
const EXIT_CODES = new Map<NodeJS.Signals, number>([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
]);
/** Milliseconds after a signal at which the program ends, whatever it still waits for. */
const LIMIT_MS = 4900;

export interface Cancel {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; its reason is a UserError. */
  readonly signal: AbortSignal;
  /** Waits until the children are gone, where there was a signal: the exit code for it, else undefined. */
  finish(): Promise<number | undefined>;
}

/**
 * Listens to the signals that ask this program to end. The first aborts the work and ends all child processes; a
 * second one kills them and ends the program at once.
 */
export function cancelOnSignals(): Cancel {
  const controller = new AbortController();
  let code: number | undefined;
  let ending: Promise<void> | undefined;
  const listen = (name: NodeJS.Signals, exitCode: number) => {
    process.on(name, () => {
      if (code !== undefined) {
        killDescendants(process.pid, markerOf());
        process.exit(exitCode);
      }
      code = exitCode;
      process.exitCode = exitCode;
      controller.abort(new UserError(`Cancelled by ${name}`));
      ending = endDescendants(process.pid, GRACE_MS, markerOf());
      setTimeout(() => process.exit(exitCode), LIMIT_MS).unref();
    });
  };
  for (const [name, exitCode] of EXIT_CODES) listen(name, exitCode);
  return {
    signal: controller.signal,
    async finish() {
      await ending;
      return code;
    },
  };
}
