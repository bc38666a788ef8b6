import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, isAlive, listPids, type ProcessEntry, readProcess, readText } from './processes.ts';

/** A variable that programs of this process inherit; by it a process is found that left session and parent. */
const MARKER_NAME = 'KERNEL_THINLTO_TREE';
const OWN = randomUUID();

/** What `TreeRoot.marker` finds: every marked program of this process, or those marked with `part`. */
export function markerOf(part = ''): string {
  return `${MARKER_NAME}=${OWN}${part}`;
}

/** An environment with the mark. */
export function marked(env: Readonly<Record<string, string>>, part = ''): Record<string, string> {
  return { ...env, [MARKER_NAME]: `${OWN}${part}` };
}

/** Milliseconds in which a tree is gone, SIGKILL and all; a process that hangs in the kernel is left to it. */
const LIMIT_MS = 4500;

/** How the processes of a tree are known. */
export interface TreeRoot {
  /** The tree's first process; its children are of the tree, also after it ended. */
  readonly pid: number;
  /** Whether that process is itself of the tree, and so are its session and its process group. */
  readonly included: boolean;
  /** How an entry of the environment begins that the whole tree has; see `markerOf`. */
  readonly marker?: string;
}

/**
 * Returns a function that lists the tree's living processes. What it has once found stays of the tree, so that a
 * process whose parent ended is not lost.
 */
export function watchTree(root: TreeRoot): () => readonly ProcessEntry[] {
  const members = new Set<string>();
  // Nothing that began before the root can be of its tree.
  const since = readProcess(root.pid)?.start ?? 0;
  const belongs = (entry: ProcessEntry): boolean => {
    if (members.has(identityOf(entry))) return true;
    if (entry.start < since) return false;
    if (root.included) {
      if (entry.pid === root.pid) return true;
      if (entry.session === root.pid || entry.group === root.pid) return true;
    }
    return root.marker !== undefined && hasMarker(entry.pid, root.marker);
  };
  return () => {
    const entries = listPids()
      .map(readProcess)
      .filter((entry): entry is ProcessEntry => entry !== undefined && entry.pid !== process.pid);
    const tree = new Map<number, ProcessEntry>();
    for (const entry of entries) if (belongs(entry)) tree.set(entry.pid, entry);
    for (let grown = true; grown; ) {
      grown = false;
      for (const entry of entries) {
        if (tree.has(entry.pid) || entry.pid === root.pid) continue;
        if (entry.parent !== root.pid && !tree.has(entry.parent)) continue;
        tree.set(entry.pid, entry);
        grown = true;
      }
    }
    for (const entry of tree.values()) members.add(identityOf(entry));
    return [...tree.values()].filter(isAlive);
  };
}

/**
 * Ends every process that `list` shows, also those that are born meanwhile: SIGTERM, and after `graceMs` SIGKILL.
 * Resolves when none is left, after 4.5 seconds at the latest.
 */
export async function endTree(list: () => readonly ProcessEntry[], graceMs: number): Promise<void> {
  const started = performance.now();
  const told = new Set<string>();
  const beyondReach = new Set<string>();
  for (;;) {
    const left = list().filter((entry) => !beyondReach.has(identityOf(entry)));
    const spent = performance.now() - started;
    if (left.length === 0 || spent > LIMIT_MS) return;
    const hard = spent >= graceMs;
    for (const entry of left) {
      const identity = identityOf(entry);
      if (!hard && told.has(identity)) continue;
      told.add(identity);
      if (!signalProcess(entry, hard ? 'SIGKILL' : 'SIGTERM')) beyondReach.add(identity);
    }
    await sleep(25);
  }
}

/** Ends all descendants of a process, but not the process itself. `graceMs` as in `endTree`. */
export async function endDescendants(pid: number, graceMs: number, marker?: string): Promise<void> {
  await endTree(watchTree({ pid, included: false, ...(marker !== undefined && { marker }) }), graceMs);
}

/** SIGKILL for all descendants of a process at once, for a second signal. */
export function killDescendants(pid: number, marker?: string): void {
  const list = watchTree({ pid, included: false, ...(marker !== undefined && { marker }) });
  for (const entry of list()) signalProcess(entry, 'SIGKILL');
}

/** Sends a signal unless the number now names another process. False where that is not allowed. */
function signalProcess(entry: ProcessEntry, signal: NodeJS.Signals): boolean {
  if (readProcess(entry.pid)?.start !== entry.start) return true;
  try {
    process.kill(entry.pid, signal);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM';
  }
  return true;
}

function hasMarker(pid: number, marker: string): boolean {
  return (
    readText(`/proc/${pid}/environ`)
      ?.split('\0')
      .some((entry) => entry.startsWith(marker)) ?? false
  );
}
