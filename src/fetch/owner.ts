import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const PATTERN = /^([0-9a-f]{8})-(\d{1,10})$/;

/** A name for this process, for files that must be known as left behind once it is dead: machine and process id. */
export function ownerTag(): string {
  return `${machineTag()}-${process.pid}`;
}

/** Whether a tag is of a process of this machine that is no more. False where that cannot be known. */
export function ownerIsGone(tag: string): boolean {
  const [, machine, pid] = PATTERN.exec(tag) ?? [];
  if (machine !== machineTag()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

// Process ids are known within one namespace: a container that shares the folder has others.
function machineTag(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // No /proc: the host name alone has to do.
  }
  return createHash('sha256').update(`${hostname()} ${namespace}`).digest('hex').slice(0, 8);
}
