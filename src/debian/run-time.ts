const RUN_TIME = [
  /^(?:usr\/)?lib\/[\w-]+-linux-gnu\/[^/]+\.so[^/]*$/,
  /^(?:usr\/)?lib(?:64)?\/ld-linux[^/]+$/,
  /^usr\/bin\/patchelf$/,
];

/** Whether an entry of a package, as it is named in it, is a shared library, their loader, or what relocates them. */
export function isRunTime(entry: string): boolean {
  return RUN_TIME.some((pattern) => pattern.test(entry));
}
