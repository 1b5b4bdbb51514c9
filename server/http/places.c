#include "places_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct holder {
	struct cv_party party; /* no device: strangers */
	unsigned count;        /* 0: free */
};

struct cv_places {
	pthread_mutex_t mutex;
	unsigned each;
	unsigned strangers;
	unsigned room;
	unsigned holder_max;
	struct holder holders[];
};

struct cv_places *
cv_places_new(unsigned count, unsigned each, unsigned strangers)
{
	struct cv_places *places = calloc(1, sizeof(*places) + count * sizeof(struct holder));

	if (places == NULL)
		return NULL;
	pthread_mutex_init(&places->mutex, NULL);
	places->each = each;
	places->strangers = strangers;
	places->room = count;
	places->holder_max = count;
	return places;
}

void
cv_places_free(struct cv_places *places)
{
	if (places == NULL)
		return;
	pthread_mutex_destroy(&places->mutex);
	free(places);
}

/* Of this party, or else a free one; NULL: there is none. */
static struct holder *
find(struct cv_places *places, const struct cv_party *party)
{
	struct holder *unused = NULL;

	for (unsigned i = 0; i < places->holder_max; i++) {
		struct holder *each = &places->holders[i];
		if (each->count == 0)
			unused = each;
		else if (strcmp(each->party.device, party->device) == 0 &&
			 strcmp(each->party.factory, party->factory) == 0)
			return each;
	}
	if (unused != NULL)
		unused->party = *party;
	return unused;
}

bool
cv_place_take(struct cv_places *places, const struct cv_party *holder, struct cv_place *ret_place)
{
	const struct cv_party stranger = {.device = ""};
	const struct cv_party *party = holder == NULL ? &stranger : holder;
	unsigned max = holder == NULL ? places->strangers : places->each;
	bool has_room = false;

	pthread_mutex_lock(&places->mutex);
	struct holder *found = places->room == 0 ? NULL : find(places, party);
	if (found != NULL && found->count < max) {
		found->count++;
		places->room--;
		has_room = true;
	}
	pthread_mutex_unlock(&places->mutex);
	if (has_room)
		*ret_place = (struct cv_place){.places = places, .holder = *party};
	return has_room;
}

void
cv_place_give(struct cv_place *place)
{
	struct cv_places *places = place->places;

	if (places == NULL)
		return;
	place->places = NULL;
	pthread_mutex_lock(&places->mutex);
	find(places, &place->holder)->count--;
	places->room++;
	pthread_mutex_unlock(&places->mutex);
}
