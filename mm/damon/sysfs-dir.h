/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Directories and typed files of sysfs from tables.
 *
 * A file is a row: its name, its mode, and the member of a struct that it
 * shows and sets; how that is printed and parsed is up to its type.  A
 * directory is a list of files, fixed subdirectories, and numbered elements.
 *
 * An element owns a zeroed struct, its payload, which the files and the fixed
 * subdirectories below it show.  The elements of a subdirectory are held in a
 * &struct sdir_array in the payload around them.  So a reader of the payload
 * sees all that is staged as plain data:
 *
 *	struct target { int pid; struct sdir_array regions; };
 *	struct damon_addr_range *r = sdir_elem(&target->regions, 0);
 *
 * Locking: a tree has a lock, and so has each element whose descriptor asks for
 * one, for all that is below it.  Who holds the lock of the tree holds all of
 * them.  A lock protects the arrays, and the values of locked types against
 * being set.  It is only ever tried: whoever removes a directory waits for the
 * readers and writers of its files, so these must never wait for the remover,
 * and writers give up with -EBUSY instead.  Only who waits for nothing in turn is
 * waited for.  Nothing that is read needs the lock:
 * a payload lives as long as its files.
 */
#ifndef _MM_DAMON_SYSFS_DIR_H
#define _MM_DAMON_SYSFS_DIR_H

#include <linux/build_bug.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>

struct sdir;
struct sdir_array;
struct sdir_file;
struct sdir_lock;

/**
 * struct sdir_type - How the value of a file is printed and parsed.
 * @show:	print @value to the page @buf; returns the length
 * @store:	set @value from the string @buf; returns 0 or an errno, and
 *		leaves @value alone in the latter case.  NULL for read-only
 * @destroy:	free what @value refers to, or NULL
 * @locked:	@store is called with the directory locked
 */
struct sdir_type {
	ssize_t (*show)(const struct sdir_file *f, void *value, char *buf);
	int (*store)(const struct sdir_file *f, void *value, const char *buf);
	void (*destroy)(void *value);
	bool locked;
};

/**
 * struct sdir_file - A file.
 * @attr:	its name and mode
 * @type:	how to print and parse it
 * @offset:	where its value is in the payload
 * @arg:	for use by @type
 */
struct sdir_file {
	struct attribute attr;
	const struct sdir_type *type;
	size_t offset;
	const void *arg;
};

/**
 * struct sdir_keywords - Values that are named; the argument of sdir_kw.
 * @nr:		values are below this
 * @name:	name of a value, NULL if it cannot be chosen
 * @accepts:	whether it can be chosen here, NULL if all that have a name can
 */
struct sdir_keywords {
	unsigned int nr;
	const char *(*name)(unsigned int value);
	bool (*accepts)(unsigned int value);
};

/**
 * struct sdir_fn - A computed value; the argument of sdir_fn.
 * @show:	print it, given the payload
 * @store:	react to a write, given the payload
 */
struct sdir_fn {
	ssize_t (*show)(void *payload, char *buf);
	int (*store)(void *payload, const char *buf);
};

extern const struct sdir_type sdir_ulong, sdir_ulong_einval, sdir_ulong_positive,
	sdir_uint, sdir_uint_einval, sdir_int, sdir_int_einval, sdir_bool,
	sdir_str, sdir_kw, sdir_nr, sdir_fn;

/* The last two arguments are the struct of the payload and its member. */
#define SDIR_FILE(_name, _mode, _type, _arg, _ctype, ...) {		\
	.attr = { .name = _name, .mode = _mode },			\
	.type = &sdir_##_type,						\
	.offset = offsetof(__VA_ARGS__) + BUILD_BUG_ON_ZERO(		\
		!__same_type(_ctype, typeof_member(__VA_ARGS__))),	\
	.arg = _arg,							\
}

#define SDIR_ULONG(n, ...) SDIR_FILE(n, 0600, ulong, NULL, unsigned long, __VA_ARGS__)
#define SDIR_ULONG_RO(n, ...) SDIR_FILE(n, 0400, ulong, NULL, unsigned long, __VA_ARGS__)
#define SDIR_UINT(n, ...) SDIR_FILE(n, 0600, uint, NULL, unsigned int, __VA_ARGS__)
#define SDIR_UINT_RO(n, ...) SDIR_FILE(n, 0400, uint, NULL, unsigned int, __VA_ARGS__)
#define SDIR_INT(n, ...) SDIR_FILE(n, 0600, int, NULL, int, __VA_ARGS__)
/* These refuse numbers out of range with -EINVAL. */
#define SDIR_ULONG_EINVAL(n, ...) \
	SDIR_FILE(n, 0600, ulong_einval, NULL, unsigned long, __VA_ARGS__)
#define SDIR_UINT_EINVAL(n, ...) \
	SDIR_FILE(n, 0600, uint_einval, NULL, unsigned int, __VA_ARGS__)
#define SDIR_INT_EINVAL(n, ...) SDIR_FILE(n, 0600, int_einval, NULL, int, __VA_ARGS__)
/* And this one 0. */
#define SDIR_ULONG_POSITIVE(n, ...) \
	SDIR_FILE(n, 0600, ulong_positive, NULL, unsigned long, __VA_ARGS__)
#define SDIR_BOOL(n, ...) SDIR_FILE(n, 0600, bool, NULL, bool, __VA_ARGS__)
/* As written, NULL if never; set with the directory locked. */
#define SDIR_STR(n, ...) SDIR_FILE(n, 0600, str, NULL, char *, __VA_ARGS__)
/* An enum of type @e, by the &struct sdir_keywords @k. */
#define SDIR_KW(n, k, e, ...) SDIR_FILE(n, 0600, kw, k, e, __VA_ARGS__)
/* The number of elements in the directory; setting it makes them anew. */
#define SDIR_NR(n)		{ { .name = n, .mode = 0600 }, &sdir_nr }
/* By the &struct sdir_fn @f. */
#define SDIR_FN(n, f)		{ { .name = n, .mode = 0600 }, &sdir_fn, 0, f }
#define SDIR_FN_RO(n, f)	{ { .name = n, .mode = 0400 }, &sdir_fn, 0, f }

/**
 * struct sdir_child - A fixed subdirectory.
 * @name:	its name
 * @desc:	what is in it
 * @offset:	where its payload is in the payload around it
 */
struct sdir_child {
	const char *name;
	const struct sdir_desc *desc;
	size_t offset;
};

/**
 * struct sdir_desc - What is in a directory, and what an element owns.
 * @files:	files, {} ends them
 * @children:	fixed subdirectories, {} ends them
 * @elem:	what is in the numbered elements, which the &struct sdir_array at
 *		the start of the payload holds; NULL if there are none
 * @max_elems:	largest number of elements to be set by an sdir_nr, 0 for any
 * @may_resize:	0 or the errno that refuses a write to an sdir_nr; called with
 *		the directory locked
 * @has_lock:	the element has a lock of its own
 * @size:	size of the payload of an element
 * @init:	give a payload its defaults
 * @release:	before a payload is freed; the directory is gone
 */
struct sdir_desc {
	const struct sdir_file *files;
	const struct sdir_child *children;

	const struct sdir_desc *elem;
	unsigned int max_elems;
	int (*may_resize)(const struct sdir_array *array);

	bool has_lock;
	size_t size;
	void (*init)(void *payload);
	void (*release)(void *payload);
};

/**
 * struct sdir_array - The numbered elements of a directory.
 * @dir:	the directory; the elements are in it
 * @nr:		how many there are
 * @room:	how many @elems has memory for
 * @elems:	their directories
 */
struct sdir_array {
	struct sdir *dir;
	unsigned int nr;
	unsigned int room;
	struct sdir **elems;
};

struct sdir *sdir_create(struct kobject *parent, const char *name,
			 const struct sdir_desc *desc, void *payload);
void sdir_remove(struct sdir *dir);

bool sdir_trylock(const struct sdir *dir);
bool sdir_trylock_briefly(const struct sdir *dir);
void sdir_unlock_briefly(const struct sdir *dir);
void sdir_unlock(const struct sdir *dir);

void *sdir_elem(const struct sdir_array *array, unsigned int i);
int sdir_set_nr(struct sdir_array *array, unsigned int nr);
int sdir_append(struct sdir_array *array, const void *payload);

#endif
