#include "metrics_internal.h"

#include <inttypes.h>

#include "cv/model/verdict.h"
#include "cv/service/enrolment.h"
#include "cv/service/issue_count.h"
#include "http_internal.h"

static void
append_failures(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	cv_metrics_append_head(buffer, "certvendor_issue_failures_total", "counter",
	    "Certificate requests that were refused, by reason.");
	for (unsigned outcome = 0; outcome < CV_ENROLMENT_OUTCOMES; outcome++) {
		if (cv_enrolment_is_refusal((enum cv_enrolment_outcome)outcome))
			cv_metrics_append_series(buffer, "certvendor_issue_failures_total",
			    "reason", cv_enrolment_outcome_name((enum cv_enrolment_outcome)outcome),
			    atomic_load(&counters->issue_refusals[outcome]));
	}
}

static void
append_limits(struct cv_buffer *buffer, struct cv_http *http)
{
	struct cv_service_counters *counters = cv_service_counters(http->service);

	cv_metrics_append_head(buffer, "certvendor_ratelimit_rejected_total", "counter",
	    "Requests beyond a limit: of certificates for a device, of its changes of itself, of "
	    "what it fetches and tells, of bad credentials.");
	cv_metrics_append_series(buffer, "certvendor_ratelimit_rejected_total", "limit", "device",
	    atomic_load(&counters->rate_limited));
	cv_metrics_append_series(buffer, "certvendor_ratelimit_rejected_total", "limit", "changes",
	    atomic_load(&counters->changes_refused));
	cv_metrics_append_series(buffer, "certvendor_ratelimit_rejected_total", "limit", "requests",
	    atomic_load(&counters->requests_refused));
	cv_metrics_append_series(buffer, "certvendor_ratelimit_rejected_total", "limit",
	    "credentials", atomic_load(&http->credentials_delayed));
}

/* Every authority that may issue has its series from the start. */
static void
append_issued(struct cv_buffer *buffer, struct cv_service *service)
{
	CV_AUTO(cv_realm) struct cv_realm *realm = cv_service_realm(service);
	const struct cv_issue_counts *counts = cv_service_issue_counts(service);

	cv_metrics_append_head(buffer, "certvendor_certificates_issued_total", "counter",
	    "Certificates of devices that were issued, by authority and by what was asked for.");
	for (size_t i = 0; i < realm->authority_count; i++) {
		const struct cv_authority_row *row = &realm->authorities[i].row;

		for (unsigned kind = 0; row->kind == CV_AUTHORITY_ONLINE && kind < CV_ISSUE_KINDS;
		     kind++)
			cv_buffer_printf(buffer,
			    "certvendor_certificates_issued_total{factory=\"%s\",ca=\"%s\","
			    "kind=\"%s\"} %" PRIu64 "\n",
			    row->factory, row->name, cv_issue_kind_name((enum cv_issue_kind)kind),
			    cv_issue_counts_of(counts, row->id, (enum cv_issue_kind)kind));
	}
}

static void
append_rotations(struct cv_buffer *buffer, struct cv_service *service)
{
	struct cv_service_counters *counters = cv_service_counters(service);

	cv_metrics_append_head(buffer, "certvendor_rotations_total", "counter",
	    "Rotations that ended, by result: the next key became current, or an operator "
	    "withdrew it.");
	cv_metrics_append_series(buffer, "certvendor_rotations_total", "result", "completed",
	    atomic_load(&counters->activated));
	cv_metrics_append_series(buffer, "certvendor_rotations_total", "result", "cancelled",
	    atomic_load(&counters->cancelled));
	cv_metrics_append_gauge(buffer, "certvendor_rotations_pending",
	    "Devices that announced a next key and have not used it yet.",
	    (int64_t)cv_index_pending_count(cv_service_index(service)));
}

static void
append_revocations(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	static const enum cv_reason reasons[] = {CV_REASON_UNSPECIFIED, CV_REASON_KEY_COMPROMISE,
	    CV_REASON_CA_COMPROMISE, CV_REASON_AFFILIATION_CHANGED, CV_REASON_SUPERSEDED,
	    CV_REASON_CESSATION_OF_OPERATION, CV_REASON_PRIVILEGE_WITHDRAWN};
	static const char name[] = "certvendor_revocations_total";

	cv_metrics_append_head(buffer, name, "counter",
	    "Devices and certificates that operators revoked, by reason, and devices that they "
	    "held or deleted.");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		cv_metrics_append_series(buffer, name, "reason", cv_reason_name(reasons[i]),
		    atomic_load(&counters->revocations[reasons[i]]));
	cv_metrics_append_series(buffer, name, "reason", "held",
	    atomic_load(&counters->revocations[CV_REVOCATION_HELD]));
	cv_metrics_append_series(buffer, name, "reason", "deleted",
	    atomic_load(&counters->revocations[CV_REVOCATION_DELETED]));
}

static void
append_decisions(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	cv_metrics_append_counter(buffer, "certvendor_certificates_repeated_total",
	    "Answers that repeated an issued certificate.", atomic_load(&counters->repeated));
	append_failures(buffer, counters);
	cv_metrics_append_counter(buffer, "certvendor_announcements_total", "Next keys announced.",
	    atomic_load(&counters->announced));
	cv_metrics_append_counter(buffer, "certvendor_registrations_total", "Devices registered.",
	    atomic_load(&counters->registered));
	cv_metrics_append_counter(buffer, "certvendor_security_events_total",
	    "Uses of third keys and of denied certificates.",
	    atomic_load(&counters->security_events));
	cv_metrics_append_counter(buffer, "certvendor_security_events_dropped_total",
	    "Security events that were not counted per device.",
	    atomic_load(&counters->security_events_dropped));
}

static void
append_events(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	int64_t pending = atomic_load(&counters->outbox_pending);

	/* An instance that sends nothing does not look. */
	if (pending >= 0)
		cv_metrics_append_gauge(buffer, "certvendor_outbox_pending",
		    "Deliveries of events that wait, of all instances.", pending);
	cv_metrics_append_head(buffer, "certvendor_webhook_deliveries_total", "counter",
	    "Attempts to deliver an event to a webhook or an event queue, by result.");
	cv_metrics_append_series(buffer, "certvendor_webhook_deliveries_total", "result",
	    "delivered", atomic_load(&counters->deliveries_done));
	cv_metrics_append_series(buffer, "certvendor_webhook_deliveries_total", "result", "failed",
	    atomic_load(&counters->deliveries_failed));
	cv_metrics_append_series(buffer, "certvendor_webhook_deliveries_total", "result", "dead",
	    atomic_load(&counters->deliveries_dead));
}

static void
append_lookups(struct cv_buffer *buffer, struct cv_service_counters *counters)
{
	cv_metrics_append_head(buffer, "certvendor_lookups_total", "counter",
	    "Judgements of certificates, by where they were decided.");
	cv_metrics_append_series(buffer, "certvendor_lookups_total", "source", "memory",
	    atomic_load(&counters->judged_in_memory));
	cv_metrics_append_series(buffer, "certvendor_lookups_total", "source", "database",
	    atomic_load(&counters->judged_in_database));
	cv_metrics_append_head(
	    buffer, "certvendor_verdicts_total", "counter", "Judgements, by verdict.");
	for (unsigned verdict = CV_VERDICT_OK; verdict <= CV_VERDICT_UNAVAILABLE; verdict++) {
		/* Its word is "ok" too, and one series must not come twice. */
		const char *word = verdict == CV_VERDICT_TALKS
				       ? "talks"
				       : cv_verdict_name((enum cv_verdict)verdict);
		cv_metrics_append_series(buffer, "certvendor_verdicts_total", "verdict", word,
		    atomic_load(&counters->verdicts[verdict]));
	}
}

void
cv_metrics_append_rules(struct cv_buffer *buffer, struct cv_http *http)
{
	struct cv_service_counters *counters = cv_service_counters(http->service);

	append_issued(buffer, http->service);
	append_decisions(buffer, counters);
	append_rotations(buffer, http->service);
	append_revocations(buffer, counters);
	append_limits(buffer, http);
	append_events(buffer, counters);
	append_lookups(buffer, counters);
}
