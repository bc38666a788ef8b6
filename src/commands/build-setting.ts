import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { MakeSetting } from '../build/make.ts';
import { reductionMakefile } from '../build/reduction-makefile.ts';
import { OWN_FOLDER } from '../cache/output-files.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import type { KernelTree } from '../values/tree.ts';
import type { Caching } from './caching.ts';

/** Makes the folders of a build. Throws a UserError where kbuild would refuse one, or nothing can be written there. */
export function prepareFolders(request: BuildRequest): void {
  if (/[\s:]/.test(request.output)) {
    throw new UserError(
      `output: '${request.output}' has a space or colon in it, which kbuild refuses; choose another`,
    );
  }
  for (const [input, folder] of [
    ['output', request.output],
    ['report-dir', request.reportDir],
  ] as const) {
    try {
      mkdirSync(folder, { recursive: true });
      const trial = path.join(folder, '.kernel-thinlto-trial');
      writeFileSync(trial, '');
      rmSync(trial);
    } catch (error) {
      throw new UserError(
        `${input}: ${folder} cannot be written (${messageOf(error).split(',', 1)[0]}); choose another folder`,
      );
    }
  }
}

/** What every make of a build is called with. */
export function makeSetting(
  request: BuildRequest,
  tree: KernelTree,
  llvm: string,
  makefile: string | undefined,
): MakeSetting {
  return {
    source: tree.path,
    output: request.output,
    arch: request.arch,
    llvm,
    jobs: request.jobs,
    makeArgs: request.makeArgs,
    timestamp: tree.timestamp,
    makefile,
  };
}

/** The setting of a build that goes through the cache: the same kernel, by way of other programs. */
export function withCache(request: BuildRequest, plain: MakeSetting, caching: Caching): MakeSetting {
  const file = path.join(request.output, OWN_FOLDER, 'cache.mk');
  writeFileSync(file, caching.makefile);
  return { ...plain, llvm: caching.llvm, unseen: { ...caching.compiler.environment, MAKEFILES: file } };
}

/** Where the makefile for the reduction lies; beside the objects that are made with it. */
export function makefilePath(request: BuildRequest): string {
  return path.join(request.output, 'kernel-thinlto.mk');
}

/** Writes the makefile for the reduction, where one is needed, and returns its path. */
export function writeMakefile(
  request: BuildRequest,
  tree: KernelTree,
  mode: Mode,
  reduction: boolean,
): string | undefined {
  const text = reductionMakefile(mode, reduction, tree.reduction);
  const file = makefilePath(request);
  rmSync(file, { force: true });
  if (text === undefined) return undefined;
  writeFileSync(file, text);
  return file;
}
