/* Load for the gateway check: connections that are kept open, each of which asks again as soon as
 * it is answered, and what came back how fast. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cv/codec/armour.h"
#include "cv/model/digest.h"
#include "cv/util/base64.h"
#include "cv/util/file.h"
#include "cv/util/text.h"
#include "invocation_internal.h"
#include "latency_internal.h"
#include "login_internal.h"

#define CONNECTIONS_MAX 1000
#define CONNECTIONS_DEFAULT 16
#define SECONDS_MAX 3600
#define SECONDS_DEFAULT 10
#define CONNECT_MS 10000L
#define TIMEOUT_MS 30000L
#define POLL_MS 100
#define PEM_MAX_BYTES 65536
#define ANSWER_MAX_BYTES 4096

struct order {
	const char *gateway_url; /* NULL: by the socket */
	const char *socket;
	const char *certificate;
	const char *key;
	const char *ca_file;
	struct cv_buffer *header; /* that names the certificate */
	uint64_t connections;
	uint64_t seconds;
};

/* One connection with its request, which is on its way at all times. */
struct asker {
	CURL *handle;
	struct cv_buffer body;
	uint64_t asked_us; /* 0: it does not wait for an answer */
};

struct bench {
	CURLM *multi;
	struct curl_slist *headers;
	struct cv_buffer url;
	struct asker *askers; /* owned */
	size_t asker_count;
	size_t on_their_way;
	bool is_measuring;
	uint64_t until_us;
	uint64_t allowed, refused, undecided, other, failed;
	char code[CV_TRANSPORT_CODE_SIZE]; /* of the last answer that was no allowance */
	char failure[CURL_ERROR_SIZE];
	struct cv_latency latency;
};

static void
bench_deinit(struct bench *bench)
{
	for (size_t i = 0; i < bench->asker_count; i++) {
		if (bench->askers[i].handle != NULL)
			curl_multi_remove_handle(bench->multi, bench->askers[i].handle);
		curl_easy_cleanup(bench->askers[i].handle);
		cv_buffer_deinit(&bench->askers[i].body);
	}
	free(bench->askers);
	curl_multi_cleanup(bench->multi);
	curl_slist_free_all(bench->headers);
	cv_buffer_deinit(&bench->url);
}

static uint64_t
now_us(void)
{
	struct timespec now = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- what is asked ---- */

static bool
append_certificate(const char *path, struct cv_buffer *header, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer pem = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer der = CV_BUFFER_INIT;

	if (!cv_file_read_any(path, PEM_MAX_BYTES, &pem, err))
		return false;
	if (!cv_armour_decode(
		cv_buffer_bytes(&pem), CV_ARMOUR_WITH_TEXT, CV_ARMOUR_CERTIFICATE, NULL, &der, err))
		return cv_error_context(err, "%s", path);
	cv_buffer_append_text(header, "Client-Cert: :");
	cv_base64_append(header, cv_buffer_bytes(&der));
	cv_buffer_append_text(header, ":");
	return !header->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a header");
}

static bool
append_digest(const char *hex, struct cv_buffer *header, struct cv_error *err)
{
	struct cv_digest digest;
	char text[CV_DIGEST_HEX_SIZE];

	if (!cv_digest_parse(hex, &digest))
		return cv_fail(err, CV_E_INPUT, "--sha256: not 64 hex digits");
	cv_digest_format(&digest, text);
	cv_buffer_printf(header, "X-Client-Cert-Sha256: %s", text);
	return !header->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for a header");
}

static bool
read_number(const struct cv_cli_invocation *invocation, const char *option, uint64_t max,
    uint64_t *number, struct cv_error *err)
{
	const char *text = cv_cli_value(invocation, option);

	return text == NULL || (cv_text_parse_unsigned(text, max, number) && *number > 0) ||
	       cv_fail(err, CV_E_INPUT, "--%s: a whole number from 1 to %" PRIu64, option, max);
}

static bool
read_order(
    const struct cv_cli_invocation *invocation, struct order *ret_order, struct cv_error *err)
{
	const char *sha256 = cv_cli_value(invocation, "sha256");
	const char *pem = cv_cli_value(invocation, "pem");

	ret_order->gateway_url = cv_cli_value(invocation, "gateway-url");
	ret_order->socket = cv_cli_value(invocation, "socket");
	ret_order->certificate = invocation->global.certificate;
	ret_order->key = invocation->global.key;
	ret_order->ca_file = cv_cli_ca_file(&invocation->global);
	if ((ret_order->socket != NULL) == (ret_order->gateway_url != NULL))
		return cv_fail(err, CV_E_INPUT, "bench check: give --socket or --gateway-url");
	if (ret_order->gateway_url != NULL && ret_order->certificate == NULL)
		return cv_fail(err, CV_E_INPUT, "bench check: --gateway-url needs --cert");
	if ((sha256 != NULL) == (pem != NULL))
		return cv_fail(err, CV_E_INPUT, "bench check: give --sha256 or --pem");
	return read_number(
		   invocation, "connections", CONNECTIONS_MAX, &ret_order->connections, err) &&
	       read_number(invocation, "seconds", SECONDS_MAX, &ret_order->seconds, err) &&
	       (sha256 != NULL ? append_digest(sha256, ret_order->header, err)
			       : append_certificate(pem, ret_order->header, err));
}

/* ---- asking ---- */

static bool
prepare_asker(struct bench *bench, const struct order *order, struct asker *asker)
{
	CURL *handle = curl_easy_init();

	asker->handle = handle;
	asker->body.max_bytes = ANSWER_MAX_BYTES;
	if (handle == NULL)
		return false;
	curl_easy_setopt(handle, CURLOPT_URL, cv_buffer_text(&bench->url));
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, order->socket != NULL ? "http" : "https");
	curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, bench->headers);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, cv_transport_take_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, &asker->body);
	curl_easy_setopt(handle, CURLOPT_PRIVATE, asker);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	if (order->socket != NULL)
		curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, order->socket);
	if (order->ca_file != NULL)
		curl_easy_setopt(handle, CURLOPT_CAINFO, order->ca_file);
	if (order->socket == NULL && order->certificate != NULL)
		curl_easy_setopt(handle, CURLOPT_SSLCERT, order->certificate);
	if (order->socket == NULL && order->key != NULL)
		curl_easy_setopt(handle, CURLOPT_SSLKEY, order->key);
	return true;
}

static bool
prepare(struct bench *bench, const struct order *order, struct cv_error *err)
{
	bench->multi = curl_multi_init();
	bench->headers = curl_slist_append(NULL, cv_buffer_text(order->header));
	bench->askers = calloc(order->connections, sizeof(*bench->askers));
	if (order->socket != NULL)
		cv_buffer_append_text(&bench->url, "http://localhost");
	else if (!cv_cli_append_base(&bench->url, order->gateway_url, err))
		return false;
	cv_buffer_append_text(&bench->url, "/v1/check");
	if (bench->multi == NULL || bench->headers == NULL || bench->askers == NULL ||
	    bench->url.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for requests");
	/* By default it would close some of them when they are idle for a moment. */
	curl_multi_setopt(bench->multi, CURLMOPT_MAXCONNECTS, (long)order->connections);
	for (; bench->asker_count < order->connections; bench->asker_count++) {
		if (!prepare_asker(bench, order, &bench->askers[bench->asker_count]))
			return cv_fail(err, CV_E_MEMORY, "no memory for requests");
	}
	return true;
}

static void
begin(struct bench *bench, struct asker *asker)
{
	cv_buffer_reset(&asker->body);
	if (curl_multi_add_handle(bench->multi, asker->handle) != CURLM_OK) {
		bench->failed++;
		return;
	}
	asker->asked_us = now_us();
	bench->on_their_way++;
}

static void
count_answer(struct bench *bench, const struct asker *asker, long status, uint64_t asked_us)
{
	if (status == 200)
		bench->allowed++;
	else if (status == 403)
		bench->refused++;
	else if (status == 503)
		bench->undecided++;
	else
		bench->other++;
	if (status != 200)
		cv_transport_find_code(
		    cv_buffer_bytes(&asker->body), bench->code, sizeof(bench->code));
	cv_latency_add(&bench->latency, now_us() - asked_us);
}

/* A connection that fails asks no more: what is broken is not asked in a tight loop. */
static void
take_answer(struct bench *bench, struct asker *asker, CURLcode code)
{
	long status = 0;
	const uint64_t asked_us = asker->asked_us;

	curl_multi_remove_handle(bench->multi, asker->handle);
	bench->on_their_way--;
	asker->asked_us = 0;
	if (code != CURLE_OK) {
		bench->failed++;
		(void)cv_text_copy(
		    bench->failure, sizeof(bench->failure), curl_easy_strerror(code));
		return;
	}
	if (!bench->is_measuring || now_us() >= bench->until_us)
		return;
	curl_easy_getinfo(asker->handle, CURLINFO_RESPONSE_CODE, &status);
	count_answer(bench, asker, status, asked_us);
	begin(bench, asker);
}

static bool
run_round(struct bench *bench, struct cv_error *err)
{
	int running, left;
	CURLMcode code = curl_multi_perform(bench->multi, &running);
	CURLMsg *message;

	while (code == CURLM_OK && (message = curl_multi_info_read(bench->multi, &left)) != NULL) {
		CURLcode result = message->data.result;
		char *asker = NULL;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &asker);
		take_answer(bench, (struct asker *)(void *)asker, result);
	}
	if (code == CURLM_OK)
		code = curl_multi_poll(bench->multi, NULL, 0, POLL_MS, NULL);
	if (code == CURLM_OK)
		return true;
	cv_fail(err, CV_E_IO, "the requests cannot go on");
	return cv_error_cause(err, "%s", curl_multi_strerror(code));
}

/* Every connection asks once: handshakes are not what is measured. */
static bool
connect_all(struct bench *bench, const struct order *order, struct cv_error *err)
{
	for (size_t i = 0; i < bench->asker_count; i++) {
		/* Not one that another asker has just been answered on. */
		curl_easy_setopt(bench->askers[i].handle, CURLOPT_FRESH_CONNECT, 1L);
		begin(bench, &bench->askers[i]);
	}
	while (bench->on_their_way > 0) {
		if (!run_round(bench, err))
			return false;
	}
	for (size_t i = 0; i < bench->asker_count; i++)
		curl_easy_setopt(bench->askers[i].handle, CURLOPT_FRESH_CONNECT, 0L);
	if (bench->failed == 0)
		return true;
	cv_fail(err, CV_E_IO, "no answer from %s",
	    order->socket != NULL ? order->socket : order->gateway_url);
	return cv_error_cause(err, "%s", bench->failure);
}

/* ret_us: how long it really took. */
static bool
measure(struct bench *bench, uint64_t seconds, uint64_t *ret_us, struct cv_error *err)
{
	const uint64_t began_us = now_us();

	bench->is_measuring = true;
	bench->until_us = began_us + seconds * 1000000;
	for (size_t i = 0; i < bench->asker_count; i++)
		begin(bench, &bench->askers[i]);
	while (bench->on_their_way > 0 && now_us() < bench->until_us) {
		if (!run_round(bench, err))
			return false;
	}
	const uint64_t now = now_us();
	for (size_t i = 0; i < bench->asker_count; i++) {
		if (bench->askers[i].asked_us > 0)
			cv_latency_note_wait(&bench->latency, now - bench->askers[i].asked_us);
	}
	*ret_us = now - began_us;
	return true;
}

/* ---- what came of it ---- */

static const struct {
	const char *name;   /* of the member */
	const char *column; /* of the table */
	unsigned per_mille;
} quantiles[] = {
    {"p50", "50 %", 500}, {"p90", "90 %", 900}, {"p99", "99 %", 990}, {"p999", "99.9 %", 999}};
#define QUANTILE_COUNT (sizeof(quantiles) / sizeof(quantiles[0]))

static void
print_json(const struct bench *bench, uint64_t us)
{
	const double seconds = (double)us / 1e6;

	(void)printf("{\"seconds\":%.3f,\"connections\":%zu,\"checks\":%" PRIu64
		     ",\"checks_per_second\":%.1f,\"allowed\":%" PRIu64 ",\"refused\":%" PRIu64
		     ",\"undecided\":%" PRIu64 ",\"other\":%" PRIu64 ",\"failed\":%" PRIu64,
	    seconds, bench->asker_count, bench->latency.total,
	    (double)bench->latency.total / seconds, bench->allowed, bench->refused,
	    bench->undecided, bench->other, bench->failed);
	if (bench->code[0] == '\0')
		(void)fputs(",\"code\":null,\"latency_seconds\":{", stdout);
	else
		(void)printf(",\"code\":\"%s\",\"latency_seconds\":{", bench->code);
	for (size_t i = 0; i < QUANTILE_COUNT; i++)
		(void)printf("\"%s\":%.6f,", quantiles[i].name,
		    (double)cv_latency_quantile(&bench->latency, quantiles[i].per_mille) / 1e6);
	(void)printf("\"max\":%.6f}}\n", (double)bench->latency.most_us / 1e6);
}

static void
print_count(const char *name, uint64_t count)
{
	(void)printf("%-20s%" PRIu64 "\n", name, count);
}

static void
print_table(const struct bench *bench, uint64_t us)
{
	const double seconds = (double)us / 1e6;

	(void)printf("%-20s%.1f\n", "seconds", seconds);
	print_count("connections", bench->asker_count);
	print_count("checks", bench->latency.total);
	(void)printf("%-20s%.0f\n", "checks per second", (double)bench->latency.total / seconds);
	print_count("allowed", bench->allowed);
	print_count("refused", bench->refused);
	print_count("undecided", bench->undecided);
	print_count("other", bench->other);
	print_count("failed", bench->failed);
	if (bench->code[0] != '\0')
		(void)printf("%-20s%s\n", "last code", bench->code);
	(void)printf("\nlatency in milliseconds:\n");
	for (size_t i = 0; i < QUANTILE_COUNT; i++)
		(void)printf("%-20s%.3f\n", quantiles[i].column,
		    (double)cv_latency_quantile(&bench->latency, quantiles[i].per_mille) / 1e3);
	(void)printf("%-20s%.3f\n", "most", (double)bench->latency.most_us / 1e3);
}

int
cv_cli_bench(const struct cv_cli_invocation *invocation)
{
	__attribute__((cleanup(bench_deinit))) struct bench bench = {.multi = NULL};
	CV_AUTO_BUFFER struct cv_buffer header = CV_BUFFER_INIT;
	struct order order = {
	    .header = &header, .connections = CONNECTIONS_DEFAULT, .seconds = SECONDS_DEFAULT};
	struct cv_error err = CV_ERROR_INIT;
	uint64_t us = 1;

	if (!read_order(invocation, &order, &err) || !prepare(&bench, &order, &err) ||
	    !connect_all(&bench, &order, &err) || !measure(&bench, order.seconds, &us, &err))
		return cv_cli_report(&err);
	if (invocation->global.is_json)
		print_json(&bench, us);
	else
		print_table(&bench, us);
	if (bench.failed == 0 && bench.latency.total > 0)
		return CV_CLI_DONE;
	if (bench.failed == 0)
		(void)fprintf(stderr, "certvendor: no answer within the time\n");
	else
		(void)fprintf(stderr, "certvendor: %" PRIu64 " connections failed: %s\n",
		    bench.failed, bench.failure);
	return CV_CLI_REFUSED;
}
