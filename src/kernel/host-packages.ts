import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';

/** A package, and what tells that it is there. */
export interface HostNeed {
  /** Debian's and Ubuntu's name. */
  readonly package: string;
  /** A program in PATH, or a header below /usr/include. */
  readonly program?: string;
  readonly header?: string;
}

/**
 * What a kernel build needs on the host: Documentation/process/changes.rst, and what scripts/, certs/ and
 * tools/objtool compile against.
 */
export const KERNEL_NEEDS: readonly HostNeed[] = [
  { package: 'make', program: 'make' },
  { package: 'gcc', program: 'gcc' },
  { package: 'libc6-dev', header: 'stdio.h' },
  { package: 'flex', program: 'flex' },
  { package: 'bison', program: 'bison' },
  { package: 'bc', program: 'bc' },
  { package: 'perl', program: 'perl' },
  { package: 'python3', program: 'python3' },
  { package: 'cpio', program: 'cpio' },
  { package: 'kmod', program: 'depmod' },
  { package: 'libelf-dev', header: 'gelf.h' },
  { package: 'libssl-dev', header: 'openssl/opensslv.h' },
  { package: 'tar', program: 'tar' },
  { package: 'xz-utils', program: 'xz' },
  { package: 'zstd', program: 'zstd' },
  { package: 'gnupg', program: 'gpg' },
];

const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The packages whose program or header is not on this host. */
export function missingPackages(
  env: Host['env'],
  needs: readonly HostNeed[],
  include = '/usr/include',
): readonly string[] {
  const folders = [...(env.PATH ?? '').split(path.delimiter), ...SBIN].filter((folder) => folder !== '');
  const has = (need: HostNeed) =>
    need.program !== undefined
      ? folders.some((folder) => readable(path.join(folder, need.program ?? ''), constants.X_OK))
      : readable(path.join(include, need.header ?? ''), constants.R_OK);
  return needs.filter((need) => !has(need)).map((need) => need.package);
}

/**
 * Sees to the packages that a kernel build needs on the host: installs the missing ones with apt, with sudo where
 * this is not root, or names them in a UserError where it only checks or may not.
 */
export async function ensurePackages(
  host: Host,
  how: 'install' | 'check',
  needs = KERNEL_NEEDS,
): Promise<void> {
  const missing = missingPackages(host.env, needs);
  if (missing.length === 0) return;
  const line = `apt-get install -y ${missing.join(' ')}`;
  if (how === 'check') {
    throw new UserError(
      `host-packages: not on this host: ${missing.join(', ')}; run '${line}', or ask for host-packages install`,
    );
  }
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  host.log.info(`Installing host packages: ${missing.join(' ')}`);
  const apt = async (...args: string[]) => {
    const [program = 'apt-get', ...rest] = [
      ...sudo,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      ...args,
    ];
    return host.run(program, rest).catch((error: unknown) => {
      throw new UserError(
        `host-packages: missing ${missing.join(', ')}, and '${program}' is not on this host (${String(error)}); install them by hand`,
      );
    });
  };
  // Lists of third-party archives often fail to load; what counts is whether the packages can be installed.
  await apt('update', '-q');
  const result = await apt('install', '-y', '-q', '--no-install-recommends', ...missing);
  const left = missingPackages(host.env, needs);
  if (result.code === 0 && left.length === 0) return;
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').at(-1) ?? '';
  throw new UserError(
    `host-packages: missing ${(left.length > 0 ? left : missing).join(', ')}, and apt could not install them (${said}); run '${line}' as root`,
  );
}

function readable(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}
