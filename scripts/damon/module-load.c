// SPDX-License-Identifier: GPL-2.0
/*
 * A program that uses a part of its memory only, and knows how long its work
 * takes.
 *
 * usage: module-load BYTES HOT_BYTES PERIOD_MS [STRAY_MS]
 *
 * Fills BYTES of anonymous memory, half of each page with noise, so that it
 * compresses.  Then does a round of work every PERIOD_MS, which reads and writes
 * each page of the first HOT_BYTES; and every STRAY_MS, if that is not 0, it
 * reads one page anywhere in the rest, as part of a round.
 *
 * Prints a line when it is ready, and one for each line it reads: rounds since
 * the last one, the nanoseconds these and the longest of them took, and the
 * bytes of the hot and of the other part that are in memory.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WORDS		8	/* of a page that a round works on */
#define PRESENT(entry)	((entry) >> 63)
#define NS_PER_MS	1000000L

struct work {
	long rounds, busy_ns, longest_ns;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct work done;
static unsigned long *area, seed = 88172645463325252UL;
static size_t size, hot, page;
static long period_ms, stray_ms;

static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

static unsigned long *page_at(size_t offset)
{
	return &area[offset / sizeof(*area)];
}

static void fill(void)
{
	size_t at, i;

	for (at = 0; at < size; at += page)
		for (i = 0; i < page / sizeof(*area) / 2; i++)
			page_at(at)[i] = next_random();
}

static void work_on(unsigned long *words)
{
	int i;

	for (i = 0; i < WORDS; i++)
		__atomic_store_n(&words[i], words[i] * 3 + i, __ATOMIC_RELAXED);
}

static void stray(void)
{
	size_t pages = (size - hot) / page;

	if (pages)
		__atomic_load_n(page_at(hot + next_random() % pages * page), __ATOMIC_RELAXED);
}

static void round_of_work(long *next_stray_ns)
{
	long begin = now_ns(), took;
	size_t at;

	for (at = 0; at < hot; at += page)
		work_on(page_at(at));
	if (stray_ms && begin >= *next_stray_ns) {
		stray();
		*next_stray_ns = begin + stray_ms * NS_PER_MS;
	}
	took = now_ns() - begin;
	pthread_mutex_lock(&lock);
	done.rounds++;
	done.busy_ns += took;
	if (took > done.longest_ns)
		done.longest_ns = took;
	pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
	long next_stray_ns = 0;

	for (;;) {
		round_of_work(&next_stray_ns);
		usleep(period_ms * 1000);
	}
	return arg;
}

static size_t resident(int pagemap, size_t from, size_t to)
{
	unsigned long entries[512];
	size_t at, i, nr, found = 0;
	off_t where;

	for (at = from; at < to; at += nr * page) {
		where = ((unsigned long)area + at) / page * sizeof(*entries);
		nr = (to - at) / page < 512 ? (to - at) / page : 512;
		if (pread(pagemap, entries, nr * sizeof(*entries), where) < 0)
			exit(1);
		for (i = 0; i < nr; i++)
			found += PRESENT(entries[i]) * page;
	}
	return found;
}

static void report(int pagemap)
{
	struct work since;

	pthread_mutex_lock(&lock);
	since = done;
	memset(&done, 0, sizeof(done));
	pthread_mutex_unlock(&lock);
	printf("%ld %ld %ld %zu %zu\n", since.rounds, since.busy_ns, since.longest_ns,
	       resident(pagemap, 0, hot), resident(pagemap, hot, size));
	fflush(stdout);
}

static void prepare(char **argv)
{
	page = sysconf(_SC_PAGESIZE);
	size = strtoul(argv[1], NULL, 0) / page * page;
	hot = strtoul(argv[2], NULL, 0) / page * page;
	period_ms = atol(argv[3]);
	area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || hot > size) {
		perror("module-load");
		exit(1);
	}
	madvise(area, size, MADV_NOHUGEPAGE);
	fill();
}

int main(int argc, char **argv)
{
	pthread_t worker;
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	char line[16];

	if (argc < 4 || argc > 5 || pagemap < 0)
		return 2;
	stray_ms = argc > 4 ? atol(argv[4]) : 0;
	prepare(argv);
	if (pthread_create(&worker, NULL, work, NULL))
		return 1;
	puts("");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		report(pagemap);
	return 0;
}
