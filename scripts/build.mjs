// Builds dist/ from src/: tsc to plain JavaScript, then ncc to one file a door.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const target = path.resolve(process.argv[2] ?? path.join(root, 'dist'));
const node = (script, ...args) =>
  execFileSync(process.execPath, [path.join(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });

rmSync(path.join(root, '.build'), { recursive: true, force: true });
node('typescript/bin/tsc', '-p', 'tsconfig.build.json');
// ncc reads the nearest package.json to tell ESM from CommonJS, and leaves its cache in the system's folder.
const scratch = mkdtempSync(path.join(tmpdir(), 'kernel-thinlto-build-'));
rmSync(target, { recursive: true, force: true });
for (const door of ['action', 'cli']) {
  const out = path.join(scratch, door);
  node(
    '@vercel/ncc/dist/ncc/cli.js',
    'build',
    `.build/${door}.js`,
    '-o',
    out,
    '--no-cache',
    '--license',
    'licenses.txt',
    '--target',
    'es2023',
  );
  mkdirSync(path.join(target, door), { recursive: true });
  cpSync(out, path.join(target, door), { recursive: true });
}
writeFileSync(path.join(target, 'package.json'), '{ "type": "module" }\n');
const command = path.join(target, 'cli/index.js');
const text = readFileSync(command, 'utf8');
writeFileSync(command, text.startsWith('#!') ? text : `#!/usr/bin/env node\n${text}`);
chmodSync(command, 0o755);
rmSync(scratch, { recursive: true, force: true });
rmSync(path.join(root, '.build'), { recursive: true, force: true });
