/* SPDX-License-Identifier: MIT */
/*
 * space.h - the address spaces of user tasks
 *
 * The upper half of each is the kernel's, the same in all of them.  What is in the
 * lower half belongs to the space alone: pages are never shared, so a
 * debugger that changes text changes it for one task.
 */
#ifndef KERN_SPACE_H
#define KERN_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct space;

/* What a task may do with a page besides reading it. */
#define SPACE_WRITE 1u
#define SPACE_EXEC  2u

/* An empty one, or NULL: no memory.  Context: task. */
struct space *space_new(void);

/* A copy of all that is in @from, or NULL.  Nobody runs in it.  Context: task. */
struct space *space_copy(const struct space *from);

/* Give everything back.  No CPU uses it.  NULL: nothing.  Context: task. */
void space_free(struct space *space);

/*
 * Map @n zeroed pages at @virt.  -EINVAL: not a user's address, or something is
 * there; -ENOMEM.  On failure some may be mapped.  Context: task.
 */
int space_map(struct space *space, uintptr_t virt, size_t n, unsigned int may);

/*
 * Where the kernel sees the byte at @virt, and what else is in its page; NULL if
 * nothing is mapped there.  Context: any, while @space changes for nobody.
 */
void *space_at(const struct space *space, uintptr_t virt);

/* Let this CPU use @space; NULL: the kernel's alone.  Context: any. */
void space_use(const struct space *space);

/*
 * Copy from or to the space that is in use.  0, or -EFAULT if not all could be
 * copied; what was, was.  Context: any but a trap in a user copy.
 */
int copy_from_user(void *dst, uintptr_t src, size_t len);
int copy_to_user(uintptr_t dst, const void *src, size_t len);

/* The same for text that ends with 0: its length, or -EINVAL if longer. */
long copy_text_from_user(char *dst, uintptr_t src, size_t size);

#endif
