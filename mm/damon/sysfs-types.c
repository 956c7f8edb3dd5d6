// SPDX-License-Identifier: GPL-2.0
/*
 * How values of sysfs files are printed and parsed; see sysfs-dir.h.
 *
 * To add a type: its struct sdir_type here, its declaration and row macro in
 * the header.
 */

#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sysfs-dir.h"

/* @_verdict: the errno, of what @_parse made: err and the new value. */
#define SCALAR_TYPE(_name, type, _fmt, _parse, _verdict)		\
static ssize_t _name##_show(const struct sdir_file *f, void *value,	\
			    char *buf)					\
{									\
	return sysfs_emit(buf, _fmt "\n", READ_ONCE(*(const type *)value)); \
}									\
static int _name##_store(const struct sdir_file *f, void *value,	\
			 const char *buf)				\
{									\
	type new;							\
	int err = _parse(buf, 0, &new);					\
									\
	err = _verdict;							\
	if (!err)							\
		WRITE_ONCE(*(type *)value, new);			\
	return err;							\
}									\
const struct sdir_type sdir_##_name = {					\
	.show = _name##_show, .store = _name##_store,			\
}

SCALAR_TYPE(ulong, unsigned long, "%lu", kstrtoul, err);
SCALAR_TYPE(ulong_einval, unsigned long, "%lu", kstrtoul, err ? -EINVAL : 0);
SCALAR_TYPE(ulong_positive, unsigned long, "%lu", kstrtoul,
	    err ?: new ? 0 : -EINVAL);
SCALAR_TYPE(uint, unsigned int, "%u", kstrtouint, err);
SCALAR_TYPE(uint_einval, unsigned int, "%u", kstrtouint, err ? -EINVAL : 0);
SCALAR_TYPE(int, int, "%d", kstrtoint, err);
SCALAR_TYPE(int_einval, int, "%d", kstrtoint, err ? -EINVAL : 0);

static ssize_t bool_show(const struct sdir_file *f, void *value, char *buf)
{
	return sysfs_emit(buf, "%c\n", READ_ONCE(*(const bool *)value) ? 'Y' : 'N');
}

static int bool_store(const struct sdir_file *f, void *value, const char *buf)
{
	bool new;
	int err = kstrtobool(buf, &new);

	if (!err)
		WRITE_ONCE(*(bool *)value, new);
	return err;
}

const struct sdir_type sdir_bool = { .show = bool_show, .store = bool_store };

/* Strings, while they are shown or set.  The innermost lock. */
static DEFINE_MUTEX(str_mutex);

static ssize_t str_show(const struct sdir_file *f, void *value, char *buf)
{
	const char *const *str = value;

	guard(mutex)(&str_mutex);
	return sysfs_emit(buf, "%s\n", *str ?: "");
}

static int str_store(const struct sdir_file *f, void *value, const char *buf)
{
	char **str = value, *new = kstrdup(buf, GFP_KERNEL);

	if (!new)
		return -ENOMEM;
	scoped_guard(mutex, &str_mutex)
		swap(*str, new);
	kfree(new);
	return 0;
}

static void str_destroy(void *value)
{
	kfree(*(char **)value);
}

const struct sdir_type sdir_str = {
	.show = str_show, .store = str_store, .destroy = str_destroy,
	.locked = true,
};

static ssize_t kw_show(const struct sdir_file *f, void *value, char *buf)
{
	const struct sdir_keywords *keywords = f->arg;

	return sysfs_emit(buf, "%s\n",
			  keywords->name(READ_ONCE(*(const unsigned int *)value)));
}

static int kw_store(const struct sdir_file *f, void *value, const char *buf)
{
	const struct sdir_keywords *keywords = f->arg;
	const char *name;
	unsigned int i;

	for (i = 0; i < keywords->nr; i++) {
		name = keywords->name(i);
		if (!name || !sysfs_streq(buf, name))
			continue;
		if (keywords->accepts && !keywords->accepts(i))
			return -EINVAL;
		WRITE_ONCE(*(unsigned int *)value, i);
		return 0;
	}
	return -EINVAL;
}

const struct sdir_type sdir_kw = { .show = kw_show, .store = kw_store };

static ssize_t fn_show(const struct sdir_file *f, void *value, char *buf)
{
	const struct sdir_fn *fn = f->arg;

	return fn->show(value, buf);
}

static int fn_store(const struct sdir_file *f, void *value, const char *buf)
{
	const struct sdir_fn *fn = f->arg;

	return fn->store(value, buf);
}

const struct sdir_type sdir_fn = { .show = fn_show, .store = fn_store };
