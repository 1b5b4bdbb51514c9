/* What a device changes of itself, over a connection of its current key. */
#ifndef CV_SERVICE_DEVICE_WRITE_INTERNAL_H
#define CV_SERVICE_DEVICE_WRITE_INTERNAL_H

#include "service_internal.h"

struct cv_device_write {
	struct cv_service *service;
	const struct cv_evidence *evidence;
	const char *request_id;
	const struct cv_digest *named_key; /* that the request names; NULL: none */
	/* Under the lock, once the presented key was found to be the current one: queues edits and
	 * fills the note. False: nothing is to be written. */
	bool (*edit)(struct cv_device_write *write, struct cv_device_change *change,
	    struct cv_change_note *note);
	void *context; /* of edit */

	struct cv_presenter presenter;
	bool is_refused; /* the presented certificate, with this verdict */
	enum cv_verdict verdict;
	bool is_too_often; /* it would have written, see CV_DEVICE_WRITES_AT_ONCE */
	bool has_written;

	struct cv_connection *connection;
	bool has_leave;   /* to write, at this pace */
	bool must_repeat; /* the record changed since the sight: judge again */
};

/*
 * Finds out who asks, locks the device, judges again on what it reads then, edits and commits;
 * repeated as long as others change the device meanwhile.
 */
bool cv_device_write(struct cv_device_write *write, struct cv_error *err);
void cv_device_write_deinit(struct cv_device_write *write);
#define CV_AUTO_DEVICE_WRITE __attribute__((cleanup(cv_device_write_deinit)))

#endif
