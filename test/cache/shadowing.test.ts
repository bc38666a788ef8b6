import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shadowingDigest } from '../../src/cache/shadowing.ts';
import { archOf } from '../../src/values/arch.ts';

const TREE = [
  'include/linux/mm.h',
  'include/uapi/linux/mman.h',
  'include/linux/sched.h',
  'kernel/sched/sched.h',
  'kernel/fork.c',
  'drivers/net/e1000/e1000.h',
  'arch/x86/include/asm/page.h',
  'arch/x86/boot/Makefile',
];
const read = (name: string) =>
  name === 'arch/x86/boot/Makefile' ? '$(obj)/cpustr.h: $(obj)/mkcpustr\n' : '';
const digest = (...more: string[]) => shadowingDigest([...TREE, ...more], archOf('x86_64'), read);

test('a header that hides another one changes the digest', () => {
  for (const name of [
    'include/linux/mman.h', // found before the one of include/uapi
    'arch/x86/include/linux/mm.h', // the architecture's own folder comes first
    'kernel/linux/mm.h', // "linux/mm.h" beside the includer
    'arch/x86/boot/cpustr.h', // found before the one that is generated
    'drivers/net/e1000.h', // a folder that this subsystem may search
  ]) {
    assert.notEqual(digest(name), digest(), name);
  }
});

test('a header of a name that is new, of another architecture, and what is no header, change nothing', () => {
  for (const name of [
    'include/linux/entirely_new.h',
    'drivers/gpu/drm/new/new_driver.h',
    'arch/arm64/include/linux/mm.h',
    'kernel/mm.c',
  ]) {
    assert.equal(digest(name), digest(), name);
  }
  assert.equal(shadowingDigest([...TREE].reverse(), archOf('x86_64'), read), digest());
});
