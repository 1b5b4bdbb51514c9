#include "device_handlers_internal.h"

#include <inttypes.h>

#include "cv/codec/armour.h"
#include "cv/codec/operator_json.h"
#include "cv/service/announcement.h"
#include "cv/service/inspection.h"
#include "cv/util/pem.h"
#include "http_internal.h"
#include "problem_internal.h"

static void
append_key(struct cv_buffer *json, const char *member, const struct cv_buffer *spki)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;

	cv_buffer_printf(json, ",\"%s\":", member);
	if (spki->len == 0) {
		cv_buffer_append_text(json, "null");
		return;
	}
	cv_pem_append(&pem, CV_ARMOUR_PUBLIC_KEY, cv_buffer_bytes(spki));
	cv_json_append_string(json, cv_buffer_text(&pem));
	json->has_failed = json->has_failed || pem.has_failed;
}

/* Members as the reference device gateway names them. */
static void
answer_device(struct cv_request *request, const struct cv_device_facts *facts)
{
	struct cv_buffer *json = &request->answer.body;
	const struct cv_party *party = &request->sight.party;

	cv_answer_set(request, 200, "application/json");
	cv_answer_add_header(request, "Cache-Control", "no-store");
	cv_buffer_append_text(json, "{\"uuid\":");
	cv_json_append_string(json, party->device);
	cv_buffer_append_text(json, ",\"factory\":");
	cv_json_append_string(json, party->factory);
	append_key(json, "pubkey", &facts->current_spki);
	append_key(json, "next_pubkey", &facts->next_spki);
	cv_buffer_append_text(json, ",\"group_name\":");
	cv_json_append_string(json, facts->group);
	cv_buffer_printf(json, ",\"is_prod\":%s,\"last_seen\":%" PRId64 "}\n",
	    facts->is_production ? "true" : "false", facts->last_seen_utc);
	if (json->has_failed)
		cv_problem_answer(request, CV_PROBLEM_INTERNAL, NULL);
}

void
cv_device_show(struct cv_request *request)
{
	CV_AUTO_DEVICE_FACTS struct cv_device_facts facts = {.group = ""};
	struct cv_error err = CV_ERROR_INIT;
	bool exists = false;

	if (!cv_inspect_device(
		request->http->service, &request->sight.party, &exists, &facts, &err))
		cv_problem_answer_error(request, &err);
	else if (!exists)
		cv_problem_answer(request, CV_PROBLEM_NOT_FOUND, NULL);
	else
		answer_device(request, &facts);
}

static void
announce(struct cv_request *request, const struct cv_buffer *pem)
{
	enum cv_announcement_outcome outcome = CV_ANNOUNCEMENT_REFUSED;
	enum cv_verdict verdict = request->sight.verdict;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_announce(request->http->service, &request->evidence, &request->sight,
		cv_buffer_text(pem), pem->len, request->id, &outcome, &verdict, &err)) {
		cv_problem_answer_error(request, &err);
		return;
	}
	if (outcome != CV_ANNOUNCEMENT_DONE) {
		cv_problem_answer_later(request, cv_problem_of_announcement(outcome, verdict), NULL,
		    CV_DEVICE_WRITE_SECONDS);
		return;
	}
	/* fioconfig takes 200 and nothing else. */
	request->reason = "announced";
	cv_answer_set(request, 200, NULL);
	cv_answer_add_header(request, "Cache-Control", "no-store");
}

void
cv_device_patch(struct cv_request *request)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_json_decode_next_key(cv_buffer_bytes(&request->body), &pem, &err)) {
		if (err.code == CV_E_INPUT)
			cv_problem_answer(request, CV_PROBLEM_BAD_JSON, err.text);
		else
			cv_problem_answer_error(request, &err);
		return;
	}
	announce(request, &pem);
}
