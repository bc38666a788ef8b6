import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Host, inGroup } from '../host/host.ts';
import { probe } from '../toolchain/probe.ts';
import { resolveToolchain } from '../toolchain/resolve.ts';
import type { Arch } from '../values/arch.ts';
import type { Abilities, Toolchain, ToolchainRequest } from '../values/toolchain.ts';

/** Finds or fetches the LLVM of a request. */
export async function installToolchain(host: Host, request: ToolchainRequest): Promise<Toolchain> {
  return inGroup(host, 'Toolchain', () => resolveToolchain(host, request));
}

/** Tries what an LLVM does for an architecture, and logs the evidence. */
export async function probeToolchain(host: Host, toolchain: Toolchain, arch: Arch): Promise<Abilities> {
  return inGroup(host, `Probe of LLVM ${toolchain.version} for ${arch.name}`, async () => {
    const scratch = mkdtempSync(path.join(os.tmpdir(), 'kernel-thinlto-'));
    try {
      const abilities = await probe(host, toolchain, arch, scratch);
      for (const line of abilities.evidence) host.log.info(line);
      return abilities;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
}

/** What `toolchain probe` prints: one line an ability, and the evidence. */
export function describeAbilities(toolchain: Toolchain, arch: Arch, abilities: Abilities): string {
  const rows: readonly (readonly [string, boolean])[] = [
    ['ThinLTO in-process (thin)', abilities.thin],
    ['ThinLTO distributed (thin-dist)', abilities.thinDist],
    ['suffix reduction in thin', abilities.reductionThin],
    ['suffix reduction in thin-dist', abilities.reductionThinDist],
  ];
  const lines = rows.map(([name, able]) => `  ${name.padEnd(34)}${able ? 'yes' : 'no'}`);
  return [
    `LLVM ${toolchain.version} (${toolchain.bin}) for ${arch.name}:`,
    ...lines,
    ...abilities.evidence.map((line) => `  - ${line}`),
    '',
  ].join('\n');
}
