#include "transport_internal.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "cv/cli/probe.h"
#include "cv/codec/table.h"
#include "cv/util/text.h"

#define CONNECT_MS 10000L
#define PROBE_BODY_MAX 65536

static void
handle_cleanup(CURL **handle)
{
	curl_easy_cleanup(*handle);
}

static void
headers_cleanup(struct curl_slist **headers)
{
	curl_slist_free_all(*headers);
}

size_t
cv_transport_take_body(char *data, size_t size, size_t count, void *context)
{
	struct cv_buffer *body = context;

	cv_buffer_append(body, data, size * count);
	return body->has_failed ? 0 : size * count;
}

static bool
add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer != NULL)
		*headers = longer;
	return longer != NULL;
}

static bool
add_named(struct curl_slist **headers, const char *name, const char *value)
{
	CV_AUTO_BUFFER struct cv_buffer line = CV_BUFFER_INIT;

	if (value == NULL)
		return true;
	cv_buffer_printf(&line, "%s: %s", name, value);
	return !line.has_failed && add_header(headers, cv_buffer_text(&line));
}

/* Whoever runs us may be tracing; the server ignores what is no traceparent. */
static bool
add_trace(struct curl_slist **headers)
{
	const char *parent = getenv("TRACEPARENT");

	if (parent == NULL || strpbrk(parent, "\r\n") != NULL)
		return true;
	return add_named(headers, "traceparent", parent);
}

static bool
add_headers(const struct cv_transport_request *request, struct curl_slist **headers)
{
	CV_AUTO_BUFFER struct cv_buffer line = {.is_secret = true};

	const char *type =
	    request->content_type == NULL ? "application/json" : request->content_type;

	if (request->body.data != NULL && !add_named(headers, "Content-Type", type))
		return false;
	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		if (!add_header(headers, request->headers[i]))
			return false;
	}
	if (!add_named(headers, "If-Match", request->if_match) ||
	    !add_named(headers, "Idempotency-Key", request->idempotency_key) || !add_trace(headers))
		return false;
	if (request->token == NULL)
		return true;
	cv_buffer_printf(&line, "Authorization: Bearer %s", request->token);
	return !line.has_failed && add_header(headers, cv_buffer_text(&line));
}

/* Copied: libcurl reads it when it connects. */
static void
set_blob(CURL *handle, CURLoption option, struct cv_bytes pem)
{
	struct curl_blob blob = {
	    .data = (void *)(uintptr_t)pem.data, .len = pem.len, .flags = CURL_BLOB_COPY};

	if (pem.data != NULL)
		curl_easy_setopt(handle, option, &blob);
}

static void
set_options(CURL *handle, const struct cv_transport_request *request,
    const struct curl_slist *headers, char error_text[CURL_ERROR_SIZE], struct cv_buffer *body)
{
	curl_easy_setopt(handle, CURLOPT_URL, request->url);
	curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR,
	    request->is_local || request->socket != NULL ? "http,https" : "https");
	curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error_text);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, cv_transport_take_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	if (request->is_local)
		curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
	if (request->certificate != NULL)
		curl_easy_setopt(handle, CURLOPT_SSLCERT, request->certificate);
	if (request->certificate != NULL && request->key != NULL)
		curl_easy_setopt(handle, CURLOPT_SSLKEY, request->key);
	if (request->ca_file != NULL)
		curl_easy_setopt(handle, CURLOPT_CAINFO, request->ca_file);
	set_blob(handle, CURLOPT_SSLCERT_BLOB, request->certificate_pem);
	set_blob(handle, CURLOPT_SSLKEY_BLOB, request->key_pem);
	if (request->socket != NULL)
		curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, request->socket);
	if (request->body.data != NULL) {
		curl_easy_setopt(handle, CURLOPT_POSTFIELDS, (const char *)request->body.data);
		curl_easy_setopt(
		    handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	}
}

bool
cv_transport_send(const struct cv_transport_request *request, long *ret_status,
    struct cv_buffer *ret_body, struct cv_error *err)
{
	__attribute__((cleanup(handle_cleanup))) CURL *handle = curl_easy_init();
	__attribute__((cleanup(headers_cleanup))) struct curl_slist *headers = NULL;
	char error_text[CURL_ERROR_SIZE] = "";

	if (handle == NULL || !add_headers(request, &headers))
		return cv_fail(err, CV_E_MEMORY, "no memory for a request");
	set_options(handle, request, headers, error_text, ret_body);
	CURLcode code = curl_easy_perform(handle);
	if (code != CURLE_OK) {
		cv_fail(err, CV_E_IO, "no answer from %s",
		    request->socket != NULL ? request->socket : request->url);
		return cv_error_cause(
		    err, "%s", error_text[0] == '\0' ? curl_easy_strerror(code) : error_text);
	}
	curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, ret_status);
	return true;
}

void
cv_transport_find_code(struct cv_bytes body, char *ret_code, size_t size)
{
	/* A whole answer may hold a token. */
	CV_AUTO_BUFFER struct cv_buffer text = {.is_secret = true};

	if (!cv_table_find_text(body, "code", &text))
		cv_buffer_append(&text, body.data, body.len);
	const char *found = cv_buffer_text(&text);
	size_t len = strspn(found, "abcdefghijklmnopqrstuvwxyz-");
	if (strchr(" :\r\n", found[len]) == NULL || !cv_text_copy_bytes(ret_code, size, found, len))
		ret_code[0] = '\0';
}

bool
cv_probe(const char *url, long timeout_ms, long *ret_status, struct cv_buffer *ret_body,
    struct cv_error *err)
{
	const struct cv_transport_request request = {
	    .method = "GET",
	    .url = url,
	    .timeout_ms = timeout_ms,
	    .is_local = true,
	};

	if (ret_body->max_bytes == 0)
		ret_body->max_bytes = PROBE_BODY_MAX;
	return cv_transport_send(&request, ret_status, ret_body, err);
}
