/*
 * Places for what takes much memory while a client sends or reads it: a few in all, and fewer for
 * one device, so that the rest of the fleet finds some. Any thread.
 */
#ifndef CV_HTTP_PLACES_INTERNAL_H
#define CV_HTTP_PLACES_INTERNAL_H

#include <stdbool.h>

#include "cv/model/name.h"
#include "cv/util/auto.h"

struct cv_places;

/* each: for one device. strangers: for all of whom it is not known who they are. NULL: out of
 * memory. */
struct cv_places *cv_places_new(unsigned count, unsigned each, unsigned strangers);
void cv_places_free(struct cv_places *places);
CV_DEFINE_CLEANUP(cv_places);

/* A place, or none. */
struct cv_place {
	struct cv_places *places; /* NULL: none */
	struct cv_party holder;
};

/* holder NULL: a stranger. False: there is no room. */
bool cv_place_take(
    struct cv_places *places, const struct cv_party *holder, struct cv_place *ret_place);
/* Also of none. */
void cv_place_give(struct cv_place *place);

#endif
