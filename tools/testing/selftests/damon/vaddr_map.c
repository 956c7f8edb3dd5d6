// SPDX-License-Identifier: GPL-2.0
/*
 * Memory mapped in a certain way, of which the first half is read all the time.
 *
 * usage: vaddr_map small|thp|mthp|hugetlb|hugetlb1g|shmem|shmthp|file|zero BYTES [PATH]
 *
 * Prints the address once all is faulted in, then runs until it is killed.
 * "zero" is the only kind that is never written, and so maps no memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT	26
#endif

#define HUGE_ALIGN	(2UL << 20)

struct kind {
	const char *name;
	int flags;
	int advice;
	int writes;
};

static const struct kind kinds[] = {
	{ "small", MAP_PRIVATE | MAP_ANONYMOUS, MADV_NOHUGEPAGE, 1 },
	{ "thp", MAP_PRIVATE | MAP_ANONYMOUS, MADV_HUGEPAGE, 1 },
	{ "mthp", MAP_PRIVATE | MAP_ANONYMOUS, MADV_HUGEPAGE, 1 },
	{ "hugetlb", MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		     21 << MAP_HUGE_SHIFT, 0, 1 },
	{ "hugetlb1g", MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		       30 << MAP_HUGE_SHIFT, 0, 1 },
	{ "shmem", MAP_SHARED | MAP_ANONYMOUS, 0, 1 },
	{ "shmthp", MAP_SHARED | MAP_ANONYMOUS, MADV_HUGEPAGE, 1 },
	{ "file", MAP_SHARED, 0, 1 },
	{ "zero", MAP_PRIVATE | MAP_ANONYMOUS, MADV_NOHUGEPAGE, 0 },
	{}
};

static const struct kind *find_kind(const char *name)
{
	const struct kind *kind;

	for (kind = kinds; kind->name; kind++)
		if (!strcmp(kind->name, name))
			return kind;
	exit(2);
}

static int open_file(const char *path, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, size)) {
		perror(path);
		exit(1);
	}
	unlink(path);
	return fd;
}

static char *map(const struct kind *kind, size_t size, int fd)
{
	size_t room = kind->flags & MAP_HUGETLB ? size : size + HUGE_ALIGN;
	char *area = mmap(NULL, room, PROT_READ | PROT_WRITE, kind->flags, fd, 0);

	if (area == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	if (room > size && fd < 0)
		area += -(size_t)area % HUGE_ALIGN;
	if (kind->advice)
		madvise(area, size, kind->advice);
	return area;
}

int main(int argc, char **argv)
{
	size_t at, size, page = sysconf(_SC_PAGESIZE);
	const struct kind *kind;
	char *area;
	int fd = -1;

	if (argc < 3)
		return 2;
	kind = find_kind(argv[1]);
	size = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		fd = open_file(argv[3], size);
	area = map(kind, size, fd);
	for (at = 0; at < size; at += page)
		if (kind->writes)
			__atomic_store_n(&area[at], 1, __ATOMIC_RELAXED);
	printf("%p\n", (void *)area);
	fflush(stdout);
	for (;;) {
		for (at = 0; at < size / 2; at += page)
			__atomic_load_n(&area[at], __ATOMIC_RELAXED);
		usleep(500);
	}
}
