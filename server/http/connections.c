#include "connections_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "cv/util/thread.h"

#define REAP_INTERVAL_SECONDS 1

struct cv_connections {
	const struct cv_clock *clock;
	pthread_mutex_t mutex; /* guards the list, cuts and is_stopping */
	pthread_cond_t stopped;
	struct cv_http_connection *first;
	uint64_t cuts;
	bool is_stopping;
	pthread_t reaper;
	bool has_reaper;
};

/* The event loop that owns the connection sees its end and closes it. */
static void
cut_overdue(struct cv_connections *connections)
{
	int64_t now_ms = cv_clock_boot_ms(connections->clock);

	for (struct cv_http_connection *each = connections->first; each != NULL;
	     each = each->next) {
		int64_t deadline_ms =
		    atomic_load_explicit(&each->deadline_ms, memory_order_relaxed);
		if (deadline_ms == 0 || deadline_ms > now_ms)
			continue;
		cv_connection_set_deadline(each, 0);
		each->cut = ++connections->cuts;
		(void)shutdown(each->descriptor, SHUT_RDWR);
	}
}

static void *
reap(void *argument)
{
	struct cv_connections *connections = argument;

	(void)pthread_setname_np(pthread_self(), "cv-reaper");
	pthread_mutex_lock(&connections->mutex);
	while (!connections->is_stopping) {
		struct timespec until;

		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += REAP_INTERVAL_SECONDS;
		(void)pthread_cond_timedwait(&connections->stopped, &connections->mutex, &until);
		cut_overdue(connections);
	}
	pthread_mutex_unlock(&connections->mutex);
	return NULL;
}

static void
init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

bool
cv_connections_start(
    const struct cv_clock *clock, struct cv_connections **ret_connections, struct cv_error *err)
{
	CV_AUTO(cv_connections)
	struct cv_connections *connections = calloc(1, sizeof(*connections));

	if (connections == NULL)
		return cv_fail(err, CV_E_MEMORY, "out of memory");
	connections->clock = clock;
	pthread_mutex_init(&connections->mutex, NULL);
	init_condition(&connections->stopped);
	if (!cv_thread_start(reap, connections, "starting the time-out thread failed",
		&connections->reaper, err))
		return false;
	connections->has_reaper = true;
	*ret_connections = CV_TAKE(connections);
	return true;
}

void
cv_connections_free(struct cv_connections *connections)
{
	if (connections == NULL)
		return;
	if (connections->has_reaper) {
		pthread_mutex_lock(&connections->mutex);
		connections->is_stopping = true;
		pthread_cond_signal(&connections->stopped);
		pthread_mutex_unlock(&connections->mutex);
		pthread_join(connections->reaper, NULL);
	}
	pthread_cond_destroy(&connections->stopped);
	pthread_mutex_destroy(&connections->mutex);
	free(connections);
}

void
cv_connections_add(struct cv_connections *connections, struct cv_http_connection *connection)
{
	pthread_mutex_lock(&connections->mutex);
	connection->previous = NULL;
	connection->next = connections->first;
	if (connections->first != NULL)
		connections->first->previous = connection;
	connections->first = connection;
	pthread_mutex_unlock(&connections->mutex);
}

void
cv_connections_remove(struct cv_connections *connections, struct cv_http_connection *connection)
{
	pthread_mutex_lock(&connections->mutex);
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		connections->first = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	pthread_mutex_unlock(&connections->mutex);
}

void
cv_connections_read_pulse(struct cv_connections *connections, struct cv_pulse *ret_pulse)
{
	uint64_t oldest = 0;

	pthread_mutex_lock(&connections->mutex);
	for (const struct cv_http_connection *each = connections->first; each != NULL;
	     each = each->next) {
		if (each->cut != 0 && (oldest == 0 || each->cut < oldest))
			oldest = each->cut;
	}
	pthread_mutex_unlock(&connections->mutex);
	*ret_pulse =
	    (struct cv_pulse){.part = "event-loops", .has_work = oldest != 0, .count = oldest};
}
