import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { buildsFolder, COMMAND, oldestNode } from '../services/built.ts';
import { testToolchainFolder } from '../services/llvm.ts';
import { testTree } from '../services/tree.ts';

const MESSAGE = 'init made by the test is running';

// write(2) and reboot(2) on x86_64, without a C library.
const INIT = `
static long call(long n, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
void _start(void) {
  static const char text[] = "${MESSAGE}\\n";
  call(1, 1, (long)text, sizeof text - 1, 0);
  call(169, 0xfee1dead, 672274793, 0x4321fedc, 0);
  for (;;) ;
}
`;

const FRAGMENT = [
  ...['64BIT', 'PRINTK', 'TTY', 'SERIAL_8250', 'SERIAL_8250_CONSOLE', 'BLK_DEV_INITRD', 'BINFMT_ELF'].map(
    (name) => `CONFIG_${name}=y`,
  ),
  '',
].join('\n');

for (const lto of ['thin', 'thin-dist']) {
  test(`${lto}, with reduction, boots in QEMU to an init`, async () => {
    const folder = path.join(buildsFolder(), `boot-${lto}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'boot.config'), FRAGMENT);
    const output = path.join(folder, 'out');
    execFileSync(
      oldestNode(),
      [
        ...[COMMAND, 'build', '--source', testTree(), '--output', output, '--arch', 'x86_64', '--lto', lto],
        ...['--suffix-reduction', 'on', '--config', 'tinyconfig', '--targets', 'bzImage'],
        ...['--config-fragment', path.join(folder, 'boot.config'), '--llvm-path', testToolchainFolder()],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const report = JSON.parse(readFileSync(path.join(output, 'thinlto-report/report.json'), 'utf8'));
    assert.equal(report.build.suffixReduction.effective, true);
    const console_ = await boot(path.join(output, 'arch/x86/boot/bzImage'), initramfs(folder));
    assert.match(console_, new RegExp(MESSAGE), `the console said:\n${console_.slice(-2000)}`);
    assert.match(console_, /Linux version .*clang version/);
  });
}

function initramfs(folder: string): string {
  const root = path.join(folder, 'root');
  mkdirSync(root, { recursive: true });
  writeFileSync(path.join(folder, 'init.c'), INIT);
  execFileSync(path.join(testToolchainFolder(), 'bin/clang'), [
    ...['--target=x86_64-linux-gnu', '-O1', '-static', '-nostdlib', '-ffreestanding', '-fuse-ld=lld'],
    ...['-o', path.join(root, 'init'), path.join(folder, 'init.c')],
  ]);
  const archive = spawnSync('cpio', ['-o', '-H', 'newc', '--quiet'], { cwd: root, input: 'init\n' });
  assert.equal(archive.status, 0, `cpio: ${archive.stderr}; install it with: apt-get install cpio`);
  const file = path.join(folder, 'init.cpio');
  writeFileSync(file, archive.stdout);
  return file;
}

/** Starts QEMU without hardware help, and gives the console's text once the machine is off, or after 3 minutes. */
function boot(kernel: string, initrd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const machine = spawn('qemu-system-x86_64', [
      ...['-accel', 'tcg', '-m', '256', '-nographic', '-no-reboot', '-nodefaults', '-serial', 'stdio'],
      ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 panic=-1'],
    ]);
    const deadline = setTimeout(() => machine.kill('SIGKILL'), 180_000);
    let text = '';
    machine.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (text.includes(MESSAGE)) machine.kill('SIGTERM');
    });
    machine.stderr.on('data', (data: Buffer) => {
      text += data.toString();
    });
    machine.on('error', (error) =>
      reject(new Error(`${error.message}; install it with: apt-get install qemu-system-x86`)),
    );
    machine.on('close', () => {
      clearTimeout(deadline);
      resolve(text);
    });
  });
}
