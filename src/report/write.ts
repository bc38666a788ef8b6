import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf, UserError } from '../values/error.ts';
import { renderMarkdown } from './markdown.ts';
import type { Report } from './schema.ts';
import { renderText } from './text.ts';

/** Where the forms of a report lie, absolute. */
export interface ReportPaths {
  readonly json: string;
  readonly text: string;
  readonly markdown: string;
}

/** The paths that `writeReport` writes to in a folder; a report can name them before they are there. */
export function reportPaths(folder: string): ReportPaths {
  return {
    json: path.join(folder, 'report.json'),
    text: path.join(folder, 'report.txt'),
    markdown: path.join(folder, 'report.md'),
  };
}

/**
 * Writes `report.json`, `report.txt` and `report.md` into a folder, which it makes where it is missing. Each file is
 * whole or as it was before. Throws a UserError where the folder cannot be written.
 */
export function writeReport(report: Report, folder: string): ReportPaths {
  const paths = reportPaths(folder);
  const contents = [
    [paths.json, `${JSON.stringify(report, null, 1)}\n`],
    [paths.text, renderText(report)],
    [paths.markdown, renderMarkdown(report)],
  ] as const;
  try {
    mkdirSync(folder, { recursive: true });
    for (const [file, content] of contents) replace(file, content);
  } catch (error) {
    throw new UserError(
      `report-dir: ${folder} cannot be written (${messageOf(error)}); choose a folder that can, with room for it`,
    );
  }
  return paths;
}

function replace(file: string, content: string): void {
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeFileSync(fresh, content);
    renameSync(fresh, file);
  } finally {
    rmSync(fresh, { force: true });
  }
}
