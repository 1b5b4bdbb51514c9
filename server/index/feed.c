#include "cv/index/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cv/util/log.h"
#include "cv/util/thread.h"

#define READ_LIMIT 2000
#define NUMBER_LIMIT 10000
#define SEEN_LIMIT 1000
#define PATIENCE_MS (90 * 1000) /* one wait for the database, longest while loading */
#define TRIM_EVERY_MS (10 * 60 * 1000)
#define TRIM_SECONDS (7 * 86400)

struct cv_feed {
	struct cv_feed_options options;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t mutex;
	pthread_cond_t stop_requested;
	bool is_stopping;
	bool is_failing; /* logged once until it works again */
	int64_t position;
	int64_t read_boot_ms, read_wall_ms; /* when the last complete read began */
	int64_t seen_at_ms, trimmed_at_ms;
	_Atomic uint64_t steps; /* done, for the watchdog */
};

/* ---- rows of one slot, collected until the next slot begins ---- */

struct gatherer {
	struct cv_index *index;
	struct cv_status_row *rows;
	size_t count, capacity;
	struct cv_error error;
	bool has_failed;
	int64_t applied; /* certificates */
	struct cv_feed *feed;
	int64_t *total;
	int64_t told_at_ms;
};

static void
gatherer_deinit(struct gatherer *gatherer)
{
	free(gatherer->rows);
}
#define AUTO_GATHERER __attribute__((cleanup(gatherer_deinit)))

static bool
flush_slot(struct gatherer *gatherer)
{
	if (!cv_index_apply(gatherer->index, gatherer->rows, gatherer->count, &gatherer->error)) {
		gatherer->has_failed = true;
		return false;
	}
	gatherer->applied += (int64_t)gatherer->count;
	gatherer->count = 0;
	return true;
}

static bool
is_same_slot(const struct cv_status_row *a, const struct cv_status_row *b)
{
	return memcmp(&a->party, &b->party, sizeof(a->party)) == 0;
}

static void
tell_progress(struct gatherer *gatherer)
{
	const struct cv_feed_options *options = gatherer->feed ? &gatherer->feed->options : NULL;
	int64_t now;

	if (!options || gatherer->applied % 1024 != 0)
		return;
	gatherer->feed->steps++;
	if (!options->on_progress)
		return;
	now = cv_clock_boot_ms(options->clock);
	if (now - gatherer->told_at_ms < 1000)
		return;
	gatherer->told_at_ms = now;
	options->on_progress(options->context, gatherer->applied, *gatherer->total);
}

/* The first row of a load: the table is made in one piece instead of growing to its size. */
static bool
make_room(struct gatherer *gatherer)
{
	if (!gatherer->feed || gatherer->applied || gatherer->count)
		return true;
	if (cv_index_reserve(gatherer->index, (size_t)*gatherer->total, &gatherer->error))
		return true;
	gatherer->has_failed = true;
	return false;
}

static bool
gather(void *context, const struct cv_status_row *row)
{
	struct gatherer *gatherer = context;

	if (!make_room(gatherer))
		return false;
	if (gatherer->count && !is_same_slot(&gatherer->rows[0], row) && !flush_slot(gatherer))
		return false;
	if (gatherer->count == gatherer->capacity) {
		size_t capacity = gatherer->capacity ? 2 * gatherer->capacity : 64;
		struct cv_status_row *rows = realloc(gatherer->rows, capacity * sizeof(*rows));

		if (!rows)
			return false;
		gatherer->rows = rows;
		gatherer->capacity = capacity;
	}
	gatherer->rows[gatherer->count++] = *row;
	tell_progress(gatherer);
	return true;
}

static bool
take_slots(struct cv_index *index, struct cv_connection *connection, const struct cv_party *slots,
    size_t count, struct cv_error *err)
{
	AUTO_GATHERER struct gatherer gatherer = {.index = index};

	if (cv_change_store_slots(connection, slots, count, gather, &gatherer, err) &&
	    flush_slot(&gatherer))
		return true;
	if (gatherer.has_failed)
		*err = gatherer.error;
	return false;
}

bool
cv_feed_refresh_slot(struct cv_index *index, struct cv_connection *connection,
    const struct cv_party *party, struct cv_error *err)
{
	return take_slots(index, connection, party, 1, err);
}

/* ---- load ---- */

static void
note_time(struct cv_feed *feed)
{
	feed->read_boot_ms = cv_clock_boot_ms(feed->options.clock);
	feed->read_wall_ms = cv_clock_wall_ms(feed->options.clock);
}

static bool
load(struct cv_feed *feed, struct cv_connection *connection, struct cv_error *err)
{
	int64_t total = 0;
	AUTO_GATHERER struct gatherer gatherer = {
	    .index = feed->options.index, .feed = feed, .total = &total};
	unsigned names = cv_index_wanted_names(feed->options.index);

	note_time(feed);
	if (!cv_change_store_load(connection, feed->options.grace_seconds, gather, &gatherer,
		&total, &feed->position, err) ||
	    !flush_slot(&gatherer)) {
		if (gatherer.has_failed)
			*err = gatherer.error;
		return false;
	}
	cv_index_mark_names_loaded(feed->options.index, names);
	if (feed->options.on_progress)
		feed->options.on_progress(feed->options.context, gatherer.applied, total);
	return true;
}

/* ---- follow ---- */

/* The slots that changed since they were taken in; what this instance wrote is in memory already.
 */
struct news {
	struct cv_index *index;
	size_t count;
	struct cv_party slots[2 * READ_LIMIT];
};

static bool
note_news(void *context, const struct cv_party *slot, int64_t version)
{
	struct news *news = context;

	if (cv_index_version(news->index, slot) < version)
		news->slots[news->count++] = *slot;
	return true;
}

/* Applies what changed; true with *ret_is_complete when every committed row was seen. */
static bool
read_once(struct cv_feed *feed, struct cv_connection *connection, bool *ret_is_complete,
    struct cv_error *err)
{
	CV_AUTO_MEMORY struct news *news = malloc(sizeof(*news));
	int64_t position = feed->position;

	if (!news)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	news->index = feed->options.index;
	news->count = 0;
	if (!cv_change_store_read(
		connection, READ_LIMIT, note_news, news, &position, ret_is_complete, err) ||
	    !take_slots(feed->options.index, connection, news->slots, news->count, err))
		return false;
	feed->position = position;
	return true;
}

static bool
follow(struct cv_feed *feed, struct cv_connection *connection, struct cv_error *err)
{
	bool is_complete = false;
	size_t numbered;

	if (!cv_change_store_number(connection, NUMBER_LIMIT, &numbered, err))
		return false;
	while (!is_complete) {
		note_time(feed);
		feed->steps++;
		if (!read_once(feed, connection, &is_complete, err))
			return err->code == CV_E_NOT_FOUND && load(feed, connection, err);
		if (!is_complete &&
		    !cv_change_store_number(connection, NUMBER_LIMIT, &numbered, err))
			return false;
	}
	return true;
}

/* Memory is as old as the oldest part of it. */
static bool
take_in(struct cv_feed *feed, struct cv_connection *connection,
    bool (*read)(struct cv_feed *feed, struct cv_connection *connection, struct cv_error *err),
    struct cv_error *err)
{
	const struct cv_feed_options *options = &feed->options;

	if (!read(feed, connection, err) ||
	    (options->on_read && !options->on_read(options->context, connection, err)))
		return false;
	cv_index_note_position(options->index, feed->position);
	cv_index_mark_fresh(options->index, feed->read_boot_ms, feed->read_wall_ms);
	return true;
}

static bool
flush_seen(struct cv_feed *feed, struct cv_connection *connection, struct cv_error *err)
{
	CV_AUTO_MEMORY struct cv_last_seen *rows = calloc(SEEN_LIMIT, sizeof(*rows));
	size_t count = SEEN_LIMIT;

	if (!rows)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	while (count == SEEN_LIMIT) {
		count = cv_index_take_seen(feed->options.index, rows, SEEN_LIMIT);
		if (count && !cv_change_store_write_seen(connection, rows, count, err))
			return false;
	}
	return true;
}

static bool
do_housework(
    struct cv_feed *feed, struct cv_connection *connection, bool is_last, struct cv_error *err)
{
	int64_t now = cv_clock_boot_ms(feed->options.clock);

	if (is_last || now - feed->seen_at_ms >= feed->options.seen_flush_ms) {
		feed->seen_at_ms = now;
		if (!flush_seen(feed, connection, err))
			return false;
	}
	if (now - feed->trimmed_at_ms >= TRIM_EVERY_MS) {
		feed->trimmed_at_ms = now;
		if (!cv_change_store_trim(connection, TRIM_SECONDS, err))
			return false;
	}
	return !feed->options.on_flush ||
	       feed->options.on_flush(feed->options.context, connection, err);
}

static bool
poll_once(struct cv_feed *feed, bool is_last, struct cv_error *err)
{
	struct cv_connection *connection;
	bool is_good;

	if (!cv_pool_borrow(feed->options.pool, &connection, err))
		return false;
	is_good = take_in(feed, connection, follow, err);
	if (is_good && cv_index_lacks_names(feed->options.index))
		is_good = take_in(feed, connection, load, err);
	is_good = is_good && do_housework(feed, connection, is_last, err);
	cv_pool_return(connection);
	return is_good;
}

static void
note_outcome(struct cv_feed *feed, bool is_good, const struct cv_error *err)
{
	if (!is_good && !feed->is_failing)
		cv_log_error(CV_LOG_ERROR, "feed-failed",
		    "changes cannot be read; checks go on from memory until the index is too old",
		    err);
	if (is_good && feed->is_failing)
		cv_log(CV_LOG_INFO, "feed-recovered", "changes are read again");
	feed->is_failing = !is_good;
}

/* Waits one interval; true when the feed is to stop. */
static bool
wait_interval(struct cv_feed *feed)
{
	struct timespec until;
	bool is_stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (feed->options.poll_ms % 1000) * 1000000L;
	until.tv_sec += feed->options.poll_ms / 1000 + until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&feed->mutex);
	if (!feed->is_stopping)
		pthread_cond_timedwait(&feed->stop_requested, &feed->mutex, &until);
	is_stopping = feed->is_stopping;
	pthread_mutex_unlock(&feed->mutex);
	return is_stopping;
}

static void *
run(void *context)
{
	struct cv_feed *feed = context;
	bool is_stopping = false;

	(void)pthread_setname_np(pthread_self(), "cv-feed");
	while (!is_stopping) {
		struct cv_error err = CV_ERROR_INIT;
		bool is_good;

		is_stopping = wait_interval(feed);
		is_good = poll_once(feed, is_stopping, &err);
		note_outcome(feed, is_good, &err);
		feed->steps++;
	}
	return NULL;
}

bool
cv_feed_start(
    const struct cv_feed_options *options, struct cv_feed **ret_feed, struct cv_error *err)
{
	CV_AUTO(cv_feed) struct cv_feed *feed = calloc(1, sizeof(*feed));
	struct cv_connection *connection;
	pthread_condattr_t attributes;
	bool is_loaded;

	if (!feed)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	feed->options = *options;
	pthread_mutex_init(&feed->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&feed->stop_requested, &attributes);
	pthread_condattr_destroy(&attributes);
	feed->seen_at_ms = feed->trimmed_at_ms = cv_clock_boot_ms(options->clock);
	if (!cv_pool_borrow(options->pool, &connection, err))
		return false;
	is_loaded = take_in(feed, connection, load, err);
	cv_pool_return(connection);
	if (!is_loaded)
		return false;
	if (!cv_thread_start(run, feed, "change feed: no thread", &feed->thread, err))
		return false;
	feed->has_thread = true;
	*ret_feed = CV_TAKE(feed);
	return true;
}

void
cv_feed_read_pulse(const struct cv_feed *feed, struct cv_pulse *ret_pulse)
{
	*ret_pulse = (struct cv_pulse){
	    .part = "feed", .has_work = true, .count = feed->steps, .patience_ms = PATIENCE_MS};
}

void
cv_feed_free(struct cv_feed *feed)
{
	if (!feed)
		return;
	if (feed->has_thread) {
		pthread_mutex_lock(&feed->mutex);
		feed->is_stopping = true;
		pthread_cond_signal(&feed->stop_requested);
		pthread_mutex_unlock(&feed->mutex);
		pthread_join(feed->thread, NULL);
	}
	pthread_cond_destroy(&feed->stop_requested);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}
