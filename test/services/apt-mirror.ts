import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { debianArch } from '../../src/debian/archive.ts';
import { DEBIAN_KEY } from '../../src/debian/keys.ts';
import { sha256 } from './downloads.ts';
import { reply, type Server, serve } from './http.ts';

export interface AptMirror extends Server {
  /** Paths that were asked for, in order. */
  readonly seen: string[];
}

/**
 * Debian's archive on loopback, byte for byte: apt-get fetches the signed indexes of some suites and each package that
 * is asked for into `folder`, which a later run finds filled. `suites` as `dists/` names them.
 */
export async function serveDebian(folder: string, suites: readonly string[]): Promise<AptMirror> {
  const apt = await setUpApt(folder, suites);
  const update = await apt(['update'], folder);
  if (/^(E|Err)/m.test(update)) throw new Error(`apt-get update: ${update}`);
  const indexes = new Map<string, string>();
  const lists = path.join(folder, 'lists');
  for (const name of await readdir(lists)) {
    const [, suite, index] = /_dists_([\w-]+)_(InRelease|main_binary-\w+_Packages\.xz)$/.exec(name) ?? [];
    if (suite === undefined || index === undefined) continue;
    const file = path.join(lists, name);
    if (index === 'InRelease') indexes.set(`/debian/dists/${suite}/InRelease`, file);
    else {
      const at = `/debian/dists/${suite}/${index.slice(0, -'_Packages.xz'.length).replace('_', '/')}`;
      indexes.set(`${at}/by-hash/SHA256/${sha256(await readFile(file))}`, file);
    }
  }
  const debs = path.join(folder, 'debs');
  await mkdir(debs, { recursive: true });
  const seen: string[] = [];
  const server = await serve(async (_, response, url) => {
    const wanted = decodeURIComponent(url.pathname);
    seen.push(wanted);
    const index = indexes.get(wanted);
    if (index !== undefined) return sendFile(response, index);
    // name_version_arch, where the version comes without its epoch.
    const [, name, version, arch] =
      /^\/debian\/pool\/[\w/+.-]*\/([^/_]+)_([^/_]+)_(\w+)\.deb$/.exec(wanted) ?? [];
    if (name === undefined) return reply(response, 404, 'not found');
    const isIt = (file: string) => file.replace(/_\d+%3a/, '_') === `${name}_${version}_${arch}.deb`;
    const there = async () => (await readdir(debs)).find(isIt);
    if ((await there()) === undefined) {
      const full = await fullVersion(apt, debs, `${name}:${arch}`, version ?? '');
      if (full !== undefined) await apt(['download', `${name}:${arch}=${full}`], debs);
    }
    const file = await there();
    return file === undefined ? reply(response, 404, 'not found') : sendFile(response, path.join(debs, file));
  });
  return { ...server, url: `${server.url}/debian`, seen };
}

type Apt = (args: readonly string[], cwd: string, program?: string) => Promise<string>;

/** apt-get with folders, sources and keys of its own, which touches nothing of the machine's. */
async function setUpApt(folder: string, suites: readonly string[]): Promise<Apt> {
  for (const name of ['lists/partial', 'archives/partial', 'parts'])
    await mkdir(path.join(folder, name), { recursive: true });
  await writeFile(path.join(folder, 'key.asc'), DEBIAN_KEY.armored);
  const sources = suites.map(
    (suite) => `deb [signed-by=${folder}/key.asc] http://deb.debian.org/debian ${suite} main\n`,
  );
  await writeFile(path.join(folder, 'sources.list'), sources.join(''));
  await writeFile(path.join(folder, 'status'), '');
  await writeFile(
    path.join(folder, 'apt.conf'),
    `Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "${folder}/parts";
Dir::Etc::parts "${folder}/parts";
Dir::Etc::preferencesparts "${folder}/parts";
Dir::State::lists "${folder}/lists";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}";
APT::Architectures { "${debianArch(process.arch)}"; };
APT::Architecture "${debianArch(process.arch)}";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Check-Valid-Until "false";
Acquire::GzipIndexes "true";
Acquire::CompressionTypes::Order { "xz"; };
Acquire::IndexTargets::deb::Packages::KeepCompressedAs "xz";
`,
  );
  const env = { ...process.env, APT_CONFIG: path.join(folder, 'apt.conf'), LC_ALL: 'C' };
  return async (args, cwd, program = 'apt-get') => {
    const options = { cwd, env, maxBuffer: 1 << 26 };
    const { stdout, stderr } = await promisify(execFile)(program, args as string[], options).catch(
      (error: NodeJS.ErrnoException & { stderr?: string }) => {
        if (error.code !== 'ENOENT') throw new Error(`${program} ${args.join(' ')}: ${error.stderr}`);
        throw new Error(`${program} is not on this machine; the tests run on Debian or Ubuntu`);
      },
    );
    return `${stdout}${stderr}`;
  };
}

/** The version with its epoch. */
async function fullVersion(
  apt: Apt,
  cwd: string,
  name: string,
  version: string,
): Promise<string | undefined> {
  const rows = (await apt(['madison', name], cwd, 'apt-cache')).split('\n');
  const versions = rows.map((row) => row.split('|')[1]?.trim() ?? '');
  return versions.find((one) => one.replace(/^\d+:/, '') === version);
}

async function sendFile(response: ServerResponse, file: string): Promise<void> {
  response.writeHead(200, { 'content-length': String((await stat(file)).size) });
  await pipeline(createReadStream(file), response);
}
