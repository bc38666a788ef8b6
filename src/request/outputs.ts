/** What a run tells the steps after it: of `action.yml` and of the docs, which a test holds against this. */
export const OUTPUTS = {
  image: 'Path of the bootable image, or of vmlinux where none was built.',
  vmlinux: 'Path of vmlinux.',
  config: 'Path of the final .config.',
  log: 'Path of the full build log.',
  'report-dir': 'Folder of the report files.',
  'report-json': 'Path of the report as JSON.',
  'report-markdown': 'Path of the report as Markdown.',
  'report-text': 'Path of the report as text.',
  'kernel-version': 'Version of the source tree.',
  lto: 'Mode that was built: thin, thin-dist, full or none.',
  'suffix-reduction': 'Whether suffix reduction is in effect in the objects: true, false or unknown.',
  suffixed: 'Number of suffixed symbols in vmlinux.',
  'suffixed-functions': 'Number of suffixed functions in vmlinux.',
  'suffixed-data': 'Number of suffixed data objects in vmlinux.',
  'suffixed-unnamed': 'Number of suffixed unnamed constants in vmlinux.',
  'toolchain-version': 'Version of the LLVM that was used.',
  'toolchain-source': 'Where it came from.',
  'toolchain-digest': 'SHA-256 of the toolchain, as llvm-sha256 takes it.',
} as const;

export type OutputName = keyof typeof OUTPUTS;
export type Outputs = Readonly<Record<OutputName, string>>;
