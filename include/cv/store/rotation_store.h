/*
 * Rotation groups: devices that wait to be told, one after the other, to change their key. They are
 * made and ended through configuration_store.h; this is for who tells them. Blocking; one
 * connection, one thread.
 */
#ifndef CV_STORE_ROTATION_STORE_H
#define CV_STORE_ROTATION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv/store/pool.h"
#include "cv/util/error.h"

/* A device whose turn may have come. Lent during the call; texts are never NULL. */
struct cv_rotation_candidate {
	const char *factory;
	const char *group;
	const char *device;
	int64_t per_hour;
	const char *files;   /* what it is told, see layer_store.h */
	const char *summary; /* of them, for the audit */
	const char *rotation_id;
	const char *reason; /* "": none */
	const char *actor;  /* who made the group */
	const char *operator_name;
};
/* False ends the walk with err. */
typedef bool cv_rotation_sink(
    void *context, const struct cv_rotation_candidate *candidate, struct cv_error *err);

/* No lock is held: whoever tells a device asks under the locks whether it is its turn. The sink may
 * use the connection. */
bool cv_rotation_due(struct cv_connection *connection, size_t limit, cv_rotation_sink *sink,
    void *context, struct cv_error *err);

/* The device, if it still waits, is tried again after some seconds; -1: never, it is skipped. */
bool cv_rotation_set_aside(struct cv_connection *connection,
    const struct cv_rotation_candidate *candidate, const char *note, int64_t retry_seconds,
    struct cv_error *err);

/* Running groups all of whose devices rotated or were skipped are done. */
bool cv_rotation_finish(struct cv_connection *connection,
    void (*on_done)(const char *factory, const char *group), struct cv_error *err);

#endif
