// SPDX-License-Identifier: GPL-2.0
/*
 * Directories and typed files of sysfs from tables; see sysfs-dir.h.
 */

#include <linux/delay.h>
#include <linux/kstrtox.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "sysfs-dir.h"

/**
 * struct sdir_lock - The lock of some directories.
 * @sem:	held for writing; for reading, by who holds an inner lock
 * @brief:	who holds it, or tries to, waits for nothing
 * @outer:	the lock around it, NULL for that of the tree
 */
struct sdir_lock {
	struct rw_semaphore sem;
	bool brief;
	struct sdir_lock *outer;
};

/**
 * struct sdir - A directory that exists.
 * @kobj:	its place in sysfs, and its lifetime
 * @desc:	what is in it
 * @payload:	what its files show; owned by elements, else the parent's
 * @lock:	its lock
 * @own_lock:	@lock if it is not the parent's, else NULL
 * @children:	fixed subdirectories
 * @nr_children: how many of them exist
 */
struct sdir {
	struct kobject kobj;
	const struct sdir_desc *desc;
	void *payload;
	struct sdir_lock *lock;
	struct sdir_lock *own_lock;
	struct sdir **children;
	unsigned int nr_children;
};

static void unlock_outer(struct sdir_lock *lock)
{
	for (lock = lock->outer; lock; lock = lock->outer)
		up_read(&lock->sem);
}

static bool trylock_outer(struct sdir_lock *lock)
{
	struct sdir_lock *outer = lock->outer;

	if (!outer)
		return true;
	if (!trylock_outer(outer))
		return false;
	if (down_read_trylock(&outer->sem))
		return true;
	unlock_outer(outer);
	return false;
}

/* Who has it briefly may have gone between the first try and the look. */
static bool trylock_unless_long(struct sdir_lock *lock)
{
	while (!down_write_trylock(&lock->sem)) {
		if (!READ_ONCE(lock->brief))
			return down_write_trylock(&lock->sem);
		usleep_range(20, 100);
	}
	return true;
}

/**
 * sdir_trylock() - Try to lock a directory.
 * @dir:	the directory; its lock is that of some directory around it
 *
 * Context: may sleep, to wait for who has it locked briefly.
 * Return: whether it is locked now.
 */
bool sdir_trylock(const struct sdir *dir)
{
	if (!trylock_outer(dir->lock))
		return false;
	if (trylock_unless_long(dir->lock))
		return true;
	unlock_outer(dir->lock);
	return false;
}

/**
 * sdir_unlock() - Undo sdir_trylock().
 * @dir:	the directory
 */
void sdir_unlock(const struct sdir *dir)
{
	up_write(&dir->lock->sem);
	unlock_outer(dir->lock);
}

/**
 * sdir_trylock_briefly() - Try to lock a directory, and be in nobody's way.
 * @dir:	the directory; its lock is that of some directory around it
 *
 * Context: does not sleep; nor may the caller until it is unlocked.  One caller
 * at a time for each lock.
 * Return: whether it is locked now.
 */
bool sdir_trylock_briefly(const struct sdir *dir)
{
	if (!trylock_outer(dir->lock))
		return false;
	WRITE_ONCE(dir->lock->brief, true);
	if (down_write_trylock(&dir->lock->sem))
		return true;
	WRITE_ONCE(dir->lock->brief, false);
	unlock_outer(dir->lock);
	return false;
}

/**
 * sdir_unlock_briefly() - Undo sdir_trylock_briefly().
 * @dir:	the directory
 */
void sdir_unlock_briefly(const struct sdir *dir)
{
	up_write(&dir->lock->sem);
	WRITE_ONCE(dir->lock->brief, false);
	unlock_outer(dir->lock);
}

static ssize_t nr_show(const struct sdir_file *f, void *value, char *buf)
{
	const struct sdir_array *array = value;

	return sysfs_emit(buf, "%u\n", READ_ONCE(array->nr));
}

/* A bad number is refused as such even while the lock is held. */
static int nr_store(const struct sdir_file *f, void *value, const char *buf)
{
	struct sdir_array *array = value;
	const struct sdir_desc *desc = array->dir->desc;
	int nr, err = kstrtoint(buf, 0, &nr);

	if (err)
		return err;
	if (nr < 0 || (desc->max_elems && nr > desc->max_elems))
		return -EINVAL;
	if (!sdir_trylock(array->dir))
		return -EBUSY;
	if (desc->may_resize)
		err = desc->may_resize(array);
	if (!err)
		err = sdir_set_nr(array, nr);
	sdir_unlock(array->dir);
	return err;
}

const struct sdir_type sdir_nr = { .show = nr_show, .store = nr_store };

static ssize_t file_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	const struct sdir *dir = container_of(kobj, struct sdir, kobj);
	const struct sdir_file *f = container_of(attr, struct sdir_file, attr);

	return f->type->show(f, dir->payload + f->offset, buf);
}

static ssize_t file_store(struct kobject *kobj, struct attribute *attr,
			  const char *buf, size_t count)
{
	struct sdir *dir = container_of(kobj, struct sdir, kobj);
	const struct sdir_file *f = container_of(attr, struct sdir_file, attr);
	int err;

	if (!f->type->locked)
		return f->type->store(f, dir->payload + f->offset, buf) ?: count;
	if (!sdir_trylock(dir))
		return -EBUSY;
	err = f->type->store(f, dir->payload + f->offset, buf);
	sdir_unlock(dir);
	return err ?: count;
}

static const struct sysfs_ops file_ops = {
	.show = file_show,
	.store = file_store,
};

static void free_payload(const struct sdir_desc *desc, void *payload)
{
	if (!desc->size)
		return;
	if (desc->release)
		desc->release(payload);
	kfree(payload);
}

static void destroy_values(const struct sdir *dir)
{
	const struct sdir_file *f;

	for (f = dir->desc->files; f && f->attr.name; f++) {
		if (f->type->destroy)
			f->type->destroy(dir->payload + f->offset);
	}
}

/* Those of subdirectories come first: they refer to this one. */
static void dir_release(struct kobject *kobj)
{
	struct sdir *dir = container_of(kobj, struct sdir, kobj);

	destroy_values(dir);
	free_payload(dir->desc, dir->payload);
	kfree(dir->own_lock);
	kfree(dir->children);
	kfree(dir);
}

static const struct kobj_type dir_ktype = {
	.release = dir_release,
	.sysfs_ops = &file_ops,
};

static struct sdir_array *dir_array(const struct sdir *dir)
{
	return dir->payload;
}

static int create_files(struct sdir *dir)
{
	const struct sdir_file *f;
	int err;

	for (f = dir->desc->files; f && f->attr.name; f++) {
		err = sysfs_create_file(&dir->kobj, &f->attr);
		if (err)
			return err;
	}
	return 0;
}

static struct sdir *create(struct kobject *parent, const char *name,
			   const struct sdir_desc *desc, void *payload,
			   struct sdir_lock *lock);

static int create_children(struct sdir *dir)
{
	const struct sdir_child *c;
	struct sdir *child;
	unsigned int nr = 0;

	for (c = dir->desc->children; c && c->name; c++)
		nr++;
	if (!nr)
		return 0;
	dir->children = kcalloc(nr, sizeof(*dir->children), GFP_KERNEL);
	if (!dir->children)
		return -ENOMEM;
	for (c = dir->desc->children; c->name; c++) {
		child = create(&dir->kobj, c->name, c->desc,
			       dir->payload + c->offset, dir->lock);
		if (IS_ERR(child))
			return PTR_ERR(child);
		dir->children[dir->nr_children++] = child;
	}
	return 0;
}

/* What a file does may need the subdirectories, so they are there before it. */
static int populate(struct sdir *dir)
{
	if (dir->desc->elem)
		dir_array(dir)->dir = dir;
	return create_children(dir) ?: create_files(dir);
}

static void *new_payload(const struct sdir_desc *desc)
{
	void *payload = kzalloc(desc->size, GFP_KERNEL);

	if (payload && desc->init)
		desc->init(payload);
	return payload;
}

static int set_lock(struct sdir *dir, struct sdir_lock *lock)
{
	dir->lock = lock;
	if (lock && !dir->desc->has_lock)
		return 0;
	dir->own_lock = kzalloc(sizeof(*lock), GFP_KERNEL);
	if (!dir->own_lock)
		return -ENOMEM;
	init_rwsem(&dir->own_lock->sem);
	dir->own_lock->outer = lock;
	dir->lock = dir->own_lock;
	return 0;
}

/* @lock: of the directory around it */
static struct sdir *create(struct kobject *parent, const char *name,
			   const struct sdir_desc *desc, void *payload,
			   struct sdir_lock *lock)
{
	struct sdir *dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	int err;

	if (!dir) {
		free_payload(desc, payload);
		return ERR_PTR(-ENOMEM);
	}
	dir->desc = desc;
	dir->payload = payload;
	kobject_init(&dir->kobj, &dir_ktype);
	err = set_lock(dir, lock) ?:
	      kobject_add(&dir->kobj, parent, "%s", name) ?:
	      populate(dir);
	if (!err)
		return dir;
	sdir_remove(dir);
	return ERR_PTR(err);
}

/**
 * sdir_create() - Make a tree: a directory and all that is in it.
 * @parent:	where
 * @name:	its name; copied
 * @desc:	what is in it
 * @payload:	what its files show
 *
 * Return: the directory, or an ERR_PTR() when nothing was made.
 */
struct sdir *sdir_create(struct kobject *parent, const char *name,
			 const struct sdir_desc *desc, void *payload)
{
	return create(parent, name, desc, payload, NULL);
}

/* Waits for their readers and writers. */
static void remove_files(struct sdir *dir)
{
	const struct sdir_file *f;

	if (!dir->kobj.state_in_sysfs)
		return;
	for (f = dir->desc->files; f && f->attr.name; f++)
		sysfs_remove_file(&dir->kobj, &f->attr);
}

static void remove_elems(struct sdir_array *array)
{
	unsigned int nr = array->nr;

	WRITE_ONCE(array->nr, 0);
	while (nr)
		sdir_remove(array->elems[--nr]);
}

/**
 * sdir_remove() - Remove a directory and all that is in it.
 * @dir:	the directory
 *
 * Context: waits for readers and writers of the files.
 */
void sdir_remove(struct sdir *dir)
{
	remove_files(dir);
	if (dir->desc->elem)
		remove_elems(dir_array(dir));
	while (dir->nr_children)
		sdir_remove(dir->children[--dir->nr_children]);
	kobject_del(&dir->kobj);
	if (dir->desc->elem)
		kfree(dir_array(dir)->elems);
	kobject_put(&dir->kobj);
}

/**
 * sdir_elem() - Payload of an element.
 * @array:	the elements
 * @i:		its number
 *
 * Context: the directory is locked, by the caller or by who waits for it.
 * Return: the payload, NULL when there is no such element.
 */
void *sdir_elem(const struct sdir_array *array, unsigned int i)
{
	return i < array->nr ? array->elems[i]->payload : NULL;
}

/* Takes over @payload, also when it fails. */
static int add_elem(struct sdir_array *array, void *payload)
{
	struct sdir *elem;
	char name[12];

	if (!payload)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%u", array->nr);
	elem = create(&array->dir->kobj, name, array->dir->desc->elem, payload,
		      array->dir->lock);
	if (IS_ERR(elem))
		return PTR_ERR(elem);
	array->elems[array->nr] = elem;
	WRITE_ONCE(array->nr, array->nr + 1);
	return 0;
}

static int add_new_elem(struct sdir_array *array)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	return add_elem(array, new_payload(array->dir->desc->elem));
}

/**
 * sdir_set_nr() - Remove all elements, then make new ones.
 * @array:	the elements
 * @nr:		how many there are to be
 *
 * As many as there is memory for are made, so this may take long; it can be
 * killed, also for want of memory.
 *
 * Context: the directory is locked.
 * Return: 0; -ENOMEM or -EINTR, when there are none.
 */
int sdir_set_nr(struct sdir_array *array, unsigned int nr)
{
	int err = 0;

	lockdep_assert_held_write(&array->dir->lock->sem);
	remove_elems(array);
	kfree(array->elems);
	array->room = 0;
	array->elems = kcalloc(nr, sizeof(*array->elems),
			       GFP_KERNEL | __GFP_NOWARN);
	if (!array->elems)
		return -ENOMEM;
	array->room = nr;
	while (!err && array->nr < nr)
		err = add_new_elem(array);
	if (err)
		remove_elems(array);
	return err;
}

static int make_room(struct sdir_array *array)
{
	unsigned int room = max(2 * array->room, 16U);
	struct sdir **elems;

	if (array->nr < array->room)
		return 0;
	elems = krealloc_array(array->elems, room, sizeof(*elems),
			       GFP_KERNEL | __GFP_NOWARN);
	if (!elems)
		return -ENOMEM;
	array->elems = elems;
	array->room = room;
	return 0;
}

/**
 * sdir_append() - Make one more element.
 * @array:	the elements
 * @payload:	its payload; copied
 *
 * Context: the directory is locked, by the caller or by who waits for it.
 * Return: 0 or -ENOMEM.
 */
int sdir_append(struct sdir_array *array, const void *payload)
{
	return make_room(array) ?:
	       add_elem(array, kmemdup(payload, array->dir->desc->elem->size,
				       GFP_KERNEL));
}
