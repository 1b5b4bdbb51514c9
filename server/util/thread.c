#include "cv/util/thread.h"

#include <string.h>

bool
cv_thread_start(void *(*run)(void *context), void *context, const char *text, pthread_t *ret_thread,
    struct cv_error *err)
{
	int status = pthread_create(ret_thread, NULL, run, context);

	if (status == 0)
		return true;
	(void)cv_fail(err, CV_E_INTERNAL, "%s", text);
	return cv_error_cause(err, "%s", strerror(status));
}
