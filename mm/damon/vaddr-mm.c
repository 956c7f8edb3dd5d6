// SPDX-License-Identifier: GPL-2.0
/*
 * The address space of a target: found, kept, and watched.
 *
 * A target is a pid.  What it maps belongs to an mm, which exec() exchanges and
 * exit drops, so each pass makes sure that the task still uses the mm it
 * watches.  If it does not, the new one is looked up through the task; a task
 * without an mm of its own (exited, or a kernel thread) is not monitored.
 *
 * The watch on an mm is an MMU notifier.  It pins the struct mm_struct, not
 * what is mapped, so that a pass only has to ask for users of it.  When something
 * is unmapped it counts, and nothing else.  There is one for all targets, of all
 * contexts, in an mm.  When it cannot be registered the mm is looked up in each
 * pass, and unmapping goes unnoticed until the next regular look.
 *
 * A notifier would make each clearing and test of an accessed bit ask all
 * subscribers, of which ours has nothing to tell.  So the walk asks them only
 * when there are others.  Our list node tells: subscribers are added at the
 * head, under the mmap lock.  So we are alone while nothing follows us, and
 * what points to us is what did when we had just been added.
 */

#include <linux/err.h>
#include <linux/mmu_notifier.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "vaddr.h"

/**
 * struct damon_va_watch - A watch on an address space.
 * @mn:		the notifier; counts the targets that use it
 * @first:	what pointed to @mn in the list of subscribers when it was the
 *		first of them
 * @unmaps:	changes when something was unmapped.  Of two threads that unmap at
 *		the same time one may be missed
 */
struct damon_va_watch {
	struct mmu_notifier mn;
	struct hlist_node **first;
	unsigned int unmaps;
};

static struct mmu_notifier *alloc_watch(struct mm_struct *mm)
{
	struct damon_va_watch *watch = kzalloc(sizeof(*watch), GFP_KERNEL);

	return watch ? &watch->mn : ERR_PTR(-ENOMEM);
}

static void free_watch(struct mmu_notifier *mn)
{
	kfree(container_of(mn, struct damon_va_watch, mn));
}

static int note_unmap(struct mmu_notifier *mn,
		      const struct mmu_notifier_range *range)
{
	struct damon_va_watch *watch = container_of(mn, struct damon_va_watch, mn);

	if (range->event == MMU_NOTIFY_UNMAP)
		WRITE_ONCE(watch->unmaps, READ_ONCE(watch->unmaps) + 1);
	return 0;
}

static const struct mmu_notifier_ops watch_ops = {
	.invalidate_range_start = note_unmap,
	.alloc_notifier = alloc_watch,
	.free_notifier = free_watch,
};

static struct damon_va_watch *get_watch(struct mm_struct *mm)
{
	struct damon_va_watch *watch;
	struct mmu_notifier *mn;

	mmap_write_lock(mm);
	mn = mmu_notifier_get_locked(&watch_ops, mm);
	if (IS_ERR(mn)) {
		mmap_write_unlock(mm);
		return NULL;
	}
	watch = container_of(mn, struct damon_va_watch, mn);
	if (!watch->first)
		watch->first = mn->hlist.pprev;
	mmap_write_unlock(mm);
	return watch;
}

static void end_watch(struct damon_va_target *vt)
{
	if (vt->watch)
		mmu_notifier_put(&vt->watch->mn);
	put_pid(vt->pid);
	vt->watch = NULL;
	vt->pid = NULL;
	vt->polling = false;
}

static void begin_watch(struct damon_va_target *vt, struct pid *pid,
			struct mm_struct *mm)
{
	if (vt->pid != pid)
		vt->fitted = false;
	else if (vt->polling)
		return;
	end_watch(vt);
	vt->pid = get_pid(pid);
	vt->watch = get_watch(mm);
	vt->polling = !vt->watch;
	if (vt->watch)
		vt->unmaps_seen = READ_ONCE(vt->watch->unmaps);
	vt->look = true;
}

static bool uses(struct pid *pid, const struct mm_struct *mm)
{
	struct task_struct *task;

	guard(rcu)();
	task = pid_task(pid, PIDTYPE_PID);
	return task && READ_ONCE(task->mm) == mm;
}

static struct mm_struct *mm_of(struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	struct mm_struct *mm;

	if (!task)
		return NULL;
	mm = get_task_mm(task);
	put_task_struct(task);
	return mm;
}

static struct mm_struct *look_up(struct damon_target *t)
{
	struct damon_va_target *vt = damon_va_target(t);
	struct mm_struct *mm = mm_of(t->pid);

	if (!mm) {
		if (vt)
			end_watch(vt);
		return NULL;
	}
	if (!vt)
		vt = kzalloc(sizeof(*vt), GFP_KERNEL);
	if (!vt) {
		mmput(mm);
		return NULL;
	}
	damon_target_run(t)->ops_data = vt;
	begin_watch(vt, t->pid, mm);
	return mm;
}

/* The address space of a target, for mmput(); NULL if there is none. */
struct mm_struct *damon_va_get_mm(struct damon_target *t)
{
	struct damon_va_target *vt = damon_va_target(t);
	struct mm_struct *mm;

	if (!vt || !vt->watch || vt->pid != t->pid)
		return look_up(t);
	mm = vt->watch->mn.mm;
	if (!uses(t->pid, mm) || !mmget_not_zero(mm))
		return look_up(t);
	return mm;
}

/* Whether something was unmapped since this was last asked. */
bool damon_va_unmapped(struct damon_va_target *vt)
{
	unsigned int unmaps;

	if (!vt->watch)
		return false;
	unmaps = READ_ONCE(vt->watch->unmaps);
	if (unmaps == vt->unmaps_seen)
		return false;
	vt->unmaps_seen = unmaps;
	return true;
}

/* Whether another target may have the same address space. */
bool damon_va_shared(struct damon_target *t)
{
	struct damon_va_target *vt = damon_va_target(t);

	return vt && (vt->polling ||
		      (vt->watch && READ_ONCE(vt->watch->mn.users) > 1));
}

/* Whether there may be secondary MMUs.  Valid while the mmap lock is held. */
bool damon_va_others_listen(struct damon_target *t, struct mm_struct *mm)
{
	const struct damon_va_watch *watch = damon_va_target(t)->watch;

	mmap_assert_locked(mm);
	if (!watch)
		return mm_has_notifiers(mm);
	return READ_ONCE(watch->mn.hlist.next) ||
	       READ_ONCE(watch->mn.hlist.pprev) != watch->first;
}

/* If there is no notifier, have the next damon_va_get_mm() try again. */
void damon_va_retry_watch(struct damon_target *t)
{
	if (damon_va_target(t))
		damon_va_target(t)->polling = false;
}

/* Drop all that is kept of a target. */
void damon_va_forget(struct damon_target *t)
{
	struct damon_va_target *vt = damon_va_target(t);

	if (!vt)
		return;
	end_watch(vt);
	damon_va_forget_cells(vt);
	damon_target_run(t)->ops_data = NULL;
	kfree(vt);
}
