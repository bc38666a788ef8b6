import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { readLog, type WorkflowCommand } from './workflow-commands.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface ActionRun {
  /** Folder of `action.yml`. */
  readonly action: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Values of expressions that are one name: `github.token`. */
  readonly context?: Readonly<Record<string, string>>;
  /** Beside, or in place of, what the runner sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** GITHUB_WORKSPACE, and the folder in which the action runs; an empty one where absent. */
  readonly workspace?: string;
  readonly services?: { readonly url: string; readonly token: string };
  /** Payload of the event. */
  readonly event?: unknown;
  /** Cancels the main step as a runner does, as soon as its log matches. */
  readonly cancelAt?: RegExp;
}

export interface StepResult {
  readonly exitCode: number;
  /** Milliseconds from the cancellation to the end. */
  readonly cancelMs: number | undefined;
  readonly log: string;
  readonly commands: readonly WorkflowCommand[];
  /** The log without its commands. */
  readonly text: readonly string[];
  readonly outputs: ReadonlyMap<string, string>;
  readonly state: ReadonlyMap<string, string>;
  readonly env: ReadonlyMap<string, string>;
  readonly path: readonly string[];
  readonly summary: string;
}

export interface ActionResult {
  readonly main: StepResult;
  readonly post: StepResult | undefined;
}

interface ActionFile {
  readonly inputs?: Readonly<Record<string, { readonly default?: unknown }>>;
  readonly runs: {
    readonly using: string;
    readonly main: string;
    readonly post?: string;
    readonly 'post-if'?: string;
  };
}

/**
 * Runs a JavaScript action as a runner does: main, then post, each with Node 24, with inputs, files and variables of
 * its own, and nothing else in its environment but PATH and HOME.
 */
export async function runAction(run: ActionRun): Promise<ActionResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'runner-'));
  try {
    const file: ActionFile = parse(readFileSync(path.join(run.action, 'action.yml'), 'utf8'));
    if (file.runs.using !== 'node24') throw new Error(`runs.using is ${file.runs.using}, not node24`);
    const inputs = inputVariables(file, run);
    const cwd = run.workspace ?? path.join(folder, 'workspace');
    for (const name of [cwd, path.join(folder, 'temp'), path.join(folder, 'tools')])
      mkdirSync(name, { recursive: true });
    const env = { ...jobEnvironment(folder, cwd, run), ...inputs };
    const step = (script: string, state: ReadonlyMap<string, string>, cancelAt?: RegExp) => {
      const saved = [...state].map(([name, value]) => [`STATE_${name}`, value]);
      return runStep(
        folder,
        path.join(run.action, script),
        cwd,
        { ...env, ...Object.fromEntries(saved) },
        cancelAt,
      );
    };
    const main = await step(file.runs.main, new Map(), run.cancelAt);
    const always = (file.runs['post-if'] ?? 'always()').replace(/\s/g, '') === 'always()';
    if (!always) throw new Error(`post-if ${file.runs['post-if']} is not known here`);
    const post = file.runs.post === undefined ? undefined : await step(file.runs.post, main.state);
    return { main, post };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The program of the Node that the runner brings along. */
export function runnerNode(): string {
  const node = path.join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`);
  if (existsSync(node)) return node;
  throw new Error(`Node 24 is not at ${node}; run: npm ci`);
}

function inputVariables(file: ActionFile, run: ActionRun): Record<string, string> {
  const declared = file.inputs ?? {};
  const unknown = Object.keys(run.inputs ?? {}).filter((name) => !Object.hasOwn(declared, name));
  if (unknown.length > 0) throw new Error(`no inputs of the action: ${unknown.join(', ')}`);
  const values = Object.entries(declared).map(([name, input]) => {
    const value = run.inputs?.[name] ?? evaluate(String(input.default ?? ''), run.context ?? {});
    return [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value];
  });
  return Object.fromEntries(values);
}

function evaluate(text: string, context: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, name: string) => {
    const value = context[name];
    if (value === undefined) throw new Error(`no value for the expression ${name}`);
    return value;
  });
}

function jobEnvironment(folder: string, workspace: string, run: ActionRun): Record<string, string> {
  const event = path.join(folder, 'event.json');
  writeFileSync(event, JSON.stringify(run.event ?? {}));
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? folder,
    CI: 'true',
    GITHUB_ACTION: '__self',
    GITHUB_ACTIONS: 'true',
    GITHUB_API_URL: 'https://api.github.com',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: event,
    GITHUB_JOB: 'build',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REPOSITORY: 'octo/linux',
    GITHUB_RETENTION_DAYS: '90',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '1',
    GITHUB_RUN_NUMBER: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_WORKFLOW: 'kernel',
    GITHUB_WORKSPACE: workspace,
    RUNNER_ARCH: process.arch === 'arm64' ? 'ARM64' : 'X64',
    RUNNER_ENVIRONMENT: 'github-hosted',
    RUNNER_NAME: 'loopback',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: path.join(folder, 'temp'),
    RUNNER_TOOL_CACHE: path.join(folder, 'tools'),
    ...(run.services !== undefined && {
      ACTIONS_CACHE_SERVICE_V2: 'True',
      ACTIONS_RESULTS_URL: `${run.services.url}/`,
      ACTIONS_RUNTIME_TOKEN: run.services.token,
    }),
    ...run.env,
  };
}

async function runStep(
  folder: string,
  script: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  cancelAt: RegExp | undefined,
): Promise<StepResult> {
  const commandFiles = path.join(folder, `commands-${randomUUID()}`);
  mkdirSync(commandFiles);
  const fileOf = (name: string) => path.join(commandFiles, name);
  const names = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY'];
  for (const name of names) writeFileSync(fileOf(name), '');
  const files = Object.fromEntries(names.map((name) => [`GITHUB_${name}`, fileOf(name)]));
  const ended = await runNode(script, cwd, { ...env, ...files }, cancelAt);
  const read = (name: string) => readFileSync(fileOf(name), 'utf8');
  return {
    ...ended,
    ...readLog(ended.log),
    outputs: readPairs(read('OUTPUT')),
    state: readPairs(read('STATE')),
    env: readPairs(read('ENV')),
    path: read('PATH')
      .split('\n')
      .filter((line) => line !== ''),
    summary: read('STEP_SUMMARY'),
  };
}

function runNode(
  script: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  cancelAt: RegExp | undefined,
) {
  return new Promise<Pick<StepResult, 'exitCode' | 'log' | 'cancelMs'>>((resolve, reject) => {
    const child = spawn(runnerNode(), [script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timers: NodeJS.Timeout[] = [];
    let log = '';
    let cancelled: number | undefined;
    // As the runner does it: SIGINT, after 7.5 s SIGTERM, after 2.5 s more the end.
    const cancel = () => {
      cancelled = performance.now();
      child.kill('SIGINT');
      timers.push(
        setTimeout(() => child.kill('SIGTERM'), 7500),
        setTimeout(() => child.kill('SIGKILL'), 10_000),
      );
    };
    const add = (data: string) => {
      log += data;
      if (cancelled === undefined && cancelAt?.test(log)) cancel();
    };
    child.stdout.setEncoding('utf8').on('data', add);
    child.stderr.setEncoding('utf8').on('data', add);
    child.on('error', reject);
    child.on('close', (code) => {
      timers.forEach(clearTimeout);
      const cancelMs = cancelled === undefined ? undefined : performance.now() - cancelled;
      resolve({ exitCode: code ?? 137, log, cancelMs });
    });
  });
}

/** Reads `name=value` lines and `name<<END`, lines, `END`; anything else is an error, as it is for the runner. */
function readPairs(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (line === '') continue;
    const [, name = '', mark, rest = ''] = /^([^=<]+?)(=|<<)(.*)$/.exec(line) ?? [];
    if (mark === undefined) throw new Error(`not a name and a value: ${line}`);
    if (mark === '=') {
      pairs.set(name, rest);
      continue;
    }
    const end = lines.indexOf(rest, index + 1);
    if (end < 0) throw new Error(`no end ${rest} for ${name}`);
    pairs.set(name, lines.slice(index + 1, end).join('\n'));
    index = end;
  }
  return pairs;
}
