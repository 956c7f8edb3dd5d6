# SPDX-License-Identifier: GPL-2.0
# Front door; the work is done by scripts/damon/.

S := scripts/damon

.PHONY: help setup kernel debug-kernel guest demo demo-reclaim demo-lru-sort \
	check check-debug fuzz bench bench-accuracy integrate clean

help:
	@echo 'make demo          watch a real program with our DAMON (CMD=... for another)'
	@echo 'make demo-reclaim  watch damon_reclaim make room, and what that costs'
	@echo 'make demo-lru-sort the same for damon_lru_sort when memory is short'
	@echo 'make check         run every test (about 40 minutes the first time)'
	@echo 'make check-debug   run the tests of the guest under a debug kernel'
	@echo 'make fuzz          write anything to the sysfs interface under a debug kernel'
	@echo '                   (SECONDS=600 for how long; SEED=N to do it again)'
	@echo 'make bench         measure what DAMON costs, beside the stock one'
	@echo '                   (ROWS="vaddr mmap-vaddr-5000": these alone; STOCK=DIR: a stock'
	@echo '                   kernel built before; scripts/damon/bench --help, --list)'
	@echo 'make bench-accuracy   how well DAMON finds patterns, beside the stock one'
	@echo '                   (ROWS="stripes moving", STOCK=DIR; --help, --list as well)'
	@echo 'make kernel        build the kernel of the guest in build/guest'
	@echo 'make guest         a root shell in the guest (RUN=... for a command)'
	@echo 'make integrate DIR=linux   put our DAMON into a 6.12.y source tree'
	@echo 'make clean         remove build/'
	@echo
	@echo 'KSRC=dir-or-tarball takes a 6.12.y source other than Debian'\''s.'

setup:
	@$S/setup

kernel: setup
	@$S/kernel guest

debug-kernel: setup
	@$S/kernel debug

guest: kernel
	@$S/guest $(if $(RUN),-- sh -c '$(RUN)',--shell)

demo: kernel
	@$S/demo

demo-reclaim demo-lru-sort: demo-%: kernel
	@$S/demo-module $*

check: setup
	@$S/check

check-debug: setup
	@$S/check debug

fuzz: debug-kernel
	@$S/fuzz $(or $(SECONDS),600) $(SEED)

bench:
	@$S/bench $(ROWS)

bench-accuracy:
	@$S/bench-accuracy $(ROWS)

integrate:
	@$(if $(DIR),$S/integrate '$(DIR)',echo 'usage: make integrate DIR=linux' >&2; exit 1)

clean:
	rm -rf build
