import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Diagnostic } from '../values/diagnostic.ts';
import { type Found, readDiagnostic } from './diagnostic-lines.ts';

export interface DiagnosticsSetting {
  /** Absolute, links resolved. */
  readonly source: string;
  /** Absolute; the folder in which the tools run. */
  readonly output: string;
  /** Whether a path, relative to the source tree, is there; asks the file system where absent. */
  readonly inTree?: (path: string) => boolean;
}

export interface DiagnosticsReader {
  /**
   * Takes one line of make's output (standard output and error mixed), without its end. Returns what was completed
   * by it and has not come before, in words that do not change any more.
   */
  line(text: string): readonly Diagnostic[];
  /** What is kept, in the order in which it came first. */
  end(): readonly Diagnostic[];
  /** How many came beside those kept, repetitions included. */
  dropped(): { readonly errors: number; readonly warnings: number };
}

const KEPT = 1000;
const LINE_LIMIT = 65536;
const MESSAGE_LIMIT = 2000;
const NOTES = 20;
const KCONFIG_MORE = /^(?:Depends on|Selected by|Implied by|symbol|choice) /;

type Folders = Required<DiagnosticsSetting>;
type Entry = { -readonly [K in keyof Diagnostic]: Diagnostic[K] } & {
  notes: string[];
  readonly order: number;
};

/**
 * Reads the warnings and errors of the tools of a kernel build out of make's output, line by line. The same message
 * about the same place is kept once and counted. Of more than 1000, errors are kept before warnings. What is kept is
 * plain text of one line, with colours and control characters taken out.
 */
export function createDiagnostics(folders: DiagnosticsSetting): DiagnosticsReader {
  const setting = { inTree: (path: string) => existsSync(join(folders.source, path)), ...folders };
  const levels: Record<'error' | 'warning', Map<string, Entry>> = { error: new Map(), warning: new Map() };
  const dropped = { errors: 0, warnings: 0 };
  let order = 0;
  /** The diagnostic that lines without a beginning of their own belong to; undefined for a repeated one. */
  let last: Entry | undefined;
  /** `last`, as long as following lines can add to its message. */
  let open: Entry | undefined;
  let includes: string[] = [];

  const add = (found: Found): Entry | undefined => {
    const entry = entryOf(found, setting, order++);
    const key = [entry.tool, entry.file, entry.line, entry.column, entry.target, entry.message].join('\0');
    const known = levels[entry.level].get(key);
    if (known !== undefined) {
      known.count += 1;
      return undefined;
    }
    if (levels.error.size + levels.warning.size >= KEPT) {
      const victim = entry.level === 'error' ? [...levels.warning.keys()].at(-1) : undefined;
      dropped.warnings += victim === undefined ? 0 : (levels.warning.get(victim)?.count ?? 0);
      if (victim === undefined) {
        if (entry.level === 'error') dropped.errors += 1;
        else dropped.warnings += 1;
        return undefined;
      }
      levels.warning.delete(victim);
    }
    levels[entry.level].set(key, entry);
    return entry;
  };

  const close = (): readonly Diagnostic[] => {
    const closed = open === undefined ? [] : [snapshot(open)];
    open = undefined;
    return closed;
  };

  return {
    line: (text) => {
      const line = plain(text);
      const include = /^(?:In file included from|\s+from) (.+?)[:,]$/.exec(line)?.[1];
      if (include !== undefined) {
        if (includes.length < NOTES) includes.push(`included from ${shortPlace(include, setting)}`);
        return close();
      }
      const found = readDiagnostic(line);
      if (found === undefined) {
        const continued = last !== undefined && continueWith(last, line, setting);
        return continued ? [] : close();
      }
      const closed = close();
      last = add(found);
      if (found.tool === 'clang' || found.tool === 'assembler') {
        last?.notes.push(...includes);
        includes = [];
      }
      open = last;
      return found.tool === 'lld' || found.tool === 'kconfig' ? closed : [...closed, ...close()];
    },
    end: () =>
      [...levels.error.values(), ...levels.warning.values()].sort((a, b) => a.order - b.order).map(snapshot),
    dropped: () => ({ ...dropped }),
  };
}

function snapshot({ order: _order, ...diagnostic }: Entry): Diagnostic {
  return { ...diagnostic, notes: [...diagnostic.notes] };
}

/**
 * The one error that explains a failed build best: the first one, where make's own lines come last of all, since
 * they only pass a failure on, and a driver's remark about its own child comes before them. A killed program is told
 * with the target that make was at. Undefined where there is no error.
 */
export function firstCause(diagnostics: readonly Diagnostic[]): Diagnostic | undefined {
  const errors = diagnostics.filter((one) => one.level === 'error');
  const rank = (one: Diagnostic) => {
    if (one.kind === 'killed') return 0;
    if (one.tool === 'make' && !one.message.startsWith('No rule to make target')) return 2;
    return isFollowUp(one) ? 1 : 0;
  };
  const cause = [0, 1, 2]
    .map((wanted) => errors.find((one) => rank(one) === wanted))
    .find((one) => one !== undefined);
  if (cause?.kind !== 'killed' || cause.target !== undefined) return cause;
  const target = errors.find((one) => one.tool === 'make' && one.target !== undefined)?.target;
  return target === undefined ? cause : { ...cause, target };
}

function isFollowUp(one: Diagnostic): boolean {
  return (
    (one.tool === 'clang' && one.file === undefined && /command failed|^no input files$/.test(one.message)) ||
    (one.tool === 'dtc' && /Input tree has errors|Unable to parse input tree/.test(one.message))
  );
}

function entryOf(found: Found, setting: Folders, order: number): Entry {
  const file = found.path === undefined ? undefined : treePath(found.path, setting);
  // A place outside the tree would be lost with the path.
  const elsewhere = file === undefined && found.path !== undefined && !/^<.*>$/.test(found.path);
  const place = elsewhere ? `${found.path}${found.line === undefined ? '' : `:${found.line}`}: ` : '';
  return {
    tool: found.tool,
    level: found.level,
    ...(found.kind !== undefined && { kind: found.kind }),
    message: `${place}${found.message}`.slice(0, MESSAGE_LIMIT),
    ...(file !== undefined && { file }),
    ...(file !== undefined && found.line !== undefined && { line: found.line }),
    ...(file !== undefined && found.column !== undefined && { column: found.column }),
    ...(found.flag !== undefined && { flag: found.flag }),
    ...(found.target !== undefined && { target: found.target.slice(0, MESSAGE_LIMIT) }),
    notes: [],
    count: 1,
    order,
  };
}

/** Adds what a following line says to a diagnostic, and tells whether it is of the kind that its tool lets follow. */
function continueWith(entry: Entry, line: string, setting: Folders): boolean {
  if (entry.tool === 'lld') {
    const more = /^>>>( *)(.+)$/.exec(line);
    if (more === null) return false;
    const joint = (more[1]?.length ?? 0) > 1 ? ' ' : '; ';
    entry.message = `${entry.message}${joint}${more[2]}`.slice(0, MESSAGE_LIMIT);
    return true;
  }
  if (entry.tool === 'kconfig') {
    const more = /^(?: {2}|\t)\s*(?:- )?(\S.*)$/.exec(line)?.[1];
    if (more === undefined || !(more.includes(' [=') || KCONFIG_MORE.test(more))) return false;
    entry.message = `${entry.message}; ${more}`.slice(0, MESSAGE_LIMIT);
    return true;
  }
  const note = /^([^:]+:\d+:\d+): note: (.+)$/.exec(line);
  if (note === null || (entry.tool !== 'clang' && entry.tool !== 'assembler')) return false;
  if (entry.notes.length < NOTES) {
    entry.notes.push(`${shortPlace(note[1] ?? '', setting)}: ${note[2]}`.slice(0, MESSAGE_LIMIT));
  }
  return true;
}

function plain(text: string): string {
  return text
    .slice(0, LINE_LIMIT)
    .replace(/\x1b\[[0-9;?]{0,32}[ -/]{0,4}[@-~]/g, '')
    .replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ')
    .trimEnd();
}

function shortPlace(place: string, setting: Folders): string {
  const match = /^([^:]+)(:.+)?$/.exec(place);
  const path = match?.[1] ?? place;
  return `${treePath(path, setting) ?? path}${match?.[2] ?? ''}`.slice(0, MESSAGE_LIMIT);
}

/**
 * A printed path, relative to the tree, where it names a file of the tree. Tools print absolute paths, paths from
 * the output folder in which they run, and (Kconfig) paths from the tree's top.
 */
function treePath(path: string, setting: Folders): string | undefined {
  const candidates = [posix.resolve(setting.output, path)];
  if (!path.startsWith('/')) candidates.push(posix.resolve(setting.source, path));
  for (const candidate of candidates) {
    const relative = posix.relative(setting.source, candidate);
    const inOutput = setting.output !== setting.source && `${candidate}/`.startsWith(`${setting.output}/`);
    if (relative === '' || relative === '..' || relative.startsWith('../') || inOutput) continue;
    if (setting.inTree(relative)) return relative;
  }
  return undefined;
}
