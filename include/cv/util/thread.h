/* Threads. */
#ifndef CV_UTIL_THREAD_H
#define CV_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "cv/util/error.h"

/* Starts run(context). CV_E_INTERNAL: the system gives no thread; the text says which one, such as
 * "starting a worker thread failed", the cause why. */
bool cv_thread_start(void *(*run)(void *context), void *context, const char *text,
    pthread_t *ret_thread, struct cv_error *err);

#endif
