import { compareVersions } from '../toolchain/version.ts';

/** The first that caches a distributed back end (`-fthinlto-index=`). */
export const OLDEST = '4.13.2';

const NUMBERS = String.raw`(\d{1,4}\.\d{1,4})(\.\d{1,4})?`;

/** Whether a version, with all its numbers, caches back ends, or where given is at least another. */
export function isNewEnough(version: string, oldest = OLDEST): boolean {
  return compareVersions(version, oldest) >= 0;
}

/** The version in what `ccache --version` says, with all its numbers: that of `ccache version 4.14` is 4.14.0. */
export function versionSaid(text: string): string | undefined {
  return whole(new RegExp(`^ccache version ${NUMBERS}(?![\\d.])`, 'm').exec(text));
}

/** An upstream version of Debian's, with all its numbers: `4.14.2`, `4.8+really4.7.5` (4.7.5), `4.14+ds` (4.14.0). */
export function versionPackaged(upstream: string): string | undefined {
  return whole(new RegExp(`^(?:.*\\+really)?${NUMBERS}(?:\\+(?!.*really).*)?$`).exec(upstream));
}

function whole(match: RegExpExecArray | null): string | undefined {
  return match?.[1] === undefined ? undefined : `${match[1]}${match[2] ?? '.0'}`;
}
