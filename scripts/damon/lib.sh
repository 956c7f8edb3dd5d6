# SPDX-License-Identifier: GPL-2.0
# Sourced by the shell tools here: paths, messages, and make for kernel trees.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
build=$top/build
linux=$build/linux
logs=$build/logs
mkdir -p "$logs"

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# One user of a build directory at a time; held until the shell ends.
lock() {
	exec {lock_fd}>"$build/.lock-$1"
	flock -n "$lock_fd" && return
	say "waiting for another run to leave build/$1"
	flock "$lock_fd"
}

cc=gcc
if command -v ccache >/dev/null; then
	cc="ccache gcc"
	export CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1
fi
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
export KBUILD_BUILD_USER=damon KBUILD_BUILD_HOST=damon

# kmake OBJDIR ARG..
kmake() {
	local obj=$1
	shift
	make -C "$linux" O="$obj" CC="$cc" -j"$(nproc)" "$@" </dev/null
}

# Print a line for every 200 lines read, all of which go to the log $1.
progress() {
	awk -v log_file="$1" '
	{ print > log_file }
	NR % 200 == 0 { printf "  %d steps: %s\n", NR, $NF; fflush() }'
}
