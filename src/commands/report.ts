import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Audit } from '../audit/audit.ts';
import type { BuildResult, PhaseTime } from '../build/run.ts';
import type { Configured } from '../kernel/configure.ts';
import { DIAGNOSTICS_LIMIT, type Report, type ReportFile, SCHEMA } from '../report/schema.ts';
import type { ReportPaths } from '../report/write.ts';
import type { Outputs } from '../request/outputs.ts';
import type { CacheReport } from '../values/cache.ts';
import type { Diagnostic } from '../values/diagnostic.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest, FailOn } from '../values/request.ts';
import type { Abilities, Toolchain } from '../values/toolchain.ts';
import type { KernelTree } from '../values/tree.ts';

/** Everything that a run came to know. */
export interface BuildFindings {
  readonly request: BuildRequest;
  readonly tree: KernelTree;
  readonly mode: Mode;
  readonly reduction: boolean;
  readonly toolchain: Toolchain;
  readonly abilities: Abilities;
  readonly configured: Configured;
  readonly makeLine: string;
  readonly result: BuildResult;
  /** Undefined where there is no vmlinux to look into. */
  readonly audit: Audit | undefined;
  readonly cache?: CacheReport;
  readonly phases: readonly PhaseTime[];
  readonly started: Date;
}

/** Path of the full log of a build. */
export function logFile(request: BuildRequest): string {
  return path.join(request.reportDir, 'build.log');
}

/** Puts a run's findings into the report's form. */
export function composeReport(findings: BuildFindings): Report {
  const { request, tree, toolchain, audit, result } = findings;
  const failure = failureOf(findings);
  return {
    schema: SCHEMA,
    status: failure === null ? 'ok' : 'failed',
    failure,
    build: {
      arch: request.arch.name,
      lto: findings.mode,
      suffixReduction: {
        requested: request.suffixReduction,
        chosen: findings.reduction ? 'on' : 'off',
        effective: audit?.reduction.effective ?? 'unknown',
        evidence: audit?.reduction.evidence ?? [],
      },
      kernelVersion: tree.version,
      commit: tree.commit ?? null,
      configDigest: findings.configured.digest,
      toolchain: {
        version: toolchain.version,
        source: toolchain.source,
        digest: toolchain.digest,
        abilities: findings.abilities.evidence,
      },
      makeLine: findings.makeLine,
      started: findings.started.toISOString(),
      finished: new Date().toISOString(),
      phases: findings.phases.map(({ name, seconds }) => ({
        name,
        seconds: Math.round(seconds * 1000) / 1000,
      })),
      lto_coverage: audit === undefined ? null : audit.coverage,
      diagnostics: {
        total: result.diagnostics.length + result.droppedDiagnostics,
        items: result.diagnostics.slice(0, DIAGNOSTICS_LIMIT).map(diagnosticOf),
      },
      files: filesOf(findings),
      cache: findings.cache ?? null,
    },
    images: audit === undefined ? [] : [audit.image],
  };
}

/** The outputs of a run, for the steps after it. */
export function outputsOf(findings: BuildFindings, report: Report, paths: ReportPaths): Outputs {
  const { request, toolchain, tree } = findings;
  const totals = report.images[0]?.totals;
  const count = (value: number | undefined) => (value === undefined ? '' : String(value));
  return {
    image: imageOf(request) ?? '',
    vmlinux: existing(path.join(request.output, 'vmlinux')) ?? '',
    config: findings.configured.file,
    log: logFile(request),
    'report-dir': request.reportDir,
    'report-json': paths.json,
    'report-markdown': paths.markdown,
    'report-text': paths.text,
    'kernel-version': tree.version,
    lto: findings.mode,
    'suffix-reduction': String(report.build.suffixReduction.effective),
    suffixed: count(totals?.all),
    'suffixed-functions': count(totals?.functions),
    'suffixed-data': count(totals?.data),
    'suffixed-unnamed': count(totals?.unnamed),
    'toolchain-version': toolchain.version,
    'toolchain-source': toolchain.source,
    'toolchain-digest': toolchain.digest,
  };
}

/** Why the run failed: the build itself, an object without LTO, a reduction that is not there, the policy. */
function failureOf({ result, audit, request, reduction, mode }: BuildFindings): string | null {
  if (result.failure !== undefined) return result.failure;
  if (audit === undefined) return null;
  const [suspect, ...more] = audit.coverage.suspect;
  if (suspect !== undefined) {
    const rest = more.length === 0 ? '' : `, and ${more.length} more (see the report)`;
    return `Not built with LTO: ${suspect.object}: ${suspect.reason}${rest}`;
  }
  if (reduction && request.suffixReduction === 'on' && audit.reduction.effective === false) {
    return `suffix-reduction: on was asked for, and is not in effect in the objects (${mode}): ${audit.reduction.evidence[0] ?? ''}`;
  }
  return policy(request.failOn, audit);
}

function policy(failOn: FailOn, { image: { totals } }: Audit): string | null {
  if (failOn.kind === 'any-function' && totals.functions > 0) {
    return `fail-on: any-function: vmlinux has ${totals.functions} suffixed functions`;
  }
  if (failOn.kind === 'count' && totals.all > failOn.over) {
    return `fail-on: count>${failOn.over}: vmlinux has ${totals.all} suffixed symbols`;
  }
  return null;
}

function diagnosticOf(diagnostic: Diagnostic): Report['build']['diagnostics']['items'][number] {
  const { level, message, file, line } = diagnostic;
  return { level, message, file: file ?? null, line: line ?? null };
}

function filesOf({ request, configured }: BuildFindings): readonly ReportFile[] {
  const image = imageOf(request);
  const vmlinux = path.join(request.output, 'vmlinux');
  return [
    ...(image === undefined || image === vmlinux ? [] : [{ what: 'kernel image', path: image }]),
    ...(existsSync(vmlinux) ? [{ what: 'vmlinux', path: vmlinux }] : []),
    { what: 'configuration', path: configured.file },
    { what: 'build log', path: logFile(request) },
    { what: 'report', path: path.join(request.reportDir, 'report.json') },
  ];
}

function imageOf(request: BuildRequest): string | undefined {
  return (
    existing(path.join(request.output, request.arch.image)) ?? existing(path.join(request.output, 'vmlinux'))
  );
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}
