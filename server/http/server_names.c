#include "server_names_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cv/util/log.h"
#include "cv/util/text.h"

/* One server certificate; what tells it from others is key and text. */
struct server {
	char factory[CV_FACTORY_NAME_MAX + 1];
	struct cv_digest key_id;
	char *certificate;
	char *names;
	struct cv_tls_pair *pair; /* NULL: it cannot be used here */
};

struct server_name {
	char name[CV_SERVER_NAME_SIZE];
	size_t server;
};

struct cv_server_names {
	_Atomic unsigned references;
	int64_t version;
	struct server *servers;
	size_t server_count;
	struct server_name *names;
	size_t name_count;
};

struct cv_server_names *
cv_server_names_ref(struct cv_server_names *names)
{
	atomic_fetch_add(&names->references, 1);
	return names;
}

void
cv_server_names_free(struct cv_server_names *names)
{
	if (names == NULL || atomic_fetch_sub(&names->references, 1) > 1)
		return;
	for (size_t i = 0; i < names->server_count; i++) {
		cv_tls_pair_free(names->servers[i].pair);
		free(names->servers[i].certificate);
		free(names->servers[i].names);
	}
	free(names->servers);
	free(names->names);
	free(names);
}

int64_t
cv_server_names_version(const struct cv_server_names *names)
{
	return names->version;
}

static const struct server_name *
find_name(const struct cv_server_names *names, const char *name)
{
	for (size_t i = 0; i < names->name_count; i++) {
		if (cv_text_equal_ignoring_case(names->names[i].name, name))
			return &names->names[i];
	}
	return NULL;
}

struct cv_tls_pair *
cv_server_names_find(const struct cv_server_names *names, const char *name,
    char ret_factory[CV_FACTORY_NAME_MAX + 1])
{
	const struct server_name *found = find_name(names, name);
	const struct server *server = found == NULL ? NULL : &names->servers[found->server];

	if (server == NULL || server->pair == NULL)
		return NULL;
	(void)cv_text_copy(ret_factory, CV_FACTORY_NAME_MAX + 1, server->factory);
	return cv_tls_pair_ref(server->pair);
}

void
cv_server_names_each(const struct cv_server_names *names, cv_server_sink *sink, void *context)
{
	for (size_t i = 0; i < names->server_count; i++) {
		const struct server *each = &names->servers[i];

		if (each->pair != NULL)
			sink(context, each->factory, each->names,
			    cv_tls_pair_not_after_utc(each->pair));
	}
}

/* ---- making one ---- */

static struct cv_tls_pair *
known_pair(const struct cv_server_names *before, const struct cv_factory_key_row *key)
{
	for (size_t i = 0; before != NULL && i < before->server_count; i++) {
		const struct server *each = &before->servers[i];

		if (each->pair != NULL && cv_digest_equal(&each->key_id, &key->key_id) &&
		    strcmp(each->certificate, key->certificate) == 0)
			return cv_tls_pair_ref(each->pair);
	}
	return NULL;
}

static struct cv_tls_pair *
load_pair(struct cv_service *service, const struct cv_factory_key_row *key)
{
	CV_AUTO_BUFFER struct cv_buffer pem = {.is_secret = true};
	struct cv_tls_pair *pair = NULL;
	struct cv_error err = CV_ERROR_INIT;

	if (!cv_factory_pki_open_key(service, key, &pem, &err) ||
	    !cv_tls_pair_load(key->certificate, cv_buffer_text(&pem), &pair, &err)) {
		(void)cv_error_context(&err, "factory %s", key->factory);
		cv_log_error(CV_LOG_ERROR, "server-key-refused",
		    "a factory's server certificate cannot be used here", &err);
		return NULL;
	}
	cv_log(CV_LOG_INFO, "server-key-added", "a factory's server certificate is in use",
	    CV_LOG_TEXT("factory", key->factory), CV_LOG_TEXT("names", key->names));
	return pair;
}

static bool
add_server(struct cv_service *service, const struct cv_factory_key_row *key,
    const struct cv_server_names *before, struct cv_server_names *names)
{
	struct server *servers =
	    reallocarray(names->servers, names->server_count + 1, sizeof(*servers));

	if (servers == NULL)
		return false;
	names->servers = servers;
	struct server *server = &servers[names->server_count++];
	*server = (struct server){.key_id = key->key_id,
	    .certificate = strdup(key->certificate),
	    .names = strdup(key->names)};
	if (server->certificate == NULL || server->names == NULL)
		return false;
	(void)cv_text_copy(server->factory, sizeof(server->factory), key->factory);
	server->pair = known_pair(before, key);
	if (server->pair == NULL)
		server->pair = load_pair(service, key);
	return true;
}

static bool
add_names(struct cv_server_names *names, const char *list)
{
	while (*list != '\0') {
		size_t len = strcspn(list, ",");
		struct server_name *grown =
		    reallocarray(names->names, names->name_count + 1, sizeof(*grown));
		struct server_name name = {.server = names->server_count - 1};

		if (grown == NULL)
			return false;
		names->names = grown;
		if (cv_text_copy_bytes(name.name, sizeof(name.name), list, len) &&
		    find_name(names, name.name) == NULL)
			grown[names->name_count++] = name;
		list += len + (list[len] == ',');
	}
	return true;
}

static bool
add_servers_of(struct cv_service *service, const struct cv_realm *realm, const char *factory,
    bool is_of_it, const struct cv_server_names *before, struct cv_server_names *names)
{
	for (size_t i = 0; i < realm->key_count; i++) {
		const struct cv_factory_key_row *key = &realm->keys[i];

		if (key->purpose == CV_FACTORY_KEY_ONLINE || key->state != CV_FACTORY_KEY_ACTIVE ||
		    cv_text_equal(key->factory, factory) != is_of_it)
			continue;
		if (!add_server(service, key, before, names) || !add_names(names, key->names))
			return false;
	}
	return true;
}

struct cv_server_names *
cv_server_names_make(
    struct cv_service *service, const struct cv_realm *realm, const struct cv_server_names *before)
{
	CV_AUTO(cv_server_names) struct cv_server_names *names = calloc(1, sizeof(*names));
	const struct cv_factory_row *preferred = cv_realm_default_factory(realm);
	const char *first = preferred == NULL ? NULL : preferred->name;

	if (names == NULL)
		return NULL;
	atomic_init(&names->references, 1);
	names->version = realm->version;
	if (!add_servers_of(service, realm, first, true, before, names) ||
	    !add_servers_of(service, realm, first, false, before, names))
		return NULL;
	return CV_TAKE(names);
}
