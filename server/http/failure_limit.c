#include "failure_limit_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/random.h"

#define BUCKETS 512
#define ENTRIES_PER_BUCKET 8
#define WINDOW_MS ((int64_t)CV_FAILURE_WINDOW_SECONDS * 1000)

struct entry {
	struct cv_source source;
	int64_t started_ms;
	unsigned failures; /* 0: free */
};

struct cv_failure_limit {
	pthread_mutex_t mutex;
	uint64_t seed; /* so that nobody can choose addresses that share a bucket */
	struct entry buckets[BUCKETS][ENTRIES_PER_BUCKET];
};

struct cv_failure_limit *
cv_failure_limit_new(void)
{
	struct cv_failure_limit *limit = calloc(1, sizeof(*limit));

	if (limit == NULL)
		return NULL;
	pthread_mutex_init(&limit->mutex, NULL);
	cv_random_bytes(&limit->seed, sizeof(limit->seed));
	return limit;
}

void
cv_failure_limit_free(struct cv_failure_limit *limit)
{
	if (limit == NULL)
		return;
	pthread_mutex_destroy(&limit->mutex);
	free(limit);
}

/* FNV-1a over seed and address. */
static struct entry *
bucket_of(struct cv_failure_limit *limit, const struct cv_source *source)
{
	uint64_t hash = 0xcbf29ce484222325U ^ limit->seed;

	for (size_t i = 0; i < sizeof(source->bytes); i++)
		hash = (hash ^ source->bytes[i]) * 0x100000001b3U;
	return limit->buckets[(hash >> 32) % BUCKETS];
}

static bool
is_live(const struct entry *entry, int64_t now_ms)
{
	return entry->failures > 0 && now_ms - entry->started_ms < WINDOW_MS;
}

static struct entry *
find(struct entry *bucket, const struct cv_source *source, int64_t now_ms)
{
	for (size_t i = 0; i < ENTRIES_PER_BUCKET; i++) {
		if (is_live(&bucket[i], now_ms) &&
		    memcmp(&bucket[i].source, source, sizeof(*source)) == 0)
			return &bucket[i];
	}
	return NULL;
}

/* A free entry, or the oldest. */
static struct entry *
make_room(struct entry *bucket, int64_t now_ms)
{
	struct entry *oldest = &bucket[0];

	for (size_t i = 0; i < ENTRIES_PER_BUCKET; i++) {
		if (!is_live(&bucket[i], now_ms))
			return &bucket[i];
		if (bucket[i].started_ms < oldest->started_ms)
			oldest = &bucket[i];
	}
	return oldest;
}

int64_t
cv_failure_limit_wait(
    struct cv_failure_limit *limit, const struct cv_source *source, int64_t now_ms)
{
	int64_t wait_seconds = 0;

	pthread_mutex_lock(&limit->mutex);
	const struct entry *entry = find(bucket_of(limit, source), source, now_ms);
	if (entry != NULL && entry->failures >= CV_FAILURES_MAX)
		wait_seconds = (WINDOW_MS - (now_ms - entry->started_ms) + 999) / 1000;
	pthread_mutex_unlock(&limit->mutex);
	return wait_seconds;
}

void
cv_failure_limit_count(
    struct cv_failure_limit *limit, const struct cv_source *source, int64_t now_ms)
{
	pthread_mutex_lock(&limit->mutex);
	struct entry *bucket = bucket_of(limit, source);
	struct entry *entry = find(bucket, source, now_ms);
	if (entry == NULL) {
		entry = make_room(bucket, now_ms);
		*entry = (struct entry){.source = *source, .started_ms = now_ms};
	}
	entry->failures++;
	pthread_mutex_unlock(&limit->mutex);
}
