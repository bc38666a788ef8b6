import path from 'node:path';
import { fetchKernelSource } from '../debian/kernel-source.ts';
import { type Host, inGroup } from '../host/host.ts';
import { ensurePackages } from '../kernel/host-packages.ts';
import { readBuildRequest, type Surroundings } from '../request/read.ts';
import { buildKernel, type Outcome } from './build.ts';

/**
 * A first kernel for somebody who has nothing: the newest Linux of Debian's archive that has distributed ThinLTO,
 * x86_64 tinyconfig with 64BIT, in `thin-dist` with reduction on. Installs what the host lacks.
 */
export async function runDemo(host: Host, around: Surroundings): Promise<Outcome> {
  await ensurePackages(host, 'install');
  const tree = await inGroup(host, 'Kernel source', () => fetchKernelSource(host, { minimum: '7.2' }));
  const output = path.join(host.cacheFolder, 'demo');
  const inputs: Readonly<Record<string, string>> = {
    source: tree.folder,
    output: path.join(output, 'out'),
    'report-dir': path.join(output, 'report'),
    arch: 'x86_64',
    lto: 'thin-dist',
    'suffix-reduction': 'on',
    config: 'tinyconfig',
    kconfig: 'CONFIG_64BIT=y',
    'host-packages': 'install',
  };
  const raw = new Map(Object.entries(inputs).map(([name, value]) => [name, [value]] as const));
  return buildKernel(host, readBuildRequest(raw, around));
}
