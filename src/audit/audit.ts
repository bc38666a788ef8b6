import { type AnalysedImage, analyseImage } from '../suffix/analyse.ts';
import { definersOf } from '../suffix/definers.ts';
import { type LinkedObject, readObject } from '../suffix/units.ts';
import type { Mode } from '../values/mode.ts';
import { type Coverage, judgeCoverage } from './coverage.ts';
import { linkInputs } from './link-objects.ts';
import { judgeReduction, type ReductionVerdict } from './reduction.ts';

export interface AuditRequest {
  /** Output folder and source tree of a finished build, absolute. */
  readonly output: string;
  readonly tree: string;
  readonly mode: Mode;
}

/** What the objects of a build say about it. */
export interface Audit {
  readonly coverage: Coverage;
  readonly reduction: ReductionVerdict;
  /** Every object of the link, in link order. */
  readonly objects: readonly LinkedObject[];
  /** vmlinux with its suffixed symbols. */
  readonly image: AnalysedImage;
}

/**
 * Reads the objects of a finished build: whether each went through LTO, whether suffix reduction is in effect, and
 * where each suffixed symbol of vmlinux comes from.
 * Throws a UserError where the build is not finished or a file of it is damaged.
 */
export function auditBuild({ output, tree, mode }: AuditRequest): Audit {
  const inputs = linkInputs(output);
  const objects = inputs.objects.map((object) => readObject(output, object));
  const coverage = judgeCoverage(output, mode, inputs, objects);
  const image = analyseImage(output, tree, 'vmlinux', objects);
  const reduction = judgeReduction(output, mode, image, definersOf(objects), inputs.objects);
  return { coverage, reduction, objects, image };
}
