/*
 * Keeps an index current: loads it, then follows the change feed in a thread of its own, numbers
 * rows when it is the sequencer, writes last-seen times, and trims the feed. Survives the database
 * going away.
 */
#ifndef CV_INDEX_FEED_H
#define CV_INDEX_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/index/index.h"
#include "cv/store/pool.h"
#include "cv/util/auto.h"
#include "cv/util/error.h"
#include "cv/util/pulse.h"

struct cv_feed;

struct cv_feed_options {
	struct cv_pool *pool;
	struct cv_index *index;
	const struct cv_clock *clock;
	int poll_ms;           /* between reads; 200 */
	int seen_flush_ms;     /* between writes of last-seen times; 30,000 */
	int64_t grace_seconds; /* expired_grace: how long expired certificates stay */
	/* After each read, with its connection: takes in what else decisions rest on. The index is
	 * as fresh as the read only when this succeeded too. */
	bool (*on_read)(void *context, struct cv_connection *connection, struct cv_error *err);
	/* After that, in the feed's thread: writes what was collected in memory. */
	bool (*on_flush)(void *context, struct cv_connection *connection, struct cv_error *err);
	/* Called while loading, about once a second, and at the end. */
	void (*on_progress)(void *context, int64_t loaded, int64_t total);
	void *context;
};

/* Loads the whole index, blocking, then starts the thread. */
bool cv_feed_start(
    const struct cv_feed_options *options, struct cv_feed **ret_feed, struct cv_error *err);
/* Whether the thread goes on, be the database there or not. */
void cv_feed_read_pulse(const struct cv_feed *feed, struct cv_pulse *ret_pulse);
/* Stops the thread after a last flush. */
void cv_feed_free(struct cv_feed *feed);
CV_DEFINE_CLEANUP(cv_feed);

/* Reads the slot again (slot "": every slot of the device) and applies it, so that the instance
 * that wrote a change has it before it answers. */
bool cv_feed_refresh_slot(struct cv_index *index, struct cv_connection *connection,
    const struct cv_party *party, struct cv_error *err);

#endif
