#include "operator_status_internal.h"

#include <inttypes.h>

#include "cv/codec/operator_json.h"
#include "cv/service/inspection.h"
#include "cv/util/log.h"
#include "cv/util/text.h"
#include "http_internal.h"

#define DAY 86400

static void
append_text(struct cv_buffer *body, const char *name, const char *value)
{
	cv_buffer_printf(body, "\"%s\":", name);
	cv_json_append_string(body, value);
}

/* Members "not_after" and, for whoever has no calendar, "days_left". */
static void
append_end(struct cv_buffer *body, const struct cv_http *http, int64_t not_after_utc)
{
	int64_t now_utc = cv_clock_wall_seconds(cv_service_clock(http->service));
	char text[32];

	cv_text_format_time(not_after_utc, text, sizeof(text));
	append_text(body, "not_after", text);
	cv_buffer_printf(body, ",\"days_left\":%" PRId64, (not_after_utc - now_utc) / DAY);
}

static void
append_index(struct cv_buffer *body, struct cv_service *service)
{
	const struct cv_index *index = cv_service_index(service);
	int64_t age_ms = cv_index_age_ms(index);

	cv_buffer_printf(
	    body, "\"index\":{\"certificates\":%zu,\"age_seconds\":", cv_index_count(index));
	if (age_ms == INT64_MAX)
		cv_buffer_append_text(body, "null");
	else
		cv_buffer_printf(body, "%" PRId64, age_ms / 1000);
	cv_buffer_printf(body, ",\"fresh\":%s}", cv_service_is_fresh(service) ? "true" : "false");
}

static void
append_fleet(struct cv_buffer *body, struct cv_service *service, const char *factory)
{
	CV_AUTO_BUFFER struct cv_buffer fleet = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;

	if (cv_inspect_fleet(service, factory, &fleet, &err))
		cv_buffer_printf(body, ",\"fleet\":%s", cv_buffer_text(&fleet));
	else
		cv_log_error(CV_LOG_WARNING, "fleet-not-counted",
		    "status without the numbers of the fleet", &err);
}

static void
append_authorities(struct cv_buffer *body, struct cv_http *http, const char *factory)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(http->service);
	bool has_one = false;

	cv_buffer_append_text(body, ",\"authorities\":[");
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_realm_authority *each = &realm->authorities[i];
		if (!cv_text_equal(each->row.factory, factory))
			continue;
		cv_buffer_append_text(body, has_one ? ",{" : "{");
		has_one = true;
		append_text(body, "name", each->row.name);
		cv_buffer_append_text(body, ",");
		append_text(body, "kind", cv_authority_kind_name(each->row.kind));
		cv_buffer_append_text(body, ",");
		append_text(body, "state", cv_authority_state_name(each->row.state));
		cv_buffer_append_text(body, ",");
		append_end(body, http, each->certificate->not_after_utc);
		cv_buffer_append_text(body, "}");
	}
	cv_buffer_append_text(body, "]");
}

static void
append_listener(struct cv_buffer *body, struct cv_http *http, struct cv_listener *listener)
{
	CV_AUTO(cv_tls_pair) struct cv_tls_pair *pair = cv_listener_pair(listener);

	append_text(body, "name", cv_listener_name(listener->kind));
	cv_buffer_append_text(body, ",");
	append_text(body, "address", listener->address);
	cv_buffer_printf(
	    body, ",\"connections\":%" PRIu64, atomic_load(&listener->counters.connections_open));
	if (pair == NULL)
		return;
	cv_buffer_append_text(body, ",");
	append_end(body, http, cv_tls_pair_not_after_utc(pair));
}

static void
append_listeners(struct cv_buffer *body, struct cv_http *http)
{
	bool has_one = false;

	cv_buffer_append_text(body, ",\"listeners\":[");
	for (size_t i = 0; i < CV_LISTENER_COUNT; i++) {
		if (http->listeners[i] == NULL)
			continue;
		cv_buffer_append_text(body, has_one ? ",{" : "{");
		has_one = true;
		append_listener(body, http, http->listeners[i]);
		cv_buffer_append_text(body, "}");
	}
	cv_buffer_append_text(body, "]");
}

void
cv_operator_append_status(struct cv_buffer *body, struct cv_http *http, const char *factory)
{
	struct cv_service *service = http->service;
	char started[32];

	cv_text_format_time(http->started_wall_ms / 1000, started, sizeof(started));
	cv_buffer_append_text(body, "{");
	append_text(body, "version", http->options->version);
	cv_buffer_append_text(body, ",");
	append_text(body, "started_at", started);
	cv_buffer_append_text(body, ",");
	append_text(body, "factory", factory);
	cv_buffer_append_text(body, ",");
	append_index(body, service);
	cv_buffer_printf(body, ",\"database\":\"%s\",\"draining\":%s",
	    cv_pool_is_up(cv_service_pool(service)) ? "up" : "down",
	    atomic_load(&http->is_draining) ? "true" : "false");
	append_fleet(body, service, factory);
	append_authorities(body, http, factory);
	append_listeners(body, http);
	cv_buffer_append_text(body, "}\n");
}
