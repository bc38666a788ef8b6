import { UserError } from '../values/error.ts';

/** Where the text of an input comes from: one or more values by name; nothing where it was not given. */
export type Raw = ReadonlyMap<string, readonly string[]>;

/** All values of a repeated input. */
export function many(raw: Raw, name: string): readonly string[] {
  return (raw.get(name) ?? []).map((value) => value.trim()).filter((value) => value !== '');
}

/** The value of an input, undefined where absent or empty. Throws a UserError where it was given twice. */
export function one(raw: Raw, name: string): string | undefined {
  const values = many(raw, name);
  if (values.length > 1) throw new UserError(`${name}: given ${values.length} times; it takes one value`);
  const value = values[0];
  if (value?.includes('\0') || value?.includes('\n')) {
    throw new UserError(`${name}: ${JSON.stringify(value)} has a line break or NUL in it; it takes one line`);
  }
  return value;
}

/** The value of an input that has a default, or was given. */
export function text(raw: Raw, name: string): string {
  const value = one(raw, name);
  if (value === undefined) throw new Error(`${name} has no default`);
  return value;
}

/** The value of an input that allows a few words only. */
export function choice<const T extends string>(raw: Raw, name: string, allowed: readonly T[]): T {
  const value = text(raw, name);
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new UserError(`${name}: '${value}' is not one of ${allowed.join(', ')}`);
  return found;
}

/** The value of a yes-or-no input, in YAML's words. */
export function flag(raw: Raw, name: string): boolean {
  return choice(raw, name, ['true', 'false']) === 'true';
}

/** A whole number of at least 1. */
export function count(raw: Raw, name: string, fallback: number): number {
  const value = one(raw, name);
  if (value === undefined) return fallback;
  if (!/^[1-9][0-9]{0,5}$/.test(value))
    throw new UserError(`${name}: '${value}' is not a whole number from 1 to 999999`);
  return Number(value);
}

/** Bytes, written as `800M` or `5G` (powers of 1000), 10 MB at least. */
export function size(raw: Raw, name: string): number {
  const value = text(raw, name);
  const [, digits, unit] = /^([1-9][0-9]{0,5})([MGT])B?$/i.exec(value) ?? [];
  const bytes = Number(digits) * { M: 1e6, G: 1e9, T: 1e12 }[(unit ?? 'M').toUpperCase() as 'M' | 'G' | 'T'];
  if (digits === undefined || bytes < 1e7) {
    throw new UserError(`${name}: '${value}' is not a size of 10M or more, such as 800M or 5G`);
  }
  return bytes;
}
