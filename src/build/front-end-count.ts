import type { Host } from '../host/host.ts';
import type { Arch } from '../values/arch.ts';
import { UserError } from '../values/error.ts';

export interface FrontEndQuery {
  readonly treePath: string;
  /** Output folder; its `.config` is final. */
  readonly output: string;
  readonly arch: Arch;
  /** Whether the build makes kernel modules beside vmlinux. */
  readonly modules: boolean;
  /** The whole environment of the build's make. */
  readonly environment: Readonly<Record<string, string>>;
}

const TIMEOUT_SECONDS = 30;

/**
 * How many objects the front end (clang or the assembler) will make for vmlinux and, if asked, the kernel modules,
 * near enough for a progress line. GNU make itself reads the tree's Kbuild files, all in one process, with every
 * command of theirs replaced by `true`, and stops before it makes anything. Undefined where that fails.
 */
export async function countFrontEnd(host: Host, query: FrontEndQuery): Promise<number | undefined> {
  try {
    const result = await host.run(
      'make',
      [
        ...['-rR', '-f', '-', '-C', query.output, '-I', query.treePath],
        ...['SHELL=true', `srctree=${query.treePath}`, 'objtree=.', `ARCH=${query.arch.name}`],
        ...[`SRCARCH=${query.arch.srcArch}`, `count-modules=${query.modules ? 'yes' : ''}`],
      ],
      {
        env: { ...query.environment, MAKEFILES: '', MAKEFLAGS: '', LC_ALL: 'C' },
        input: COUNT,
        limit: 1 << 20,
        timeoutSeconds: TIMEOUT_SECONDS,
      },
    );
    const count = Number(/^front-end objects: (\d{1,7})$/m.exec(result.stdout)?.[1] ?? 0);
    return count > 0 ? count : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/**
 * The makefile. What it does with the variables of a Kbuild file is what scripts/Makefile.build does: foo.o stands
 * for foo-y and foo-objs where they are set, dir/ is a folder to read. Folders are read level by level, and the
 * variables of one are taken away before the next. Since 6.10 `src` is a path with the tree in it (srcroot).
 * objcopy, not the front end, makes *.pi.o, *.stub.o and *-x32.o from other objects of the list.
 */
const COUNT = `
include .config
quote := "
$(foreach v,$(filter CONFIG_%,$(.VARIABLES)),$(if $(findstring $(quote),$(value $v)),$(eval $v := $$(subst $$(quote),,$$($v)))))

src-prefix := $(if $(findstring srcroot,$(file < $(srctree)/scripts/Makefile.build)),$(srctree)/)
count-needed := .config $(srctree)/Kbuild $(srctree)/arch/$(SRCARCH)/Makefile
$(if $(filter-out $(wildcard $(count-needed)),$(count-needed)),$(error not a configured tree))
count-base := $(.VARIABLES)
libs-y := lib/
include $(srctree)/arch/$(SRCARCH)/Makefile
count-arch-core := $(core-y)
count-arch-drivers := $(drivers-y)
count-arch-libs := $(patsubst %/lib.a,%/,$(patsubst ./%,%,$(libs-y)))
count-head := $(filter %.o,$(head-y))

count-scrub = $(foreach v,$(filter-out $(count-base),$(filter %-y %-m %-objs %- targets,$(.VARIABLES))),$(eval undefine $v))
count-parts = $(foreach s,$2,$($(1:.o=$s)))
count-real = $(foreach o,$1,$(if $(strip $(call count-parts,$o,$2 -)),$(call count-parts,$o,$2),$o))
count-file = $(firstword $(wildcard $(srctree)/$1/Kbuild $(srctree)/$1/Makefile))

define count-gather
count-here := $$(call count-real,$$(filter-out %/,$$(obj-y) $$(lib-y) $$(lib-m)),-objs -y)
count-here += $$(if $$(count-modules),$$(call count-real,$$(filter-out %/,$$(obj-m)),-objs -y -m))
count-here += $$(extra-y) $$(always-y) $$(targets)
count-objects += $$(addprefix $(1:./%=%)/,$$(filter %.o,$$(count-here)))
count-next += $$(addprefix $1/,$$(patsubst %/,%,$$(subdir-y) $$(subdir-m) $$(filter %/,$$(obj-y) $$(obj-m))))
endef

define count-visit
obj := $1
src := $(src-prefix)$1
$(count-scrub)
obj-y :=
obj-m :=
lib-y :=
lib-m :=
extra-y :=
always-y :=
targets :=
subdir-y :=
subdir-m :=
include $2
$$(eval $$(call count-gather,$1))
endef

define count-level
count-next :=
count-seen += $1
$$(foreach d,$1,$$(if $$(call count-file,$$d),$$(eval $$(call count-visit,$$d,$$(call count-file,$$d)))))
endef

count-levels = $(eval $(call count-level,$2))$(if $1,$(call count-more,$(wordlist 2,99,$1),$(filter-out $(count-seen),$(sort $(count-next)))))
count-more = $(if $2,$(call count-levels,$1,$2))

ARCH_CORE := $(count-arch-core)
ARCH_LIB := $(filter %/,$(count-arch-libs))
ARCH_DRIVERS := $(count-arch-drivers)
count-objects := $(count-head)
$(call count-levels,1 2 3 4 5 6 7 8 9 10 11 12,.)
count-objects := $(filter-out %.pi.o %.stub.o %-x32.o,$(sort $(patsubst ./%,%,$(count-objects))))
$(if $(filter ./init,$(count-seen)),,$(error the top Kbuild names no folders: a tree before 6.1))
$(info front-end objects: $(words $(count-objects)))
$(error counted)
`;
