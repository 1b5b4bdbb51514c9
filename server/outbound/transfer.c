#include "transfer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "retry_internal.h"

static size_t
drop_body(char *data, size_t size, size_t count, void *context)
{
	struct cv_transfer *transfer = context;

	(void)data;
	transfer->received += size * count;
	return transfer->received > CV_ANSWER_MAX ? 0 : size * count;
}

/* libcurl reads over interim answers (RFC 9110 section 15.2); one of them counts here. */
static size_t
note_header(char *data, size_t size, size_t count, void *context)
{
	struct cv_transfer *transfer = context;
	const char *blank = memchr(data, ' ', size * count);

	if (size * count > 5 && memcmp(data, "HTTP/", 5) == 0 && blank != NULL)
		transfer->saw_processing =
		    (size_t)(data + size * count - blank) > 4 && memcmp(blank, " 102", 4) == 0;
	return size * count;
}

static bool
add_header(struct cv_transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (longer != NULL)
		transfer->headers = longer;
	return longer != NULL;
}

static bool
add_headers(struct cv_transfer *transfer)
{
	const struct cv_message *message = &transfer->message;

	return add_header(transfer, message->content_type) &&
	       add_header(transfer, "User-Agent: certvendor") && add_header(transfer, "Accept:") &&
	       add_header(transfer, "Expect:") &&
	       (message->authorization.len == 0 ||
		   add_header(transfer, cv_buffer_text(&message->authorization))) &&
	       (message->signature.len == 0 ||
		   add_header(transfer, cv_buffer_text(&message->signature)));
}

/* The certificate of the receiver is verified, which is libcurl's default. */
static void
set_options(struct cv_transfer *transfer, const struct cv_sender_settings *settings)
{
	CURL *handle = transfer->handle;
	const struct cv_buffer *body = &transfer->message.body;

	curl_easy_setopt(handle, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(handle, CURLOPT_URL, cv_buffer_text(&transfer->delivery->url));
	curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	curl_easy_setopt(handle, CURLOPT_POSTFIELDS, (const char *)body->data);
	curl_easy_setopt(handle, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, drop_body);
	curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, note_header);
	curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)settings->timeout_seconds * 1000L);
	if (settings->ca_file[0] != '\0') {
		curl_easy_setopt(handle, CURLOPT_CAINFO, settings->ca_file);
		curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
	}
}

bool
cv_transfer_new(struct cv_service *service, const struct cv_sender_settings *settings,
    const char *kid, struct cv_delivery *delivery, struct cv_transfer **ret_transfer,
    struct cv_error *err)
{
	CV_AUTO(cv_transfer) struct cv_transfer *transfer = calloc(1, sizeof(*transfer));

	if (transfer == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for a delivery");
	if (!cv_message_make(service, delivery, kid, settings->issuer, &transfer->message, err))
		return false;
	transfer->handle = curl_easy_init();
	if (transfer->handle == NULL || !add_headers(transfer))
		return cv_fail(err, CV_E_MEMORY, "no memory for a delivery");
	transfer->delivery = delivery;
	set_options(transfer, settings);
	*ret_transfer = CV_TAKE(transfer);
	return true;
}

void
cv_transfer_free(struct cv_transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_easy_cleanup(transfer->handle);
	curl_slist_free_all(transfer->headers);
	cv_message_deinit(&transfer->message);
	cv_delivery_free(transfer->delivery);
	free(transfer);
}

/* A status line that says yes stands, however the body after it goes on. */
static bool
has_answer(const struct cv_transfer *transfer, CURLcode code)
{
	return code == CURLE_OK ||
	       (code == CURLE_WRITE_ERROR && transfer->received > CV_ANSWER_MAX);
}

void
cv_transfer_read_answer(
    const struct cv_transfer *transfer, CURLcode code, struct cv_answer_seen *ret_answer)
{
	curl_off_t retry_after = 0;

	*ret_answer = (struct cv_answer_seen){.status = 0};
	if (has_answer(transfer, code))
		curl_easy_getinfo(transfer->handle, CURLINFO_RESPONSE_CODE, &ret_answer->status);
	else if (transfer->saw_processing)
		ret_answer->status = 102;
	if (cv_status_acknowledges(ret_answer->status))
		return;
	curl_easy_getinfo(transfer->handle, CURLINFO_RETRY_AFTER, &retry_after);
	ret_answer->retry_after_seconds = retry_after > 0 ? (int64_t)retry_after : 0;
	if (ret_answer->status == 0)
		(void)snprintf(ret_answer->problem, sizeof(ret_answer->problem), "%s",
		    curl_easy_strerror(code));
	else
		(void)snprintf(ret_answer->problem, sizeof(ret_answer->problem),
		    "the receiver answered %ld", ret_answer->status);
}
