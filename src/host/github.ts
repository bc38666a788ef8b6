import { statSync } from 'node:fs';
import * as core from '@actions/core';
import { messageOf } from '../values/error.ts';
import { chooseAnnotations, LEVELS } from './annotations.ts';
import { uploadArtifact } from './artifacts.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { openCacheFolder, setToolFolders } from './folders.ts';
import type { Annotation, DoorHost, Log } from './host.ts';
import { ownCommand } from './own-command.ts';
import { createRun } from './programs.ts';
import { lineProgress } from './progress.ts';
import { createSupervise } from './supervise.ts';
import { harmless } from './text.ts';

export interface GithubSettings {
  /** The runner's; gets RUNNER_TOOL_CACHE and RUNNER_TEMP where it did not set them. */
  readonly env: Record<string, string | undefined>;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

// GitHub shows so many annotations of a level a step, and drops the rest without a word.
const ANNOTATIONS = 10;
// A job summary that is larger is refused as a whole.
const SUMMARY_BYTES = 1024 * 1024;

/** The host of a GitHub runner: one log, whose lines cannot be taken for commands, and workflow commands of our own. */
export function githubHost({ env, signal, clock = SYSTEM_CLOCK }: GithubSettings): DoorHost {
  setToolFolders(env);
  const write = (line: string) => core.info(harmless(line));
  const annotations = createAnnotations();
  const log: Log = {
    ...createLog(write),
    warning(line) {
      write(`Warning: ${line}`);
      annotations.hold({ level: 'warning', message: line });
    },
  };
  let cacheFolder: string | undefined;
  return {
    log,
    progress: lineProgress(write, clock),
    run: createRun(signal, env),
    self: ownCommand(),
    supervise: createSupervise(signal, env),
    env,
    signal,
    get cacheFolder() {
      cacheFolder ??= openCacheFolder(env);
      return cacheFolder;
    },
    result(text) {
      for (const line of text.replace(/\n$/, '').split('\n')) write(line);
    },
    annotate: annotations.show,
    summary: (markdown) => writeSummary(log, env.GITHUB_STEP_SUMMARY, markdown),
    setOutputs(values) {
      for (const [name, value] of Object.entries(values)) core.setOutput(name, value);
    },
    uploadArtifact: (name, files, root) => uploadArtifact(log, env, name, files, root),
  };
}

function createLog(write: (line: string) => void): Omit<Log, 'warning'> {
  // Groups do not nest on GitHub: an inner one ends the outer, and what the outer still says is not folded.
  let current: symbol | undefined;
  const openGroup = (title: string) => {
    if (current !== undefined) core.endGroup();
    const group = Symbol();
    current = group;
    core.startGroup(harmless(title));
    return () => {
      if (current !== group) return;
      current = undefined;
      core.endGroup();
    };
  };
  return {
    info: write,
    debug: (line) => core.debug(line),
    output: write,
    diagnostic: () => undefined,
    openGroup,
  };
}

function createAnnotations() {
  const room = { error: ANNOTATIONS, warning: ANNOTATIONS, notice: ANNOTATIONS };
  const held: Annotation[] = [];
  let shown = false;
  const commands = { error: core.error, warning: core.warning, notice: core.notice };
  return {
    /** Keeps a warning of the log, to be ranked with the others at the first `show`. */
    hold(annotation: Annotation) {
      if (shown) show([annotation]);
      else if (held.length < 1000) held.push(annotation);
    },
    show,
  };
  function show(list: readonly Annotation[]) {
    shown = true;
    const all = [...list, ...held.splice(0)];
    // One place of each level is kept for what concerns the whole run and comes last: that it failed.
    const kept = all.some(({ file }) => file !== undefined) ? 1 : 0;
    const chosen = chooseAnnotations(all, {
      error: room.error - kept,
      warning: room.warning - kept,
      notice: room.notice - kept,
    });
    for (const one of chosen) {
      commands[one.level](one.message, {
        ...(one.title !== undefined && { title: one.title }),
        ...(one.file !== undefined && { file: one.file }),
        ...(one.line !== undefined && { startLine: one.line }),
        ...(one.column !== undefined && { startColumn: one.column }),
      });
    }
    for (const level of LEVELS) room[level] -= chosen.filter((one) => one.level === level).length;
  }
}

async function writeSummary(log: Log, file: string | undefined, markdown: string): Promise<void> {
  if (!file) return;
  try {
    const room = SUMMARY_BYTES - statSync(file).size - 1;
    await core.summary.addRaw(cutMarkdown(markdown, room), true).write();
  } catch (error) {
    log.warning(`The job summary could not be written (${messageOf(error)})`);
  }
}

/** Markdown of at most `limit` bytes: whole lines, and the last says that the rest is missing. */
export function cutMarkdown(markdown: string, limit: number): string {
  if (Buffer.byteLength(markdown) <= limit) return markdown;
  const note = '\n\n_Cut here: GitHub shows no more than 1 MiB. The whole report is in the artifact._\n';
  const kept = Buffer.from(markdown).subarray(0, Math.max(0, limit - Buffer.byteLength(note)));
  const end = kept.lastIndexOf('\n');
  const text = kept.subarray(0, Math.max(0, end)).toString();
  return Buffer.byteLength(note) > limit ? '' : `${text}${note}`;
}
