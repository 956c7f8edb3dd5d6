// SPDX-License-Identifier: GPL-2.0
/*
 * Map memory of a kind, with known contents, and touch it or check it on demand.
 *
 * usage: pages anon|huge|shared|same|hugetlb BYTES [NODE]
 *        pages file PATH [NODE]
 *
 * "shared" is a file in memory without a name, shared; "same" is pages of equal
 * contents that may be merged; "file" is a private mapping of a file, read only.
 * NODE is where to have them first; they may be moved.
 *
 * Prints address and size of the mapping.  Each line read is answered with one:
 * "touch" (from now on read all pages over and over again), "rest" (stop that),
 * "check" (have all pages their contents?), "fork N" (N children that map and
 * touch the same pages), "lock" (in memory), "unmap" and "map" (the same pages
 * again, in the same place).  End of input ends the program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_DEFAULT 0
#define MPOL_BIND 2
#define MPOL_MAX_NODES 64
#define HUGE_ALIGN (2UL << 20)

struct kind {
	const char *name;
	int flags;
	int advice;
	bool same;
	bool memfd;
};

static const struct kind kinds[] = {
	{ "anon", MAP_PRIVATE | MAP_ANONYMOUS, MADV_NOHUGEPAGE },
	{ "huge", MAP_PRIVATE | MAP_ANONYMOUS, MADV_HUGEPAGE },
	{ "shared", MAP_SHARED, MADV_NOHUGEPAGE, .memfd = true },
	{ "same", MAP_PRIVATE | MAP_ANONYMOUS, MADV_MERGEABLE, true },
	{ "hugetlb", MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, 0 },
	{ "file", MAP_PRIVATE, 0 },
	{}
};

static const struct kind *kind;
static char *area;
static size_t size, page;
static int fd = -1;
static bool touching;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t contents(size_t off)
{
	return kind->same ? 7 : off * 2654435761u + 1;
}

static uint64_t *word(size_t off)
{
	return (uint64_t *)(area + off);
}

static bool is_touching(void)
{
	return __atomic_load_n(&touching, __ATOMIC_RELAXED);
}

static void *touch_all(void *arg)
{
	size_t off;

	for (;;) {
		if (!is_touching())
			usleep(1000);
		for (off = 0; is_touching() && off < size; off += page)
			__atomic_load_n(word(off), __ATOMIC_RELAXED);
	}
	return arg;
}

/* Whose contents are not ours. */
static bool is_file(void)
{
	return !(kind->flags & MAP_ANONYMOUS) && !kind->memfd;
}

static bool intact(void)
{
	size_t off;

	for (off = 0; !is_file() && off < size; off += page)
		if (*word(off) != contents(off))
			return false;
	return true;
}

static void set_policy(int mode, const char *node)
{
	unsigned long mask = node ? 1UL << atoi(node) : 0;

	if (syscall(SYS_set_mempolicy, mode, node ? &mask : NULL, MPOL_MAX_NODES))
		die("set_mempolicy");
}

static void map_area(void)
{
	int prot = is_file() ? PROT_READ : PROT_READ | PROT_WRITE;

	if (mmap(area, size, prot, kind->flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		die("mmap");
	if (kind->advice && madvise(area, size, kind->advice))
		die("madvise");
}

static void unmap_area(void)
{
	if (mmap(area, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		die("unmap");
}

/* Aligned, so that huge pages fit, and with a gap around it, so that the mapping is one. */
static void find_area(void)
{
	area = mmap(NULL, size + 2 * HUGE_ALIGN, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	area += HUGE_ALIGN - (uintptr_t)area % HUGE_ALIGN;
}

static void fill(void)
{
	size_t off;

	for (off = 0; off < size; off += page) {
		if (is_file())
			__atomic_load_n(word(off), __ATOMIC_RELAXED);
		else
			*word(off) = contents(off);
	}
}

static void open_file(const char *path)
{
	struct stat st;

	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		die(path);
	size = st.st_size;
}

static void make_file(void)
{
	fd = memfd_create("pages", 0);
	if (fd < 0 || ftruncate(fd, size))
		die("memfd");
}

static void open_area(const char *what)
{
	if (is_file()) {
		open_file(what);
		return;
	}
	size = strtoul(what, NULL, 0);
	if (kind->memfd)
		make_file();
}

static void start_toucher(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, touch_all, NULL))
		die("pthread_create");
}

static void fork_readers(int nr)
{
	while (nr-- > 0) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		intact();
		for (;;)
			pause();
	}
}

static const char *obey(const char *line)
{
	if (!strncmp(line, "fork ", 5)) {
		fork_readers(atoi(line + 5));
		return "done";
	}
	if (!strcmp(line, "check\n"))
		return intact() ? "intact" : "broken";
	if (!strcmp(line, "lock\n"))
		return mlock(area, size) ? "failed" : "done";
	if (!strcmp(line, "map\n")) {
		map_area();
		return "done";
	}
	if (!strcmp(line, "unmap\n")) {
		unmap_area();
		return "done";
	}
	__atomic_store_n(&touching, !strcmp(line, "touch\n"), __ATOMIC_RELAXED);
	return "done";
}

int main(int argc, char **argv)
{
	char line[256];

	if (argc < 3)
		return 2;
	for (kind = kinds; kind->name && strcmp(kind->name, argv[1]); kind++)
		;
	if (!kind->name)
		return 2;
	page = sysconf(_SC_PAGESIZE);
	open_area(argv[2]);
	find_area();
	map_area();
	if (argc > 3)
		set_policy(MPOL_BIND, argv[3]);
	fill();
	set_policy(MPOL_DEFAULT, NULL);
	start_toucher();
	printf("%lx %lx\n", (unsigned long)area, (unsigned long)size);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		puts(obey(line));
		fflush(stdout);
	}
	return 0;
}
