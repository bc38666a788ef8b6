/** How the kernel is optimised at link time: in-process ThinLTO, distributed ThinLTO, full LTO, not at all. */
export type Mode = 'thin' | 'thin-dist' | 'full' | 'none';

/** The `lto` input: a mode, or `auto` for `thin-dist` where the tree has it, else `thin`. */
export type ModeRequest = Mode | 'auto';

/** The `suffix-reduction` input. */
export type ReductionRequest = 'auto' | 'on' | 'off';

/** Whether a mode is one of the two forms of ThinLTO, the only ones that promote locals. */
export function isThin(mode: Mode): mode is 'thin' | 'thin-dist' {
  return mode === 'thin' || mode === 'thin-dist';
}

/** Whether a value of unknown origin is a mode. */
export function isMode(value: unknown): value is Mode {
  return value === 'full' || value === 'none' || value === 'thin' || value === 'thin-dist';
}
