/*
 * Scope-bound cleanup. CV_AUTO(cv_csr) struct cv_csr *csr = NULL; frees the object when the
 * variable leaves its scope; CV_TAKE(csr) hands it on and leaves NULL behind.
 */
#ifndef CV_UTIL_AUTO_H
#define CV_UTIL_AUTO_H

#include <stdlib.h>
#include <unistd.h>

/* The cleanup function of a type with the destructor name_free(struct name *), NULL allowed. */
#define CV_DEFINE_CLEANUP(name)                                                                    \
	static inline void name##_cleanup(struct name **object)                                    \
	{                                                                                          \
		name##_free(*object);                                                              \
	}                                                                                          \
	struct name

#define CV_AUTO(name) __attribute__((cleanup(name##_cleanup)))

#define CV_TAKE(variable)                                                                          \
	__extension__({                                                                            \
		__typeof__(variable) taken_ = (variable);                                          \
		(variable) = NULL;                                                                 \
		taken_;                                                                            \
	})

static inline void
cv_memory_cleanup(void *pointer)
{
	free(*(void **)pointer);
}

static inline void
cv_descriptor_cleanup(const int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}

/* A malloc'ed pointer, and a file descriptor (-1: none). */
#define CV_AUTO_MEMORY __attribute__((cleanup(cv_memory_cleanup)))
#define CV_AUTO_DESCRIPTOR __attribute__((cleanup(cv_descriptor_cleanup)))

#endif
