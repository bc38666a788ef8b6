import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { definedOf, findProgram } from '../host/find-program.ts';
import type { Host } from '../host/host.ts';
import { UserError } from '../values/error.ts';
import type { Toolchain, ToolchainRequest } from '../values/toolchain.ts';
import { LLVM_PROGRAMS } from './programs.ts';
import { matchesVersion } from './version.ts';

// Distributions ship the programs as thin drivers over these.
const LIBRARIES = /^lib(LLVM|clang-cpp|LTO|lld)[\w.+-]*\.so[\w.]*$/;

/** A place where programs of an LLVM are. */
interface Place {
  readonly bin: string;
  readonly suffix: string;
  /** What `LLVM=` takes for it. */
  readonly llvm: string;
  /** How a person would call it. */
  readonly name: string;
}

/**
 * An LLVM that is installed: where `llvm-path` says, or the first of PATH, `clang-<major>` in PATH and
 * `/usr/lib/llvm-<major>` that has the wanted version. Throws a UserError that names what is missing or of another version.
 */
export async function findSystem(host: Host, request: ToolchainRequest): Promise<Toolchain> {
  const places =
    request.path === undefined ? usualPlaces(host, request.version) : [placeAt(host, request.path)];
  const refused: string[] = [];
  for (const place of places) {
    const answer = await inspect(host, place);
    if ('wrong' in answer) refused.push(answer.wrong);
    else if (request.path !== undefined || matchesVersion(request.version, answer.version))
      return describe(host, place, answer.version, request);
    else refused.push(`${place.name} is ${answer.version}`);
  }
  const input =
    request.path === undefined ? `llvm-version: '${request.version}' is not installed` : 'llvm-path';
  const why =
    refused.length === 0
      ? `no clang in PATH, no /usr/lib/llvm-${majorOf(request.version)}`
      : refused.join('; ');
  throw new UserError(`${input}: ${why}`);
}

function usualPlaces(host: Host, version: string): readonly Place[] {
  const suffix = `-${majorOf(version)}`;
  const folder = `/usr/lib/llvm${suffix}/bin`;
  return [
    ...inPath(host, ''),
    ...inPath(host, suffix),
    ...(existsSync(path.join(folder, 'clang'))
      ? [{ bin: folder, suffix: '', llvm: `${folder}/`, name: folder }]
      : []),
  ];
}

function inPath(host: Host, suffix: string): readonly Place[] {
  try {
    const bin = path.dirname(findProgram(`clang${suffix}`, host.env.PATH, '/'));
    return [{ bin, suffix, llvm: suffix === '' ? '1' : suffix, name: `clang${suffix} in PATH` }];
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

function placeAt(host: Host, given: string): Place {
  if (given.startsWith('-')) {
    const [place] = inPath(host, given);
    if (place !== undefined) return place;
    throw new UserError(`llvm-path: '${given}': there is no clang${given} in PATH`);
  }
  const bin = [given, path.join(given, 'bin')].find((folder) => existsSync(path.join(folder, 'clang')));
  if (bin === undefined)
    throw new UserError(`llvm-path: there is no clang in ${given} or ${path.join(given, 'bin')}`);
  // make splits LLVM= at spaces.
  if (/\s/.test(bin)) throw new UserError(`llvm-path: '${bin}' has a space in it, which kbuild cannot take`);
  return { bin, suffix: '', llvm: `${bin}/`, name: bin };
}

/** The version of the programs of a place, or a line on what is wrong with it. */
async function inspect(host: Host, place: Place): Promise<{ version: string } | { wrong: string }> {
  const missing = LLVM_PROGRAMS.filter((name) => !existsSync(path.join(place.bin, `${name}${place.suffix}`)));
  if (missing.length > 0) {
    const names = missing.map((name) => name + place.suffix).join(', ');
    return { wrong: `${place.name} has no ${names} beside it in ${place.bin}` };
  }
  const say = async (name: string) => {
    const { stdout, stderr } = await host.run(path.join(place.bin, `${name}${place.suffix}`), ['--version'], {
      limit: 65536,
      timeoutSeconds: 60,
    });
    return {
      version: /(?:clang version|LLD) (\d{1,4}\.\d{1,4}\.\d{1,4}(?:-rc\d{1,3})?)/.exec(stdout)?.[1],
      stderr,
    };
  };
  const [clang, lld] = [await say('clang'), await say('ld.lld')];
  if (clang.version === undefined || lld.version === undefined) {
    const said = (clang.stderr || lld.stderr).trim().split('\n', 1)[0] ?? '';
    return { wrong: `${place.name} does not tell its version (${said.slice(0, 300)})` };
  }
  if (majorOf(clang.version) !== majorOf(lld.version)) {
    const both = `clang ${clang.version} and ld.lld ${lld.version}`;
    return { wrong: `${place.name} has ${both}, of which one cannot read the other's bitcode` };
  }
  return { version: clang.version };
}

async function describe(
  host: Host,
  place: Place,
  version: string,
  request: ToolchainRequest,
): Promise<Toolchain> {
  const digest = await digestOf(host, place);
  if (request.sha256 !== undefined && request.sha256 !== digest) {
    throw new UserError(
      `llvm-sha256: '${request.sha256}' was asked for, and the programs of ${place.name} have ${digest}`,
    );
  }
  return {
    version,
    source: 'system',
    digest,
    bin: place.bin,
    suffix: place.suffix,
    llvm: place.llvm,
    reason: request.path === undefined ? `${place.name} is of the wanted version` : 'llvm-path names it',
    pin: {
      'llvm-version': version,
      'llvm-source': 'system',
      ...(request.path !== undefined && { 'llvm-path': request.path }),
      'llvm-sha256': digest,
    },
  };
}

/** SHA-256 over names and bytes of the programs, and of the LLVM libraries that they load, links resolved. */
async function digestOf(host: Host, { bin, suffix }: Place): Promise<string> {
  const programs = LLVM_PROGRAMS.map((name) => realpathSync(path.join(bin, `${name}${suffix}`)));
  const beside = [...new Set(programs.map((file) => path.join(path.dirname(file), '../lib')))]
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)));
  const loaded = await Promise.all(
    ['clang', 'ld.lld'].map((name) => loadedBy(host, path.join(bin, `${name}${suffix}`))),
  );
  const libraries = [...beside, ...loaded.flat()]
    .filter((file) => LIBRARIES.test(path.basename(file)) && existsSync(file))
    .map((file) => realpathSync(file));
  const hash = createHash('sha256');
  const files = [...new Set([...programs, ...libraries])];
  for (const file of files.sort((a, b) => (path.basename(a) < path.basename(b) ? -1 : 1))) {
    hash.update(`${path.basename(file)}\0`);
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

/** The libraries that a program loads, as its loader lists them (ld.so(8)); a static program only tells its version. */
async function loadedBy(host: Host, program: string): Promise<readonly string[]> {
  const env = { ...definedOf(host.env), LD_TRACE_LOADED_OBJECTS: '1' };
  const { stdout } = await host.run(program, ['--version'], { env, limit: 65536, timeoutSeconds: 60 });
  return [...stdout.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
}

function majorOf(version: string): string {
  return version.split('.')[0] ?? version;
}
