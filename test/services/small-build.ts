import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testToolchainFolder } from './llvm.ts';

/** What the two translation units and the assembly of a small build hold. */
const SOURCES = {
  'init/one.c': `extern void sink(const char *, int);
void two(int);
static int counter = 7;
static __attribute__((noinline)) void alone(int x) { sink("a string of alone", counter); sink("more of one", x); }
static __attribute__((noinline)) void common(int x) { sink("common of one", x); sink("again", x + 1); }
void one(int x) { counter += x; sink("a string of its own", counter); alone(x); common(x); }
void start_one(int x) { two(x); }
`,
  'lib/two.c': `extern void sink(const char *, int);
void one(int);
static __attribute__((noinline)) void common(int x) { sink("common of two", x); sink("once more", x + 2); }
void two(int x) { common(x); }
void start_two(int x) { one(x); }
`,
  'lib/entry.S': `.globl _start
_start: ret
.globl sink
sink: ret
`,
} as const;

export interface SmallBuild {
  /** Holds what a kernel's output folder holds after its link, as far as an audit reads it. */
  readonly output: string;
  readonly tree: string;
  /** Runs a program of the toolchain in the output folder and returns what it printed. */
  tool(name: string, ...args: string[]): string;
  /** Makes an object and its saved command as kbuild does. */
  compile(source: string, ...flags: string[]): void;
  remove(): void;
}

export interface SmallBuildOptions {
  readonly mode: 'thin' | 'thin-dist';
  readonly reduction: boolean;
}

const TARGET = '--target=x86_64-linux-gnu';
const LTO = ['-flto=thin', '-fsplit-lto-unit'];
const REDUCE = ['-mllvm', '-always-rename-promoted-locals=false'];

/** Builds two translation units and an assembly file into a `vmlinux`, by the steps that kbuild takes. */
export function smallBuild({ mode, reduction }: SmallBuildOptions): SmallBuild {
  const folder = mkdtempSync(path.join(tmpdir(), 'small-build-'));
  const build = prepare(folder);
  for (const source of ['init/one.c', 'lib/two.c']) build.compile(source, ...LTO);
  build.compile('lib/entry.S');
  const objects = ['init/one.o', 'lib/two.o', 'lib/entry.o'];
  const link = reduction ? ['--lto-whole-program-visibility', ...REDUCE] : [];
  let members = objects;
  if (mode === 'thin-dist') {
    build.tool('ld.lld', ...link, '-r', '--thinlto-index-only=vmlinux.thinlto-index', ...objects);
    members = ['lib/entry.o'];
    for (const object of readFileSync(path.join(build.output, 'vmlinux.thinlto-index'), 'utf8')
      .trim()
      .split('\n')) {
      const native = object.replace(/\.o$/, '.thinlto-native.o');
      const backEnd = reduction ? REDUCE : [];
      build.tool(
        'clang',
        TARGET,
        '-O2',
        ...backEnd,
        '-x',
        'ir',
        '-fno-lto',
        `-fthinlto-index=${object}.thinlto.bc`,
        '-c',
        '-o',
        native,
        object,
      );
      members.unshift(native);
    }
  }
  build.tool('llvm-ar', 'cDPrS', '--thin', 'vmlinux.a', ...members);
  build.tool('ld.lld', ...link, '-r', '-o', 'vmlinux.o', '--whole-archive', 'vmlinux.a');
  build.tool('ld.lld', '-o', 'vmlinux', 'vmlinux.o');
  return build;
}

function prepare(folder: string): SmallBuild {
  const output = path.join(folder, 'out');
  const tree = path.join(folder, 'tree');
  for (const [name, text] of Object.entries(SOURCES)) {
    for (const place of [output, tree]) mkdirSync(path.join(place, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(tree, name), text);
  }
  const programOf = (name: string) => path.join(testToolchainFolder(), 'bin', name);
  const tool = (name: string, ...args: string[]) =>
    execFileSync(programOf(name), args, {
      cwd: output,
      encoding: 'utf8',
      maxBuffer: 1e9,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  return {
    output,
    tree,
    tool,
    compile: (source, ...flags) => {
      const object = source.replace(/\.[cS]$/, '.o');
      const args = [TARGET, '-O2', '-ffreestanding', '-fno-pic', '-fno-lto', ...flags];
      args.push(`-DKBUILD_MODFILE='"${object.slice(0, -2)}"'`, '-c', '-o', object, path.join(tree, source));
      tool('clang', ...args.map((arg) => arg.replaceAll("'", '')));
      const command = [programOf('clang'), ...args].join(' ');
      const saved = path.join(output, path.dirname(object), `.${path.basename(object)}.cmd`);
      writeFileSync(
        saved,
        `savedcmd_${object} := ${command}\n\nsource_${object} := ${path.join(tree, source)}\n`,
      );
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
