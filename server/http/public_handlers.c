#include "public_handlers_internal.h"

#include <string.h>

#include "cv/codec/armour.h"
#include "cv/service/ca_certificates.h"
#include "cv/util/text.h"
#include "cv/util/pem.h"
#include "http_internal.h"
#include "problem_internal.h"

#define NAME_SIZE 65
#define MAX_AGE "max-age=300"

/* The part of file before suffix; false when it has another one. */
static bool
cut_suffix(const char *file, const char *suffix, char ret_name[NAME_SIZE])
{
	size_t len = strlen(file);
	size_t suffix_len = strlen(suffix);

	if (len <= suffix_len || strcmp(file + len - suffix_len, suffix) != 0)
		return false;
	return cv_text_copy_bytes(ret_name, NAME_SIZE, file, len - suffix_len);
}

/* Names are unique per factory; of several the default factory's counts, else the first. */
static const struct cv_realm_authority *
find_authority(const struct cv_realm *realm, const char *name)
{
	const struct cv_factory_row *preferred = cv_realm_default_factory(realm);
	const struct cv_realm_authority *found = NULL;

	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];
		if (!cv_text_equal(each->row.name, name))
			continue;
		if (preferred != NULL && cv_text_equal(each->row.factory, preferred->name))
			return each;
		if (found == NULL)
			found = each;
	}
	return found;
}

static void
answer_file(struct cv_request *request, const char *content_type)
{
	if (request->answer.body.has_failed) {
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
		return;
	}
	if (request->answer.body.len == 0) {
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
		return;
	}
	cv_answer_set(request, 200, content_type);
	cv_answer_add_header(request, "Cache-Control", MAX_AGE);
}

static void
show_authority(struct cv_request *request, const char *name)
{
	const struct cv_realm_authority *authority = find_authority(request->realm, name);

	if (authority != NULL)
		cv_buffer_append(&request->answer.body, authority->certificate->der.data,
		    authority->certificate->der.len);
	answer_file(request, "application/pkix-cert");
}

static void
append_armoured(void *context, struct cv_bytes der)
{
	cv_pem_append(context, CV_ARMOUR_CERTIFICATE, der);
}

static void
show_bundle(struct cv_request *request, const char *factory)
{
	const struct cv_clock *clock = cv_service_clock(request->http->service);

	if (cv_realm_factory(request->realm, factory) != NULL)
		(void)cv_ca_certificates(request->realm, factory, "", cv_clock_wall_seconds(clock),
		    append_armoured, &request->answer.body);
	answer_file(request, "application/x-pem-file");
}

void
cv_public_show_ca(struct cv_request *request)
{
	const char *file = request->match.parameters[0];
	char name[NAME_SIZE];

	request->realm = cv_service_realm(request->http->service);
	if (cut_suffix(file, ".cer", name))
		show_authority(request, name);
	else if (cut_suffix(file, ".pem", name))
		show_bundle(request, name);
	else
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
}
