// SPDX-License-Identifier: GPL-2.0
/*
 * What bench-accuracy monitors: memory that is accessed in a known way.
 *
 * usage: bench-pattern anon BYTES | memfd BYTES FILE_BYTES | hugefd BYTES FILE_BYTES
 *
 * anon: small pages, all touched at start.  memfd, hugefd: a file of FILE_BYTES in
 * memory, of small or huge pages, mapped over and over up to BYTES, with page
 * tables for all of it.  Prints the address.
 *
 * Each line read is a list of "OFFSET LENGTH PPM PAGES" that takes the place of
 * the last one: each tick of 2.5 ms, with a probability of PPM in a million, the
 * part is touched: all of it, or so many pages at random if PAGES is not 0.
 * It is answered with the nanoseconds of CLOCK_MONOTONIC from which on it holds.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_PARTS	128
#define HUGE_PAGE	(2UL << 20)
#define TICK_NS		2500000L

struct part {
	size_t off, len, ppm, pages;
};

static struct part parts[MAX_PARTS];
static int nr_parts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of both */
static char *area;
static size_t size, step, page;
static unsigned long seed = 88172645463325252UL;

static unsigned long rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void touch(size_t off)
{
	__atomic_load_n(&area[off], __ATOMIC_RELAXED);
}

static void touch_part(const struct part *p)
{
	size_t at;

	if (rnd() % 1000000 >= p->ppm)
		return;
	for (at = 0; p->pages && at < p->pages; at++)
		touch(p->off + rnd() % (p->len / page) * page);
	for (at = 0; !p->pages && at < p->len; at += step)
		touch(p->off + at);
}

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void sleep_until(long ns)
{
	const struct timespec at = { ns / 1000000000L, ns % 1000000000L };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void *touch_parts(void *arg)
{
	long next = now_ns();
	int i;

	for (;;) {
		pthread_mutex_lock(&lock);
		for (i = 0; i < nr_parts; i++)
			touch_part(&parts[i]);
		pthread_mutex_unlock(&lock);
		next += TICK_NS;
		if (next < now_ns())
			next = now_ns();
		sleep_until(next);
	}
	return arg;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Address space for the area, aligned for huge pages. */
static void reserve(void)
{
	area = mmap(NULL, size + HUGE_PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	area += -(size_t)area % HUGE_PAGE;
}

static void map(size_t off, size_t len, int flags, int fd)
{
	if (mmap(area + off, len, PROT_READ | PROT_WRITE, MAP_FIXED | flags, fd, 0) == MAP_FAILED)
		die("mmap");
}

static void map_anonymous(void)
{
	size_t at;

	map(0, size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	madvise(area, size, MADV_NOHUGEPAGE);
	for (at = 0; at < size; at += page)
		area[at] = 1;
}

static void map_file(size_t file_size, int huge)
{
	int fd = memfd_create("bench", 0);
	size_t at, i;

	step = huge ? HUGE_PAGE : page;
	if (fd < 0 || ftruncate(fd, file_size))
		die("memfd");
	for (at = 0; at < size; at += file_size) {
		map(at, file_size, MAP_SHARED, fd);
		madvise(area + at, file_size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		for (i = 0; i < file_size; i += step)
			__atomic_store_n(&area[at + i], 1, __ATOMIC_RELAXED);
	}
}

static int read_parts(char *line)
{
	struct part new[MAX_PARTS];
	int nr = 0, used;

	while (nr < MAX_PARTS && sscanf(line, "%zu %zu %zu %zu%n", &new[nr].off, &new[nr].len,
					&new[nr].ppm, &new[nr].pages, &used) == 4) {
		line += used;
		nr++;
	}
	pthread_mutex_lock(&lock);
	memcpy(parts, new, sizeof(*new) * nr);
	nr_parts = nr;
	pthread_mutex_unlock(&lock);
	return nr;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char line[16384];

	if (argc < 3)
		return 2;
	page = sysconf(_SC_PAGESIZE);
	step = page;
	size = strtoul(argv[2], NULL, 0);
	reserve();
	if (!strcmp(argv[1], "anon"))
		map_anonymous();
	else if (argc == 4)
		map_file(strtoul(argv[3], NULL, 0), !strcmp(argv[1], "hugefd"));
	else
		return 2;
	if (pthread_create(&thread, NULL, touch_parts, NULL))
		return 1;
	printf("%p\n", (void *)area);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		read_parts(line);
		printf("%ld\n", now_ns());
		fflush(stdout);
	}
	return 0;
}
