import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** The published schema of the report. */
export const reportSchema = JSON.parse(
  readFileSync(new URL('../../schema/report-1.json', import.meta.url), 'utf8'),
);

const dateTime = (text: string) => !Number.isNaN(Date.parse(text));
const validate = new Ajv2020({ allErrors: true, formats: { 'date-time': dateTime } }).compile(reportSchema);

/** Whether a report, as it is written, fits the published schema. */
export function fitsSchema(report: unknown): boolean {
  return validate(JSON.parse(JSON.stringify(report)));
}

/** Fails with what does not fit. */
export function assertFitsSchema(report: unknown): void {
  assert.ok(fitsSchema(report), JSON.stringify(validate.errors));
}
