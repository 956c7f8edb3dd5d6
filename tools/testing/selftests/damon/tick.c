// SPDX-License-Identifier: GPL-2.0
/*
 * One process for each CPU that wakes every millisecond.  Switching between
 * address spaces drops cached translations, so a workload that would
 * otherwise run alone out of the TLB sets accessed bits again.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void tick_on(int cpu, pid_t parent)
{
	cpu_set_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(0);
	while (getppid() == parent)
		usleep(1000);
	exit(0);
}

int main(void)
{
	int cpu, nr = sysconf(_SC_NPROCESSORS_CONF);
	pid_t self = getpid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (cpu = 0; cpu < nr; cpu++)
		if (!fork())
			tick_on(cpu, self);
	pause();
	return 0;
}
