// SPDX-License-Identifier: GPL-2.0
/*
 * Change the own mappings at random, for ever.
 *
 * usage: vaddr_churn SEED
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define NR_AREAS	64
#define MAX_PAGES	1024

struct area {
	char *start;
	size_t len;
};

static struct area areas[NR_AREAS];

static void map_area(struct area *a)
{
	size_t at;

	a->len = (1 + rand() % MAX_PAGES) * (size_t)getpagesize();
	a->start = mmap(NULL, a->len, PROT_READ | PROT_WRITE,
			(rand() % 2 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS,
			-1, 0);
	if (a->start == MAP_FAILED)
		exit(1);
	if (rand() % 2)
		madvise(a->start, a->len, MADV_HUGEPAGE);
	for (at = 0; at < a->len; at += getpagesize())
		a->start[at] = 1;
}

static void change_area(struct area *a)
{
	char *moved;

	switch (rand() % 4) {
	case 0:
		moved = mremap(a->start, a->len, a->len / 2 + getpagesize(),
			       MREMAP_MAYMOVE);
		if (moved != MAP_FAILED) {
			a->start = moved;
			a->len = a->len / 2 + getpagesize();
		}
		break;
	case 1:
		mprotect(a->start, getpagesize(), PROT_READ);
		break;
	case 2:
		madvise(a->start, a->len, MADV_DONTNEED);
		break;
	default:
		munmap(a->start, a->len);
		a->start = NULL;
	}
}

int main(int argc, char **argv)
{
	struct area *a;

	if (argc < 2)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	srand(atoi(argv[1]));
	for (;;) {
		a = &areas[rand() % NR_AREAS];
		if (a->start)
			change_area(a);
		else
			map_area(a);
		if (!(rand() % 5000))
			execv("/proc/self/exe", argv);
		if (!(rand() % 2000) && !fork())
			_exit(0);
	}
}
