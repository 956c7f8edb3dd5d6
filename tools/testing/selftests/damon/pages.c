// SPDX-License-Identifier: GPL-2.0
/*
 * Map memory of a kind, with known contents, and touch it or check it on demand.
 *
 * usage: pages anon|huge|shared|same|hugetlb|hugefile BYTES [NODE]
 *        pages file PATH [NODE]
 *
 * "shared" is a file in memory without a name, shared; "same" is pages of equal
 * contents that may be merged; "hugefile" is as "shared", of huge pages that are
 * reserved; "file" is a private mapping of a file, read only.  NODE is where
 * to have them first; they may be moved.
 *
 * Prints address and size of the mapping.  Each line read is answered with one:
 * "touch" (from now on read all pages over and over again), "touch N" (only the
 * first page of each N bytes), "rest" (stop that), "check" (have all pages their
 * contents?), "fork N" (N children that map and touch the same pages), "lock" (in
 * memory), "split" (map huge pages by small entries, for good), "punch" (from now
 * on punch a hole that ends amid the last huge page, and fill it, over and over
 * again), "punched" (how often), "unmap" and "map" (the same pages again, in the
 * same place).  End of input ends the program.
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
	unsigned int memfd_flags;
};

static const struct kind kinds[] = {
	{ "anon", MAP_PRIVATE | MAP_ANONYMOUS, MADV_NOHUGEPAGE },
	{ "huge", MAP_PRIVATE | MAP_ANONYMOUS, MADV_HUGEPAGE },
	{ "shared", MAP_SHARED, MADV_NOHUGEPAGE, .memfd = true },
	{ "same", MAP_PRIVATE | MAP_ANONYMOUS, MADV_MERGEABLE, true },
	{ "hugetlb", MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, 0 },
	{ "hugefile", MAP_SHARED, 0, .memfd = true, .memfd_flags = MFD_HUGETLB },
	{ "file", MAP_PRIVATE, 0 },
	{}
};

static const struct kind *kind;
static char *area;
static size_t size, page, step;
static int fd = -1;
static bool touching;
static unsigned long nr_punched;

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
		for (off = 0; is_touching() && off < size;
		     off += __atomic_load_n(&step, __ATOMIC_RELAXED))
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
	fd = memfd_create("pages", kind->memfd_flags);
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

static void *punch(void *arg)
{
	for (;;) {
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			      size - page))
			die("fallocate");
		fill();
		__atomic_add_fetch(&nr_punched, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static void start(void *(*loop)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, loop, NULL))
		die("pthread_create");
}

/* A page that differs: no huge entry fits here any more. */
static bool split(void)
{
	size_t off;

	for (off = HUGE_ALIGN / 2; off < size; off += HUGE_ALIGN)
		if (mprotect(area + off, page, PROT_READ))
			return false;
	return true;
}

static void touch(const char *every)
{
	size_t bytes = strtoul(every, NULL, 0);

	__atomic_store_n(&step, bytes ? bytes : page, __ATOMIC_RELAXED);
	__atomic_store_n(&touching, true, __ATOMIC_RELAXED);
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

static const char *punched(void)
{
	static char number[32];

	snprintf(number, sizeof(number), "%lu",
		 __atomic_load_n(&nr_punched, __ATOMIC_RELAXED));
	return number;
}

static const char *obey(const char *line)
{
	if (!strncmp(line, "touch", 5)) {
		touch(line + 5);
		return "done";
	}
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
	if (!strcmp(line, "split\n"))
		return split() ? "done" : "failed";
	if (!strcmp(line, "punch\n")) {
		start(punch);
		return "done";
	}
	if (!strcmp(line, "punched\n"))
		return punched();
	__atomic_store_n(&touching, false, __ATOMIC_RELAXED);
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
	step = page;
	open_area(argv[2]);
	find_area();
	map_area();
	if (argc > 3)
		set_policy(MPOL_BIND, argv[3]);
	fill();
	set_policy(MPOL_DEFAULT, NULL);
	start(touch_all);
	printf("%lx %lx\n", (unsigned long)area, (unsigned long)size);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		puts(obey(line));
		fflush(stdout);
	}
	return 0;
}
