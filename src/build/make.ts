import type { Arch } from '../values/arch.ts';

/** One call of make, as values. */
export interface MakeCall {
  readonly args: readonly string[];
  /** Variables of the environment that matter to the build, without the rest of the environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Further ones, which change nothing in what is built: the cache's. They are not printed. */
  readonly unseen?: Readonly<Record<string, string>>;
}

export interface MakeSetting {
  readonly source: string;
  readonly output: string;
  readonly arch: Arch;
  /** `LLVM=` */
  readonly llvm: string;
  readonly jobs: number;
  readonly makeArgs: readonly string[];
  /** Seconds since 1970 that the kernel's banner and archives carry. */
  readonly timestamp: number;
  /** Path of the reduction makefile, where one is needed. */
  readonly makefile: string | undefined;
  readonly unseen?: Readonly<Record<string, string>>;
}

/** The call of make for some targets (none: the tree's default). */
export function makeCall(setting: MakeSetting, targets: readonly string[], jobs = setting.jobs): MakeCall {
  return {
    args: [
      '-C',
      setting.source,
      `O=${setting.output}`,
      `ARCH=${setting.arch.name}`,
      `LLVM=${setting.llvm}`,
      `-j${jobs}`,
      ...setting.makeArgs,
      ...targets,
    ],
    variables: {
      // Documentation/kbuild/reproducible-builds.rst: what the banner would else take from the host.
      KBUILD_BUILD_TIMESTAMP: bannerDate(setting.timestamp),
      KBUILD_BUILD_USER: 'kernel-thinlto',
      KBUILD_BUILD_HOST: 'localhost',
      KBUILD_BUILD_VERSION: '1',
      LC_ALL: 'C.UTF-8',
      ...(setting.makefile !== undefined && { MAKEFILES: setting.makefile }),
    },
    ...(setting.unseen !== undefined && { unseen: setting.unseen }),
  };
}

/** The call as one line for a shell, to print and to copy. */
export function commandLine(call: MakeCall): string {
  const variables = Object.entries(call.variables).map(([name, value]) => `${name}=${quote(value)}`);
  return [...variables, 'make', ...call.args.map(quote)].join(' ');
}

// Variables of an outer make would change this one, and what an action holds in its environment is not for the
// makefiles of a source tree that may come from a stranger's pull request.
const DROPPED =
  /^(MAKEFLAGS|MFLAGS|MAKELEVEL|MAKEOVERRIDES|GNUMAKEFLAGS|MAKEFILES|KBUILD_(OUTPUT|EXTMOD|SRC|DEFCONFIG|KCONFIG)|KCONFIG_\w+|CCACHE_\w+|ARCH|SRCARCH|CROSS_COMPILE|LLVM|INPUT_.*|ACTIONS_.*|STATE_.*|GITHUB_(TOKEN|ENV|PATH|OUTPUT|STATE|STEP_SUMMARY))$/;

/** The whole environment of a make: the host's, less what must not reach it, with the call's variables. */
export function makeEnvironment(
  call: MakeCall,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !DROPPED.test(entry[0]),
  );
  const files = [call.variables.MAKEFILES, call.unseen?.MAKEFILES, env.MAKEFILES].filter(
    (value) => value !== undefined && value !== '',
  );
  return {
    ...Object.fromEntries(kept),
    // scripts/jobserver-exec would else leave compiled files of tools/lib/python in the source tree.
    PYTHONDONTWRITEBYTECODE: '1',
    ...call.unseen,
    ...call.variables,
    ...(files.length > 0 && { MAKEFILES: files.join(' ') }),
  };
}

// As `date` prints in the C locale, which is what init/version-timestamp.c shows for a build without the variable.
function bannerDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  const [weekday, day, month, year, time] = date.toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day?.replace(/^0/, ' ')} ${time} UTC ${year}`;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
