// SPDX-License-Identifier: GPL-2.0
/*
 * Map memory, touch all of it once, then keep touching chosen parts of it.
 *
 * usage: touch small|huge BYTES
 *
 * Prints the address of the mapping.  Each line read is a list of "OFFSET
 * LENGTH" pairs that replaces the parts touched so far (an empty line: none);
 * it is answered with an empty line.  End of input ends the program.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_PARTS 64
#define HUGE_ALIGN (2UL << 20)

struct part {
	size_t off, len;
};

static struct part parts[MAX_PARTS];
static int nr_parts;
static pthread_mutex_t parts_lock = PTHREAD_MUTEX_INITIALIZER;
static char *area;
static size_t page;

static void touch(size_t off)
{
	__atomic_store_n(&area[off], 1, __ATOMIC_RELAXED);
}

static void *touch_parts(void *arg)
{
	struct part now[MAX_PARTS];
	size_t at;
	int i, nr;

	for (;;) {
		pthread_mutex_lock(&parts_lock);
		memcpy(now, parts, sizeof(now));
		nr = nr_parts;
		pthread_mutex_unlock(&parts_lock);
		for (i = 0; i < nr; i++)
			for (at = 0; at < now[i].len; at += page)
				touch(now[i].off + at);
		if (!nr)
			usleep(1000);
	}
	return arg;
}

static bool next_number(char **line, size_t *number)
{
	char *end;

	*number = strtoul(*line, &end, 0);
	if (end == *line)
		return false;
	*line = end;
	return true;
}

static bool set_parts(char *line, size_t size)
{
	struct part new[MAX_PARTS];
	int nr = 0;

	while (nr < MAX_PARTS && next_number(&line, &new[nr].off) &&
	       next_number(&line, &new[nr].len)) {
		if (new[nr].off > size || new[nr].len > size - new[nr].off)
			return false;
		nr++;
	}
	pthread_mutex_lock(&parts_lock);
	memcpy(parts, new, sizeof(parts[0]) * nr);
	nr_parts = nr;
	pthread_mutex_unlock(&parts_lock);
	return true;
}

static void map_area(bool huge, size_t size)
{
	char *map = mmap(NULL, size + HUGE_ALIGN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t skip, at;

	if (map == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	skip = -(size_t)map % HUGE_ALIGN;
	if (skip)
		munmap(map, skip);
	map += skip;
	if (skip != HUGE_ALIGN)
		munmap(map + size, HUGE_ALIGN - skip);
	madvise(map, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	area = map;
	for (at = 0; at < size; at += page)
		touch(at);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[4096];
	size_t size;

	if (argc != 3)
		return 2;
	page = sysconf(_SC_PAGESIZE);
	size = strtoul(argv[2], NULL, 0);
	map_area(!strcmp(argv[1], "huge"), size);
	if (pthread_create(&thread, NULL, touch_parts, NULL))
		return 1;
	printf("%p\n", (void *)area);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!set_parts(line, size))
			return 2;
		puts("");
		fflush(stdout);
	}
	return 0;
}
