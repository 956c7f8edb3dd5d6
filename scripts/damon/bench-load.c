// SPDX-License-Identifier: GPL-2.0
/*
 * What the bench monitors: memory, all of it touched at start, and read again
 * in full every period.
 *
 * usage: bench-load small|huge|vmas|shared BYTES PERIOD_MS
 *
 * vmas: neighbouring blocks of VMA_PAGES differ in protection, so that each is
 * a mapping of its own.  PERIOD_MS 0: never read again.  Prints the address of
 * the memory.  A number read from stdin asks for that many rounds of mmap(),
 * touch, munmap(); the answer is the nanoseconds all of them and the longest
 * mmap() or munmap() took.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define HUGE_PAGE (2UL << 20)
#define VMA_PAGES 52
#define MAP_ROUND_BYTES (64UL << 10)

static char *area;
static size_t size, step, page;
static useconds_t period_us;

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void *read_all(void *arg)
{
	size_t at;

	while (period_us) {
		for (at = 0; at < size; at += step)
			__atomic_load_n(&area[at], __ATOMIC_RELAXED);
		usleep(period_us);
	}
	return arg;
}

static void *map_anonymous(size_t bytes, int sharing)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return map;
}

static void cut_into_vmas(char *map)
{
	size_t at, block = VMA_PAGES * page;

	for (at = block; at + block <= size; at += 2 * block) {
		if (mprotect(map + at, block, PROT_READ)) {
			perror("mprotect");
			exit(1);
		}
	}
}

static void map_area(const char *kind)
{
	char *map = map_anonymous(size + HUGE_PAGE, strcmp(kind, "shared") ?
				  MAP_PRIVATE : MAP_SHARED);
	int huge = !strcmp(kind, "huge");
	size_t at;

	map += -(size_t)map % HUGE_PAGE;
	step = huge ? HUGE_PAGE : page;
	madvise(map, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	for (at = 0; at < size; at += step)
		map[at] = 1;
	if (!strcmp(kind, "vmas"))
		cut_into_vmas(map);
	area = map;
}

static long longer(long longest, long start)
{
	long took = now_ns() - start;

	return took > longest ? took : longest;
}

static void map_and_unmap(long rounds)
{
	long start = now_ns(), longest = 0, before;
	char *map;

	while (rounds--) {
		before = now_ns();
		map = map_anonymous(MAP_ROUND_BYTES, MAP_PRIVATE);
		longest = longer(longest, before);
		*map = 1;
		before = now_ns();
		munmap(map, MAP_ROUND_BYTES);
		longest = longer(longest, before);
	}
	printf("%ld %ld\n", now_ns() - start, longest);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	pthread_t reader;
	char line[64];

	if (argc != 4)
		return 2;
	page = sysconf(_SC_PAGESIZE);
	size = strtoul(argv[2], NULL, 0);
	period_us = strtoul(argv[3], NULL, 0) * 1000;
	map_area(argv[1]);
	if (pthread_create(&reader, NULL, read_all, NULL))
		return 1;
	printf("%p\n", (void *)area);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		map_and_unmap(atol(line));
	return 0;
}
