import { readdirSync, readFileSync } from 'node:fs';

/** One process, as /proc/PID/stat shows it (proc_pid_stat(5)). */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly state: string;
  /** Clock ticks after boot; with the pid it names one process for good, since pids are used again. */
  readonly start: number;
  /** The program's name, cut at 15 characters by the kernel. */
  readonly command: string;
  /** Resident memory in pages. */
  readonly pages: number;
}

/** Reads one process; undefined where it is gone. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The name stands in parentheses and may hold any byte, parentheses and spaces too.
  const open = text?.indexOf('(') ?? -1;
  const close = text?.lastIndexOf(')') ?? -1;
  if (text === undefined || open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(' ');
  const number = (index: number) => Number(fields[index] ?? Number.NaN);
  return {
    pid,
    parent: number(1),
    group: number(2),
    session: number(3),
    state: fields[0] ?? '',
    start: number(19),
    command: text.slice(open + 1, close),
    pages: number(21),
  };
}

/** The pids of all processes that can be seen. */
export function listPids(): readonly number[] {
  const pids: number[] = [];
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first >= 0x31 && first <= 0x39) pids.push(Number(name));
  }
  return pids;
}

/** A file below /proc as text; undefined where the process is gone or belongs to somebody else. */
export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** One process for good, whatever becomes of its number. */
export function identityOf(entry: ProcessEntry): string {
  return `${entry.pid}@${entry.start}`;
}

/** Whether a process can still do something: a zombie only waits to be collected. */
export function isAlive(entry: ProcessEntry): boolean {
  return entry.state !== 'Z' && entry.state !== 'X';
}
