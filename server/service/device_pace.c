#include "device_pace_internal.h"

#include <pthread.h>
#include <stdlib.h>

#include "cv/util/random.h"
#include "cv/util/text.h"

#define BUCKETS 1024
#define ENTRIES_PER_BUCKET 8

struct entry {
	uint64_t name;
	int64_t debt_until_ms; /* each one adds an interval */
};

struct cv_device_pace {
	pthread_mutex_t mutex;
	uint64_t seed; /* so that nobody can choose names that share a bucket */
	struct entry buckets[BUCKETS][ENTRIES_PER_BUCKET];
};

struct cv_device_pace *
cv_device_pace_new(void)
{
	struct cv_device_pace *pace = calloc(1, sizeof(*pace));

	if (!pace)
		return NULL;
	pthread_mutex_init(&pace->mutex, NULL);
	cv_random_bytes(&pace->seed, sizeof(pace->seed));
	return pace;
}

void
cv_device_pace_free(struct cv_device_pace *pace)
{
	if (!pace)
		return;
	pthread_mutex_destroy(&pace->mutex);
	free(pace);
}

struct cv_pace_limit
cv_pace_limit_of(const struct cv_service_settings *settings, int64_t at_once, int64_t later)
{
	int64_t interval_ms = settings->issue_interval_seconds * 1000 / later;

	return (struct cv_pace_limit){
	    .at_once = (int64_t)settings->issue_burst * at_once,
	    .interval_ms = interval_ms > 0 ? interval_ms : 1,
	};
}

/* Of this name, or else the one that owes least: it has the least to be forgotten. */
static struct entry *
find(struct entry *bucket, uint64_t name)
{
	struct entry *least = &bucket[0];

	for (size_t i = 0; i < ENTRIES_PER_BUCKET; i++) {
		if (bucket[i].name == name)
			return &bucket[i];
		if (bucket[i].debt_until_ms < least->debt_until_ms)
			least = &bucket[i];
	}
	*least = (struct entry){.name = name};
	return least;
}

int64_t
cv_device_pace_take(struct cv_device_pace *pace, const struct cv_pace_limit *limit,
    const char *factory, const char *device, int64_t now_ms)
{
	uint64_t name =
	    cv_text_hash(cv_text_hash(0xcbf29ce484222325U ^ pace->seed, factory), device);
	int64_t debt_ms, wait_ms;

	pthread_mutex_lock(&pace->mutex);
	struct entry *entry = find(pace->buckets[(name >> 32) % BUCKETS], name);
	debt_ms = entry->debt_until_ms > now_ms ? entry->debt_until_ms - now_ms : 0;
	wait_ms = debt_ms - (limit->at_once - 1) * limit->interval_ms;
	if (wait_ms <= 0)
		entry->debt_until_ms = now_ms + debt_ms + limit->interval_ms;
	pthread_mutex_unlock(&pace->mutex);
	return wait_ms <= 0 ? 0 : (wait_ms + 999) / 1000;
}
