import type { Mode } from '../values/mode.ts';

/**
 * A phase of a kernel build, in the order in which they come. `prepare` is kbuild's own word for generated headers
 * and the programs that run on the host.
 */
export type BuildPhase =
  | 'prepare'
  | 'front end'
  | 'thin link'
  | 'back end'
  | 'thin link and back end'
  | 'LTO link'
  | 'link and the rest';

const ORDER: Readonly<Record<Mode, readonly BuildPhase[]>> = {
  thin: ['prepare', 'front end', 'thin link and back end', 'link and the rest'],
  'thin-dist': ['prepare', 'front end', 'thin link', 'back end', 'link and the rest'],
  full: ['prepare', 'front end', 'LTO link', 'link and the rest'],
  none: ['prepare', 'front end', 'link and the rest'],
};

/** The phases that a build in a mode goes through. */
export function phasesOf(mode: Mode): readonly BuildPhase[] {
  return ORDER[mode];
}

export interface Step {
  /** The phase that the line belongs to; undefined where it tells nothing. */
  readonly phase: BuildPhase | undefined;
  /** Whether the line stands for one compile: of the front end or of a back end. */
  readonly compile: boolean;
}

const NOTHING: Step = { phase: undefined, compile: false };
// kbuild prints `  CC [M]  drivers/net/x.o`; scripts/Kbuild.include.
const SHORT_LOG = /^ {2}([A-Z][A-Z0-9_]*)(?: \[[A-Z]+\])? +(\S+)$/;

/**
 * Reads one line of make's output, in kbuild's short form or as a whole command line (V=1). Lines can come from
 * folders that are built side by side, so a caller only ever goes forward in `phasesOf`.
 */
export function readStep(line: string, mode: Mode): Step {
  const short = SHORT_LOG.exec(line);
  return short === null ? readCommand(line, mode) : readShort(short[1] ?? '', short[2] ?? '', mode);
}

function readShort(tag: string, object: string, mode: Mode): Step {
  if (tag === 'CC' && object.endsWith('.thinlto-native.o')) return { phase: 'back end', compile: true };
  if (tag === 'LD' && object === 'vmlinux.thinlto-index') return { phase: 'thin link', compile: false };
  if (tag === 'LD' && object === 'vmlinux.o') return { phase: vmlinuxLink(mode), compile: false };
  if (tag === 'MODPOST') return { phase: 'link and the rest', compile: false };
  // What tools/build compiles for the host (objtool, resolve_btfids) is printed with an absolute path.
  // And scripts/mod/empty.o is made while the build is still being prepared.
  const target = (tag === 'CC' || tag === 'AS') && object.endsWith('.o') && !/^(\/|scripts\/)/.test(object);
  if (target) return { phase: 'front end', compile: true };
  return NOTHING;
}

function readCommand(line: string, mode: Mode): Step {
  if (line.length > 65536 || !line.startsWith('  ')) return NOTHING;
  if (line.includes(' -fthinlto-index=')) return { phase: 'back end', compile: true };
  if (line.includes(' --thinlto-index-only=')) return { phase: 'thin link', compile: false };
  if (line.includes(' -r -o vmlinux.o ')) return { phase: vmlinuxLink(mode), compile: false };
  if (/ -Wp,-MMD,\S+ .* -c -o (?!scripts\/)\S+\.o /.test(line)) return { phase: 'front end', compile: true };
  return NOTHING;
}

function vmlinuxLink(mode: Mode): BuildPhase {
  if (mode === 'thin') return 'thin link and back end';
  return mode === 'full' ? 'LTO link' : 'link and the rest';
}
