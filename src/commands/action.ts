import { existsSync } from 'node:fs';
import path from 'node:path';
import * as core from '@actions/core';
import { githubStore } from '../cache/store.ts';
import { cancelOnSignals } from '../host/cancel.ts';
import { githubHost } from '../host/github.ts';
import type { Annotation, DoorHost } from '../host/host.ts';
import { renderMarkdown } from '../report/markdown.ts';
import { INPUTS } from '../request/inputs.ts';
import { readBuildRequest } from '../request/read.ts';
import type { Raw } from '../request/values.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { BuildRequest } from '../values/request.ts';
import { VERSION } from '../values/version.ts';
import { buildKernel, type Outcome } from './build.ts';
import { packUnfinished } from './entry.ts';
import { surroundings } from './surroundings.ts';

/** What main leaves for post, by the runner's state file. */
const STATE = {
  main: 'kernelThinltoMain',
  reportDir: 'reportDir',
  artifact: 'artifact',
  uploaded: 'uploaded',
  entryKey: 'cacheKey',
  entryFolder: 'cacheFolder',
  unfinished: 'cacheUnfinished',
};

/** The main step: builds, reports, uploads. Returns the exit code. */
export async function runMain(): Promise<number> {
  core.saveState(STATE.main, 'started');
  const cancel = cancelOnSignals();
  const host = githubHost({ env: process.env, signal: cancel.signal });
  const code = await buildAndShow(host).catch((error: unknown) => fail(host, error));
  return (await cancel.finish()) ?? code;
}

/**
 * The post step: where main was ended before it could upload, what there is of the log is uploaded now. Whatever
 * happens here is a warning: the build's verdict is main's.
 */
export async function runPost(): Promise<number> {
  const host = githubHost({ env: process.env, signal: new AbortController().signal });
  await uploadLog(host);
  await saveEntry(host);
  return 0;
}

/** Saves what main packed for the cache; what fails costs the next run time, and this one nothing. */
async function saveEntry(host: DoorHost): Promise<void> {
  try {
    const unfinished = core.getState(STATE.unfinished);
    const { key, folder } =
      unfinished === ''
        ? { key: core.getState(STATE.entryKey), folder: core.getState(STATE.entryFolder) }
        : await packUnfinished(host, JSON.parse(unfinished));
    if (key === '') return;
    const result = await githubStore(host).save(key, folder);
    if (result.saved) host.log.info(`Cache: saved as ${key}`);
    else host.log.warning(`Cache: nothing saved: ${result.reason}`);
  } catch (error) {
    host.log.warning(`Cache: nothing saved: ${messageOf(error)}`);
  }
}

async function uploadLog(host: DoorHost): Promise<void> {
  try {
    const folder = core.getState(STATE.reportDir);
    const log = path.join(folder, 'build.log');
    if (folder === '' || core.getState(STATE.uploaded) !== '' || !existsSync(log)) return;
    await host.uploadArtifact(core.getState(STATE.artifact), [log], folder);
  } catch (error) {
    host.log.warning(`post step: ${messageOf(error)}`);
  }
}

async function buildAndShow(host: DoorHost): Promise<number> {
  const around = surroundings(host.env, host.env.GITHUB_WORKSPACE ?? process.cwd(), true);
  const token = core.getInput('github-token');
  if (token !== '') core.setSecret(token);
  const request = readBuildRequest(readInputs(), around);
  core.saveState(STATE.reportDir, request.reportDir);
  core.saveState(STATE.artifact, artifactName(request));
  const outcome = await buildKernel(host, request, (what) =>
    core.saveState(STATE.unfinished, JSON.stringify(what)),
  );
  core.saveState(STATE.unfinished, '');
  core.saveState(STATE.entryKey, outcome.entry?.key ?? '');
  core.saveState(STATE.entryFolder, outcome.entry?.folder ?? '');
  host.result(outcome.text);
  await show(host, request, outcome);
  return outcome.failure === undefined ? 0 : fail(host, new UserError(outcome.failure));
}

async function show(host: DoorHost, request: BuildRequest, outcome: Outcome): Promise<void> {
  const { report, outputs, files } = outcome;
  if (report === undefined || outputs === undefined) return;
  host.setOutputs(outputs);
  await host.summary(renderMarkdown(report));
  host.annotate(report.build.diagnostics.items.map((one) => annotationOf(host, request, one)));
  await host.uploadArtifact(artifactName(request), files, request.reportDir);
  core.saveState(STATE.uploaded, 'yes');
}

/** An annotation is placed by its path in the repository, of which the kernel tree may be a folder. */
function annotationOf(
  host: DoorHost,
  request: BuildRequest,
  {
    level,
    message,
    file,
    line,
  }: { level: Annotation['level']; message: string; file: string | null; line: number | null },
): Annotation {
  const root = host.env.GITHUB_WORKSPACE ?? request.source;
  return {
    level,
    message,
    ...(file !== null && { file: path.relative(root, path.join(request.source, file)) }),
    ...(line !== null && { line }),
  };
}

function readInputs(): Raw {
  return new Map(
    INPUTS.map((input) => {
      const text = core.getInput(input.name);
      return [input.name, input.repeated === true ? text.split('\n') : [text]] as const;
    }),
  );
}

function artifactName(request: BuildRequest): string {
  const config = path.basename(request.config[0] ?? 'defconfig');
  return ['thinlto-report', request.arch.name, request.lto, config].join('-');
}

function fail(host: DoorHost, error: unknown): number {
  if (host.signal.aborted) host.annotate([{ level: 'error', message: messageOf(host.signal.reason) }]);
  else if (error instanceof UserError) host.annotate([{ level: 'error', message: error.message }]);
  else {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    host.log.info(stack);
    host.annotate([
      {
        level: 'error',
        message: `defect in kernel-thinlto ${VERSION}, please report it: ${messageOf(error)}`,
      },
    ]);
  }
  return 1;
}
