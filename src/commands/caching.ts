import { readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { cacheMakefile, clangOf, makeCompilerFolder } from '../cache/compiler-folder.ts';
import { findEmbedding } from '../cache/embedding.ts';
import { identityOf } from '../cache/identity.ts';
import { OWN_FOLDER } from '../cache/output-files.ts';
import { type Carried, carryOutput, type OutputPlace, type OutputSetting } from '../cache/output-level.ts';
import { digestOutside, namedInArguments } from '../cache/outside.ts';
import { readManifest, unpackPart } from '../cache/pack.ts';
import { whySavingIsOff } from '../cache/save-policy.ts';
import { shadowingDigest } from '../cache/shadowing.ts';
import { readSources } from '../cache/sources.ts';
import { type Identity, removeState } from '../cache/state.ts';
import { type CacheStore, chooseStore, type RestoreResult } from '../cache/store.ts';
import { resolveCcache } from '../ccache/resolve.ts';
import { type Host, inGroup } from '../host/host.ts';
import type { Ccache } from '../values/cache.ts';
import { messageOf, UserError } from '../values/error.ts';
import type { Mode } from '../values/mode.ts';
import type { BuildRequest } from '../values/request.ts';
import type { Toolchain } from '../values/toolchain.ts';
import type { KernelTree } from '../values/tree.ts';

const MAKEFILE_LIMIT = 4 << 20;
/** Name of the packed compiler cache in an entry. */
export const CCACHE_PART = 'ccache.tar.zst';

/** The cache of a build that is about to begin. */
export interface Caching {
  readonly store: CacheStore;
  readonly key: readonly (readonly [name: string, value: string])[];
  /** What all keys of this build's entries begin with. */
  readonly prefix: string;
  readonly setting: OutputSetting;
  readonly carried: Carried;
  readonly compiler: CompilerCache;
  /** `LLVM=` */
  readonly llvm: string;
  /** Text of the makefile that a build with the cache needs. */
  readonly makefile: string;
  readonly embedding: readonly string[];
  /** Milliseconds since 1970. */
  readonly began: number;
  readonly seconds: { readonly output: number; readonly compiler: number };
}

export interface CompilerCache {
  readonly ccache: Ccache | undefined;
  /** One line for people. */
  readonly status: string;
  readonly folder: string;
  /** Whether the folder is the store itself, and needs no packing. */
  readonly live: boolean;
  readonly bytesRestored: number;
  /** Statistics of this build's calls. */
  readonly log: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Opens the cache of a build: finds what there is of it, and makes the output folder ready. Undefined where it is off. */
export async function openCaching(
  host: Host,
  request: BuildRequest,
  tree: KernelTree,
  mode: Mode,
  toolchain: Toolchain,
  onUnfinished: (what: Unfinished) => void,
): Promise<Caching | undefined> {
  if (request.cache.use === 'off') {
    removeState(request.output);
    return undefined;
  }
  return inGroup(host, 'Cache', async () => {
    const began = Date.now();
    const store = chooseStore(host, request.cache.folder);
    const key = keyOf(request, mode, toolchain);
    const prefix = `${key.map(([, value]) => value).join('-')}-`;
    host.log.info(
      `Cache: ${store.name}${store.readOnly === undefined ? '' : ` (read-only: ${store.readOnly})`}`,
    );
    for (const [name, value] of key) host.log.info(`  key: ${name} ${value}`);
    const others = [request.output, request.reportDir, ...(store.folder === undefined ? [] : [store.folder])];
    // git is at work while the entry is unpacked.
    const listed = readSources(host, tree.path, others);
    listed.catch(() => undefined);
    const place: OutputPlace = {
      tree: tree.path,
      output: request.output,
      without: [request.reportDir],
      identity: identityOf(host.env, request.arch.name, toolchain.digest, tree.path, request.output),
    };
    // The entry of the same configuration, else the newest of another one: kbuild tells what differs.
    const anyFamily = `${key
      .slice(0, -1)
      .map(([, value]) => value)
      .join('-')}-`;
    let asked: Promise<RestoreResult> | undefined;
    const find = () => (asked ??= store.restore([prefix, anyFamily, unfinishedPrefix(key)]));
    const live = store.folder !== undefined;
    // Where the compiler cache lies in the entry, the entry is needed in any case.
    if (!live) await find();
    const carried = await carryOutput(host, place, listed, find);
    const setting: OutputSetting = { ...place, sources: await listed };
    host.log.info(`Output folder: ${carried.status}`);
    const afterOutput = Date.now();
    const { before, changed } = carried;
    const embedding = await findEmbedding(host, tree.path, request.arch, before?.embedding, changed);
    const compiler = await openCompiler(host, request, toolchain, store, asked, setting);
    host.log.info(`Compiler cache: ${compiler.status}`);
    const restored = await asked;
    if (restored !== undefined && 'found' in restored) await restored.found.release();
    if (!live && compiler.ccache !== undefined && whySavingIsOff(request.cache.use, host.env) === undefined)
      onUnfinished({ prefix: unfinishedPrefix(key), folder: compiler.folder, identity: setting.identity });
    const llvm = makeCompilerFolder(request.output, toolchain, compiler.ccache?.program, host.self);
    return {
      store,
      key,
      prefix,
      setting,
      carried,
      compiler,
      llvm,
      makefile: cacheMakefile(llvm, embedding),
      embedding,
      began,
      seconds: { output: (afterOutput - began) / 1000, compiler: (Date.now() - afterOutput) / 1000 },
    };
  });
}

/** What the keys of entries begin with that hold the compiler cache of a build that was ended by force. */
function unfinishedPrefix(key: Caching['key']): string {
  return `unfinished-${key.map(([, value]) => value).join('-')}-`;
}

/** What the post step needs to save the compiler cache of a build that did not come to its end. */
export interface Unfinished {
  readonly prefix: string;
  readonly folder: string;
  readonly identity: Identity;
}

function keyOf(request: BuildRequest, mode: Mode, toolchain: Toolchain): Caching['key'] {
  const named = request.cache.family ?? request.config.map((word) => path.basename(word)).join('+');
  return [
    ['format', 'kernel-thinlto.1'],
    ['architecture', request.arch.name],
    ['toolchain', `llvm${toolchain.version.replaceAll('-', '.')}.${toolchain.digest.slice(0, 12)}`],
    ['family', `${named.replaceAll(/[^\w.+=]/g, '_').slice(0, 80)}.${mode.replace('-', '_')}`],
  ];
}

async function openCompiler(
  host: Host,
  request: BuildRequest,
  toolchain: Toolchain,
  store: CacheStore,
  asked: Promise<RestoreResult> | undefined,
  setting: OutputSetting,
): Promise<CompilerCache> {
  const live = store.folder !== undefined;
  const folder = live
    ? path.join(store.folder, 'ccache')
    : path.join(host.env.RUNNER_TEMP ?? request.output, 'kernel-thinlto', 'ccache');
  const log = path.join(request.output, OWN_FOLDER, 'ccache-calls.log');
  rmSync(log, { force: true });
  const none = { folder, live, bytesRestored: 0, log, environment: {} };
  let ccache: Ccache;
  try {
    ccache = await resolveCcache(host, request.cache.ccache);
  } catch (error) {
    if (!(error instanceof UserError) || host.signal.aborted) throw error;
    host.log.warning(`ccache: ${error.message}; this build compiles without it`);
    return { ...none, ccache: undefined, status: `not used: ${error.message}` };
  }
  // What a run must not save it must not put into a live folder either, which others take their objects from.
  const readOnly = live ? (store.readOnly ?? whySavingIsOff(request.cache.use, host.env)) : undefined;
  let status = `ccache ${ccache.version} (${ccache.source}), ${folder}`;
  if (readOnly !== undefined) status = `${status}, only read: ${readOnly}`;
  let bytesRestored = 0;
  if (!live && asked !== undefined) {
    rmSync(folder, { recursive: true, force: true });
    try {
      const result = await asked;
      if ('none' in result) throw new UserError(result.none);
      const part = (await readManifest(result.found.folder)).parts.get(CCACHE_PART);
      if (part === undefined) throw new UserError('the entry holds none');
      await unpackPart(host, path.join(result.found.folder, CCACHE_PART), part, folder);
      bytesRestored = part.bytes;
      status = `${status}, restored from ${result.found.key}`;
    } catch (error) {
      host.signal.throwIfAborted();
      rmSync(folder, { recursive: true, force: true });
      status = `${status}, not restored: ${messageOf(error)}`;
    }
  }
  const profiles = digestOutside(namedInArguments(request.makeArgs, host.env));
  const shadowing = shadowingDigest(setting.sources.ids.keys(), request.arch, (name) => {
    const file = path.join(setting.tree, name);
    const info = statSync(file, { throwIfNoEntry: false });
    return info?.isFile() && info.size < MAKEFILE_LIMIT ? readFileSync(file, 'utf8') : '';
  });
  return {
    ccache,
    status,
    folder,
    live,
    bytesRestored,
    log,
    environment: {
      CCACHE_DIR: folder,
      // Only what is said here holds: CCACHE_BASEDIR, say, would change the bitcode.
      CCACHE_CONFIGPATH: '/dev/null',
      CCACHE_CONFIGPATH2: '/dev/null',
      CCACHE_COMPILER: clangOf(toolchain),
      CCACHE_COMPILERTYPE: 'clang',
      // clang is a thin driver over libraries, which neither its time nor its bytes tell.
      CCACHE_COMPILERCHECK: `string:${toolchain.digest} ${shadowing} ${profiles}`,
      // A miss does not run the preprocessor first, which costs a quarter of a cold build.
      CCACHE_DEPEND: '1',
      CCACHE_MAXSIZE: `${Math.ceil(request.cache.maxBytes / 1e6)}M`,
      CCACHE_STATSLOG: log,
      CCACHE_NOINODECACHE: '1',
      ...(readOnly !== undefined && {
        CCACHE_READONLY: '1',
        CCACHE_TEMPDIR: path.join(request.output, OWN_FOLDER, 'tmp'),
      }),
    },
  };
}
