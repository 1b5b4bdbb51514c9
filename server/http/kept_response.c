#include "kept_response_internal.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/text.h"

#define VALUE_SIZE 80

struct kept_header {
	const char *name; /* static */
	char value[VALUE_SIZE];
};

struct cv_kept_response {
	struct MHD_Response *response;
	size_t count;
	struct kept_header headers[CV_ANSWER_HEADERS_MAX];
};

static bool
add(struct cv_kept_response *kept, size_t i, const struct cv_answer_header *header)
{
	struct kept_header *slot = &kept->headers[i];

	slot->name = header->name;
	return cv_text_copy(slot->value, sizeof(slot->value), header->value) &&
	       MHD_add_response_header(kept->response, slot->name, slot->value) == MHD_YES;
}

static bool
change(struct cv_kept_response *kept, size_t i, const struct cv_answer_header *header)
{
	const struct kept_header *slot = &kept->headers[i];

	if (strcmp(slot->value, header->value) == 0)
		return true;
	return MHD_del_response_header(kept->response, slot->name, slot->value) == MHD_YES &&
	       add(kept, i, header);
}

static bool
has_same_names(const struct cv_kept_response *kept, const struct cv_answer *answer)
{
	if (kept->count != answer->header_count)
		return false;
	for (size_t i = 0; i < kept->count; i++) {
		const char *name = kept->headers[i].name, *wanted = answer->headers[i].name;

		if (name != wanted && strcmp(name, wanted) != 0)
			return false;
	}
	return true;
}

static struct cv_kept_response *
make(const struct cv_answer *answer)
{
	struct cv_kept_response *kept = calloc(1, sizeof(*kept));

	if (kept == NULL)
		return NULL;
	kept->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (kept->response == NULL) {
		cv_kept_response_free(kept);
		return NULL;
	}
	for (; kept->count < answer->header_count; kept->count++) {
		if (!add(kept, kept->count, &answer->headers[kept->count])) {
			cv_kept_response_free(kept);
			return NULL;
		}
	}
	return kept;
}

struct MHD_Response *
cv_kept_response_for(struct cv_kept_response **kept, const struct cv_answer *answer)
{
	bool is_good = *kept != NULL && has_same_names(*kept, answer);

	for (size_t i = 0; is_good && i < answer->header_count; i++)
		is_good = change(*kept, i, &answer->headers[i]);
	if (!is_good) {
		cv_kept_response_free(*kept);
		*kept = make(answer);
	}
	return *kept == NULL ? NULL : (*kept)->response;
}

void
cv_kept_response_free(struct cv_kept_response *kept)
{
	if (kept == NULL)
		return;
	if (kept->response != NULL)
		MHD_destroy_response(kept->response);
	free(kept);
}
