import { UserError } from './error.ts';

/** A kernel architecture: what `ARCH=` takes, the folder below `arch/`, and clang's target. */
export interface Arch {
  /** `ARCH=` value, in the tree's spelling. */
  readonly name: string;
  /** Folder below `arch/` (`SRCARCH`). */
  readonly srcArch: string;
  /** `--target=` of clang, as `scripts/Makefile.clang` has it. */
  readonly target: string;
  /** The bootable image below the output folder. */
  readonly image: string;
}

const ARCHES: readonly Arch[] = [
  { name: 'x86_64', srcArch: 'x86', target: 'x86_64-linux-gnu', image: 'arch/x86/boot/bzImage' },
  { name: 'arm64', srcArch: 'arm64', target: 'aarch64-linux-gnu', image: 'arch/arm64/boot/Image' },
  { name: 'riscv', srcArch: 'riscv', target: 'riscv64-linux-gnu', image: 'arch/riscv/boot/Image' },
  {
    name: 'loongarch',
    srcArch: 'loongarch',
    target: 'loongarch64-linux-gnusf',
    image: 'arch/loongarch/boot/vmlinux.efi',
  },
];

const ALIASES: Readonly<Record<string, string>> = {
  x86: 'x86_64',
  amd64: 'x86_64',
  aarch64: 'arm64',
  riscv64: 'riscv',
  loongarch64: 'loongarch',
};

/** The architectures that mainline builds with Clang LTO (`ARCH_SUPPORTS_LTO_CLANG`), by `ARCH` name. */
export const ARCH_NAMES: readonly string[] = ARCHES.map((arch) => arch.name);

/** Takes an `ARCH` name or what people also write for it. Throws a UserError for an unknown one. */
export function archOf(name: string): Arch {
  const canonical = ALIASES[name] ?? name;
  const found = ARCHES.find((arch) => arch.name === canonical);
  if (found !== undefined) return found;
  const aliases = Object.keys(ALIASES).join(', ');
  throw new UserError(
    `arch: '${name}' is not an architecture that the kernel builds with Clang LTO; use one of ${ARCH_NAMES.join(', ')} (also taken: ${aliases})`,
  );
}

/** The architecture of the machine that runs this program, by Node's name for it; x86_64 where unknown. */
export function hostArch(nodeArch: string): Arch {
  return archOf(
    ({ arm64: 'arm64', riscv64: 'riscv', loong64: 'loongarch' } as Record<string, string>)[nodeArch] ??
      'x86_64',
  );
}
