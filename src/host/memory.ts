import path from 'node:path';
import { listPids, type ProcessEntry, readProcess, readText } from './processes.ts';

export interface Peak {
  readonly command: string;
  readonly bytes: number;
}

/**
 * Follows the memory of a process tree. `sample` looks once and is cheap: it reads the processes of the tree and
 * those it has not seen before, not the rest of the machine. `peak` tells the largest process so far.
 */
export function watchMemory(root: number): { sample(): void; peak(): Peak | undefined } {
  let foreign = new Set<number>();
  let tree = new Set<number>([root]);
  let pages = 0;
  let peak: Peak | undefined;
  return {
    sample() {
      const strangers = new Set<number>();
      const members = new Set<number>([root]);
      for (const pid of listPids()) {
        if (foreign.has(pid)) {
          strangers.add(pid);
          continue;
        }
        const entry = readProcess(pid);
        if (entry === undefined) continue;
        if (
          !tree.has(pid) &&
          entry.session !== root &&
          !tree.has(entry.parent) &&
          !members.has(entry.parent)
        ) {
          strangers.add(pid);
          continue;
        }
        members.add(pid);
        if (entry.pages <= pages) continue;
        pages = entry.pages;
        peak = describe(entry) ?? peak;
      }
      foreign = strangers;
      tree = members;
    },
    peak: () => peak,
  };
}

function describe(entry: ProcessEntry): Peak | undefined {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readText(`/proc/${entry.pid}/status`) ?? '')?.[1];
  if (kilobytes === undefined) return undefined;
  const args = readText(`/proc/${entry.pid}/cmdline`)?.split('\0') ?? [];
  const object = args[args.indexOf('-o') + 1];
  const program = path.basename(args[0] ?? '') || entry.command;
  const named = args.includes('-o') && object !== undefined && object.length < 200;
  return {
    command: named ? `${program} -o ${object}` : program,
    bytes: Number(kilobytes) * 1024,
  };
}

/**
 * Processes ended by the kernel's OOM killer so far: in this process's control group where it can be read
 * (cgroup v2, memory.events), else on the whole machine (/proc/vmstat). Undefined where neither is there.
 */
export function countOomKills(root = '/'): number | undefined {
  const own = /^0::(\/.*)$/m.exec(readText(path.join(root, 'proc/self/cgroup')) ?? '')?.[1];
  const events =
    own === undefined ? undefined : readText(path.join(root, 'sys/fs/cgroup', own, 'memory.events'));
  const count = /^oom_kill (\d+)$/m.exec(events ?? readText(path.join(root, 'proc/vmstat')) ?? '')?.[1];
  return count === undefined ? undefined : Number(count);
}
