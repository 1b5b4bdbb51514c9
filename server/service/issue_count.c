#include "cv/service/issue_count.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cv/store/realm_store.h"
#include "cv/util/text.h"

/* Of one authority. It stays to the end: there are as many as authorities that issue. */
struct issuer {
	struct issuer *next;
	char id[CV_UUID_SIZE];
	_Atomic uint64_t by_kind[CV_ISSUE_KINDS];
};

struct cv_issue_counts {
	_Atomic(struct issuer *) first;
	pthread_mutex_t mutex; /* of those who add issuers */
};

const char *
cv_issue_kind_name(enum cv_issue_kind kind)
{
	switch (kind) {
	case CV_ISSUE_ENROLMENT:
		return "enrolment";
	case CV_ISSUE_RENEWAL:
		return "renewal";
	case CV_ISSUE_KEYGEN:
		return "keygen";
	case CV_ISSUE_REGISTRATION:
		return "registration";
	case CV_ISSUE_KINDS:
		break;
	}
	return "";
}

struct cv_issue_counts *
cv_issue_counts_new(void)
{
	struct cv_issue_counts *counts = calloc(1, sizeof(*counts));

	if (counts)
		pthread_mutex_init(&counts->mutex, NULL);
	return counts;
}

void
cv_issue_counts_free(struct cv_issue_counts *counts)
{
	if (!counts)
		return;
	for (struct issuer *each = atomic_load(&counts->first); each;) {
		struct issuer *next = each->next;

		free(each);
		each = next;
	}
	pthread_mutex_destroy(&counts->mutex);
	free(counts);
}

static struct issuer *
find(const struct cv_issue_counts *counts, const char *id)
{
	struct issuer *each = atomic_load(&counts->first);

	while (each && !cv_text_equal(each->id, id))
		each = each->next;
	return each;
}

/* Under the mutex. NULL: out of memory. */
static struct issuer *
find_or_add(struct cv_issue_counts *counts, const char *id)
{
	struct issuer *issuer = find(counts, id);

	if (issuer)
		return issuer;
	issuer = calloc(1, sizeof(*issuer));
	if (!issuer || !cv_text_copy(issuer->id, sizeof(issuer->id), id)) {
		free(issuer);
		return NULL;
	}
	issuer->next = atomic_load(&counts->first);
	atomic_store(&counts->first, issuer);
	return issuer;
}

void
cv_issue_counts_add(struct cv_issue_counts *counts, const char *authority, enum cv_issue_kind kind)
{
	struct issuer *issuer = find(counts, authority);

	if (!issuer) {
		pthread_mutex_lock(&counts->mutex);
		issuer = find_or_add(counts, authority);
		pthread_mutex_unlock(&counts->mutex);
	}
	if (issuer)
		atomic_fetch_add(&issuer->by_kind[kind], 1);
}

uint64_t
cv_issue_counts_of(
    const struct cv_issue_counts *counts, const char *authority, enum cv_issue_kind kind)
{
	const struct issuer *issuer = find(counts, authority);

	return issuer ? atomic_load(&issuer->by_kind[kind]) : 0;
}
