#include <stdio.h>
#include <string.h>

#include "cv/service/factory_hosts.h"
#include "cv/util/text.h"
#include "factory_pki_internal.h"

void
cv_factory_csrs_deinit(struct cv_factory_csrs *csrs)
{
	for (size_t i = 0; i < CV_FACTORY_KEY_PURPOSES; i++)
		cv_buffer_deinit(&csrs->pem[i]);
}

struct made_key {
	struct cv_sealed_key key;
	char names[2 * CV_DNS_NAME_SIZE];
};

struct key_job {
	const struct cv_factory_pki_order *order;
	const struct cv_factory_keys_wanted *wanted;
	const struct cv_factory_hosts *hosts;
	struct made_key made[CV_FACTORY_KEY_PURPOSES];
	struct cv_factory_pki_result *result;
};

static void
key_job_deinit(struct key_job *job)
{
	for (size_t i = 0; i < CV_FACTORY_KEY_PURPOSES; i++)
		cv_sealed_key_deinit(&job->made[i].key);
}

/* The DNS names that a certificate of the purpose must have, gateway first. */
static void
list_names(enum cv_factory_key_purpose purpose, const struct cv_factory_hosts *hosts,
    char ret_names[2 * CV_DNS_NAME_SIZE])
{
	ret_names[0] = '\0';
	if (purpose == CV_FACTORY_KEY_EST_TLS)
		(void)cv_text_copy(ret_names, 2 * CV_DNS_NAME_SIZE, hosts->est);
	else if (purpose == CV_FACTORY_KEY_TLS)
		(void)snprintf(ret_names, 2 * CV_DNS_NAME_SIZE, "%s%s%s", hosts->gateway,
		    strcmp(hosts->gateway, hosts->ostree) == 0 ? "" : ",",
		    strcmp(hosts->gateway, hosts->ostree) == 0 ? "" : hosts->ostree);
}

/* "a,b" as "DNS:a,DNS:b" */
static void
append_kinds(struct cv_buffer *text, const char *names)
{
	while (*names != '\0') {
		size_t len = strcspn(names, ",");

		cv_buffer_printf(text, "%sDNS:%.*s", text->len > 0 ? "," : "", (int)len, names);
		names += len + (names[len] == ',');
	}
}

static const char *
common_name_of(
    enum cv_factory_key_purpose purpose, const char *factory, const struct cv_factory_hosts *hosts)
{
	const char *host = purpose == CV_FACTORY_KEY_EST_TLS ? hosts->est : hosts->gateway;

	return purpose == CV_FACTORY_KEY_ONLINE || strlen(host) > CV_DEVICE_ID_MAX ? factory : host;
}

static bool
make_key(struct cv_service *service, enum cv_factory_key_purpose purpose,
    const struct cv_factory_hosts *hosts, struct key_job *job, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer kinds = CV_BUFFER_INIT;
	struct made_key *made = &job->made[purpose];
	struct cv_key_order order = {
	    .organizational_unit = job->order->factory,
	    .common_name = common_name_of(purpose, job->order->factory, hosts),
	};

	list_names(purpose, hosts, made->names);
	append_kinds(&kinds, made->names);
	order.names = cv_buffer_text(&kinds);
	made->key.sealed.is_secret = true;
	return cv_signer_make_key(cv_service_signer(service), &order, &made->key, err);
}

static bool
put_keys(struct cv_service *service, struct cv_connection *connection, const struct key_job *job,
    struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer after = CV_BUFFER_INIT;
	struct cv_new_factory_key keys[CV_FACTORY_KEY_PURPOSES];
	size_t count = 0;

	(void)service;
	for (unsigned i = 0; i < CV_FACTORY_KEY_PURPOSES; i++) {
		const struct made_key *made = &job->made[i];
		enum cv_factory_key_purpose purpose = (enum cv_factory_key_purpose)i;

		if (!job->wanted->is_wanted[i])
			continue;
		cv_buffer_printf(&after, "%s\"%s\"", count > 0 ? "," : "{\"pending\":[",
		    cv_factory_key_purpose_name(purpose));
		keys[count++] = (struct cv_new_factory_key){
		    .purpose = purpose,
		    .key_id = made->key.key_id,
		    .names = made->names,
		    .csr = cv_buffer_text(&made->key.csr),
		    .sealed = cv_buffer_text(&made->key.sealed),
		};
	}
	cv_buffer_append_text(&after, "]}");
	const struct cv_factory_pki_act act = {
	    .factory = job->order->factory,
	    .user = job->order->user,
	    .actor = job->order->actor,
	    .request_id = job->order->request_id,
	    .after_json = cv_buffer_text(&after),
	};
	return cv_factory_pki_store_put_keys(connection, &act, keys, count, err);
}

/* Names have no case, those of factories do. */
static bool
put_keys_unless_taken(struct cv_service *service, struct cv_connection *connection,
    struct key_job *job, struct cv_error *err)
{
	const bool *is_wanted = job->wanted->is_wanted;
	bool are_taken = false;

	if ((is_wanted[CV_FACTORY_KEY_TLS] || is_wanted[CV_FACTORY_KEY_EST_TLS]) &&
	    !cv_factory_pki_store_names_taken(
		connection, job->order->factory, job->hosts->own, &are_taken, err)) {
		cv_factory_pki_store_rollback(connection);
		return false;
	}
	if (!are_taken)
		return put_keys(service, connection, job, err) &&
		       factory_pki_end(job->result, CV_FACTORY_PKI_DONE, "");
	cv_factory_pki_store_rollback(connection);
	return factory_pki_end(job->result, CV_FACTORY_PKI_TAKEN,
	    "Another factory has one of the host names of the servers already: its name differs "
	    "only "
	    "in case, or by the words that [foundries] puts beside it.");
}

static bool
try_keys(struct cv_service *service, struct cv_connection *connection, void *context,
    struct cv_error *err)
{
	AUTO_FACTORY_PKI struct factory_pki pki = {.has_row = false};
	struct key_job *job = context;

	if (!factory_pki_read(connection, job->order->factory, true, &pki, err)) {
		cv_factory_pki_store_rollback(connection);
		return false;
	}
	if (job->wanted->is_first_time == (pki.root == NULL))
		return put_keys_unless_taken(service, connection, job, err);
	cv_factory_pki_store_rollback(connection);
	return factory_pki_end(job->result, CV_FACTORY_PKI_CONFLICT,
	    pki.root == NULL
		? "The PKI of the factory is not set up yet: this takes first-time-init."
		: "The PKI of the factory is set up already: this goes without first-time-init.");
}

bool
cv_factory_pki_make_keys(struct cv_service *service, const struct cv_factory_pki_order *order,
    const struct cv_factory_keys_wanted *wanted, struct cv_factory_csrs *ret_csrs,
    struct cv_factory_pki_result *ret_result, struct cv_error *err)
{
	__attribute__((cleanup(key_job_deinit))) struct key_job job = {
	    .order = order, .wanted = wanted, .result = ret_result};
	struct cv_factory_hosts hosts;

	job.hosts = &hosts;
	if (!cv_factory_hosts_make(cv_service_settings(service), order->factory, &hosts))
		return factory_pki_end(ret_result, CV_FACTORY_PKI_CONFLICT,
		    "With the name of this factory in them the servers have no host names "
		    "(letters, "
		    "digits and dashes between dots): set [foundries] gateway_host, ostree_host "
		    "and "
		    "est_host.");
	for (unsigned i = 0; i < CV_FACTORY_KEY_PURPOSES; i++) {
		if (wanted->is_wanted[i] &&
		    !make_key(service, (enum cv_factory_key_purpose)i, &hosts, &job, err))
			return false;
	}
	if (!factory_pki_carry_out(service, try_keys, &job, false, err))
		return false;
	for (size_t i = 0;
	     ret_result->outcome == CV_FACTORY_PKI_DONE && i < CV_FACTORY_KEY_PURPOSES; i++)
		cv_buffer_append_text(&ret_csrs->pem[i], cv_buffer_text(&job.made[i].key.csr));
	return true;
}

bool
cv_factory_pki_open_key(struct cv_service *service, const struct cv_factory_key_row *key,
    struct cv_buffer *ret_pem, struct cv_error *err)
{
	return cv_signer_open_sealed(
	    cv_service_signer(service), cv_bytes(key->sealed, strlen(key->sealed)), ret_pem, err);
}
