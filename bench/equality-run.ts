import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type BuildEnd, runBuild, type Site } from './equality-build.ts';
import { type Digests, differences, differingFiles, digestsOf, wrongEmbedding } from './equality-compare.ts';
import { describeScene, type Scene, sceneKey } from './equality-scene.ts';
import type { Act, Step } from './equality-steps.ts';
import { DAMAGES } from './equality-store.ts';
import { placeTree, type Repository, type Style } from './equality-tree.ts';

/** One build of a step, for the record. */
export interface BuildNote {
  readonly scene: string;
  readonly ended: 'kernel' | 'failed' | 'killed';
  readonly seconds: number;
  /** Whether it is the kernel of a build from nothing; null where that was not asked. */
  readonly equal: boolean | null;
  /** What the tool said of its cache, a line each. */
  readonly said: readonly string[];
}

export interface StepResult {
  readonly name: string;
  readonly lto: string;
  readonly style: Style;
  readonly equal: boolean;
  /** Why it is not equal, or did not come to a comparison, in one line. */
  readonly failure: string | null;
  readonly seconds: number;
  readonly builds: readonly BuildNote[];
}

export interface DriverSetting {
  /** Folder for everything; its file system holds some gigabytes. */
  readonly work: string;
  readonly repository: Repository;
  readonly site: Site;
  /** Where the tree of a scene lies, and the path that the command is given for it, where that is another one. */
  readonly placeOf: (scene: Scene) => { readonly folder: string; readonly seen: string };
  /** An output folder that somebody built from nothing already. */
  readonly known?: (scene: Scene) => string | undefined;
  readonly say: (line: string) => void;
}

interface Reference {
  readonly makeLine: string;
  readonly digests: Digests;
}

/** Runs steps one after the other in one work folder, where the tree, the output folder and the store go from one to the next. */
export function createDriver(setting: DriverSetting) {
  const { work, repository, site, say } = setting;
  const aside = `${site.output}.aside`;
  const builtFile = path.join(work, 'built');
  let logs = 0;
  // A run that was stopped while it built from nothing.
  if (existsSync(aside)) {
    rmSync(site.output, { recursive: true, force: true });
    renameSync(aside, site.output);
  }

  const keyOf = (scene: Scene) => {
    const bin = scene.llvm === 'main' ? site.llvm.main : (site.llvm.other ?? '');
    const clang = execFileSync(path.join(bin, 'clang'), ['--version'], { encoding: 'utf8' }).split('\n')[0];
    const paths = [setting.placeOf(scene).seen, site.output, bin];
    return sceneKey(scene, [repository.content, clang ?? '', ...paths]);
  };
  const logOf = (what: string) => {
    logs += 1;
    return path.join(
      work,
      'logs',
      `${String(logs).padStart(3, '0')}-${what.replaceAll(/[^\w.]+/g, '-')}.log`,
    );
  };
  const call = (scene: Scene, cache: 'auto' | 'off') => ({
    scene,
    tree: setting.placeOf(scene).seen,
    cache,
    log: logOf(`${cache === 'off' ? 'nothing' : 'cached'}-${describeScene(scene)}`.slice(0, 120)),
  });

  /** Builds a scene from nothing at the same paths, and leaves that output folder there. */
  async function fromNothing(scene: Scene): Promise<Reference> {
    const end = call(scene, 'off');
    const { code, report, seconds } = await runBuild(site, end);
    if (code !== 0 || report === undefined)
      throw new Error(`the build from nothing ended with ${code}; see ${end.log}`);
    const wrong = wrongEmbedding(site.output);
    if (wrong !== undefined) throw new Error(`the build from nothing: ${wrong}`);
    say(`  from nothing: ${describeScene(scene)}: ${seconds.toFixed(0)} s`);
    return { makeLine: report.build.makeLine, digests: digestsOf(site.output) };
  }

  function keptReference(scene: Scene): Reference | undefined {
    const file = path.join(work, 'reference', `${keyOf(scene)}.json`);
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Reference;
    const folder = setting.known?.(scene);
    return folder === undefined ? undefined : { makeLine: '', digests: digestsOf(folder) };
  }

  /** The reference of a scene whose tree is in place; `makeLine` is that of the build to compare with it. */
  async function referenceOf(scene: Scene, makeLine: string): Promise<Reference> {
    const kept = keptReference(scene);
    // Another command would mean that the tool has changed since.
    if (kept !== undefined && (kept.makeLine === '' || kept.makeLine === makeLine)) return kept;
    renameSync(site.output, aside);
    try {
      const reference = await fromNothing(scene);
      const folder = path.join(work, 'reference', keyOf(scene));
      mkdirSync(folder, { recursive: true });
      for (const name of ['vmlinux', '.config', 'System.map'])
        copyFileSync(path.join(site.output, name), path.join(folder, name));
      writeFileSync(`${folder}.json`, JSON.stringify(reference));
      return reference;
    } finally {
      rmSync(site.output, { recursive: true, force: true });
      renameSync(aside, site.output);
    }
  }

  /** Moves the output folder to where it can be looked at. */
  function keepOutput(step: Step, scene: Scene): string {
    const name = `${step.name}-${step.style}-${scene.lto}`.replaceAll(/[^\w.]+/g, '-');
    const folder = path.join(work, 'different', name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    rmSync(builtFile, { force: true });
    renameSync(site.output, path.join(folder, 'cached'));
    return folder;
  }

  /** Keeps both folders of a difference. Returns what differs, in one line. */
  async function keepDifference(step: Step, scene: Scene, files: readonly string[]): Promise<string> {
    const folder = keepOutput(step, scene);
    const { digests } = await fromNothing(scene);
    renameSync(site.output, path.join(folder, 'nothing'));
    const again = keptReference(scene);
    if (again !== undefined && differences(again.digests, digests).length > 0)
      return `two builds from nothing of ${describeScene(scene)} differ`;
    const all = differingFiles(path.join(folder, 'nothing'), path.join(folder, 'cached'));
    return `${files.join(', ')} differ at ${describeScene(scene)}; ${all.length} files, first ${all.slice(0, 3).join(', ')}; kept in ${folder}`;
  }

  async function build(step: Step, { scene, ends, damage }: Act): Promise<BuildNote> {
    if (damage !== undefined) DAMAGES[damage](site.store);
    rmSync(builtFile, { force: true });
    if (step.style === 'CI') rmSync(site.output, { recursive: true, force: true });
    placeTree(repository, scene, setting.placeOf(scene).folder, step.style);
    const kill = typeof ends === 'object' ? ends : undefined;
    const made = call(scene, 'auto');
    const end = await runBuild(site, {
      ...made,
      ...(kill && { killIn: kill.killedIn, killAlone: kill.alone === true }),
    });
    const note = {
      scene: describeScene(scene),
      seconds: rounded(end.seconds),
      said: saidBy(end),
      equal: null,
    };
    if (kill !== undefined) {
      if (!end.killed) throw new Error(`the build ended before it could be killed; see ${made.log}`);
      return { ...note, ended: 'killed' };
    }
    if (ends === 'failure') {
      if (end.code !== 1 || end.report?.status !== 'failed')
        throw new Error(`a build that must fail ended with ${end.code}; see ${made.log}`);
      return { ...note, ended: 'failed' };
    }
    const wrong =
      end.code === 0 ? wrongEmbedding(site.output) : `the build with the cache ended with ${end.code}`;
    if (wrong !== undefined || end.report === undefined)
      throw new Error(`${wrong}; see ${made.log}; kept in ${keepOutput(step, scene)}`);
    writeFileSync(builtFile, keyOf(scene));
    if (ends === 'unchecked') return { ...note, ended: 'kernel' };
    const reference = await referenceOf(scene, end.report.build.makeLine);
    const files = differences(reference.digests, digestsOf(site.output));
    if (files.length > 0) throw new Error(await keepDifference(step, scene, files));
    return { ...note, ended: 'kernel', equal: true };
  }

  /** Runs a step: first what it starts from, where the last build was another one. */
  async function runStep(step: Step): Promise<StepResult> {
    const started = performance.now();
    const builds: BuildNote[] = [];
    const result = (failure: string | null): StepResult => ({
      name: step.name,
      lto: step.from.lto,
      style: step.style,
      equal: failure === null,
      failure,
      seconds: rounded((performance.now() - started) / 1000),
      builds,
    });
    try {
      const ready = existsSync(builtFile) && readFileSync(builtFile, 'utf8') === keyOf(step.from);
      const known = keptReference(step.from) !== undefined;
      const first: readonly Act[] = ready ? [] : [{ scene: step.from, ends: known ? 'kernel' : 'unchecked' }];
      for (const act of [...first, ...step.acts]) {
        const note = await build(step, act);
        builds.push(note);
        say(`  ${note.ended} ${note.scene}: ${note.seconds} s${note.equal ? ', equal' : ''}`);
        for (const line of note.said) say(`    ${line}`);
      }
      return result(step.alters ? cannotFail(step) : null);
    } catch (error) {
      return result(error instanceof Error ? error.message : String(error));
    }
  }

  function cannotFail(step: Step): string | null {
    const to = step.acts.find(({ ends }) => ends === 'kernel')?.scene;
    const [a, b] = [step.from, to].map((scene) => scene && keptReference(scene)?.digests);
    return a !== undefined && b !== undefined && differences(a, b).length === 0
      ? 'its edit changes nothing of the kernel: it could not fail'
      : null;
  }

  return { runStep };
}

function saidBy({ report }: BuildEnd): readonly string[] {
  const cache = report?.build.cache;
  if (cache === null || cache === undefined) return [];
  const levels = cache.levels.map(({ name, status, hits, misses }) => {
    const missed = misses.map(({ reason, count }) => `${count} ${reason}`).join('; ');
    return `${name}: ${status}; ${hits} hits${missed === '' ? '' : `; missed: ${missed}`}`;
  });
  return [...levels, cache.saved];
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
