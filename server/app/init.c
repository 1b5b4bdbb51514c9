#include "cv/app/init.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cv/app/app.h"
#include "cv/model/secret.h"
#include "cv/pki/digest.h"
#include "cv/store/realm_store.h"
#include "cv/store/schema.h"
#include "cv/util/clock.h"
#include "cv/util/file.h"
#include "cv/util/random.h"
#include "cv/util/text.h"
#include "pki_folder_internal.h"

#define STATEMENT_MS 30000
#define OPEN_FILES_OF_WIPE 8
#define LIFETIME_DAYS 365
#define TOKEN_FILE_MAX 4096
#define HOST_MAX 253 /* RFC 1035 section 2.3.4, as text */

static bool
fail_io(struct cv_error *err, const char *act, const char *path)
{
	int number = errno;

	cv_fail(err, CV_E_IO, "%s %s failed", act, path);
	return cv_error_cause(err, "%s", strerror(number));
}

/* What the database has already. */
struct census {
	const char *name;
	bool has_factory;
	bool has_default;
	struct cv_factory_row factory; /* the one of this name, if there is one */
};

static bool
count_factory(void *context, const struct cv_factory_row *row)
{
	struct census *census = context;

	if (cv_text_equal(row->name, census->name)) {
		census->has_factory = true;
		census->factory = *row;
	}
	if (row->is_default)
		census->has_default = true;
	return true;
}

static bool
take_census(struct cv_connection *connection, struct census *census, struct cv_error *err)
{
	const struct cv_realm_sink sink = {.context = census, .factory = count_factory};
	int64_t version;

	return cv_schema_check(connection, err) &&
	       cv_realm_store_load(connection, &sink, &version, err);
}

static bool
check_names(struct cv_connection *connection, const struct cv_init_order *order,
    const struct census *census, struct cv_error *err)
{
	bool is_free;

	if (census->has_factory)
		return cv_fail(err, CV_E_CONSTRAINT,
		    "already initialised: the database has the factory %s", census->name);
	if (!cv_realm_store_name_is_free(connection, order->token_name, &is_free, err))
		return false;
	return is_free || cv_fail(err, CV_E_CONSTRAINT,
			      "there is an operator %s: choose --token-name", order->token_name);
}

static bool
host_is_valid(const char *host)
{
	size_t len = strlen(host);

	return len > 0 && len <= HOST_MAX &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*") ==
		   len;
}

static bool
is_address(const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool
name_is_valid(const char *what, const char *name, struct cv_error *err)
{
	return cv_factory_name_is_valid(name, strlen(name)) ||
	       cv_fail(err, CV_E_INPUT, "%s is 1 to 64 of A-Z a-z 0-9 . _ -", what);
}

bool
cv_init_check(const struct cv_init_order *order, struct cv_error *err)
{
	if (!name_is_valid("--factory", order->factory, err) ||
	    !name_is_valid("--token-name", order->token_name, err))
		return false;
	for (size_t i = 0; i < order->host_count; i++) {
		const char *host = order->hosts[i];

		if (!is_address(host) && !host_is_valid(host))
			return cv_fail(
			    err, CV_E_INPUT, "--host: \"%s\" is no host name or address", host);
	}
	return true;
}

static void
append_host(struct cv_buffer *names, const char *host)
{
	cv_buffer_printf(
	    names, "%s%s:%s", names->len == 0 ? "" : ",", is_address(host) ? "IP" : "DNS", host);
}

/* "DNS:localhost,IP:127.0.0.1,..." */
static bool
make_names(const struct cv_init_order *order, struct cv_buffer *ret_names, struct cv_error *err)
{
	static const char *const usual[] = {"localhost", "127.0.0.1", "::1"};
	char own[HOST_MAX + 1];

	for (size_t i = 0; i < order->host_count; i++)
		append_host(ret_names, order->hosts[i]);
	for (size_t i = 0; order->host_count == 0 && i < sizeof(usual) / sizeof(usual[0]); i++)
		append_host(ret_names, usual[i]);
	if (order->host_count == 0 && gethostname(own, sizeof(own)) == 0) {
		own[sizeof(own) - 1] = '\0';
		if (host_is_valid(own) && !cv_text_equal(own, "localhost"))
			append_host(ret_names, own);
	}
	return !ret_names->has_failed || cv_fail(err, CV_E_MEMORY, "no memory for host names");
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

/* What an earlier run left that did not finish. */
static bool
wipe_folder(const char *path, struct cv_error *err)
{
	if (!cv_file_exists(path) ||
	    nftw(path, remove_entry, OPEN_FILES_OF_WIPE, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0)
		return true;
	return fail_io(err, "removing", path);
}

/* What is being made has this name until it is complete. */
static bool
make_partial_name(const char *path, char ret_partial[PATH_MAX], struct cv_error *err)
{
	int len = snprintf(ret_partial, PATH_MAX, "%s.partial", path);

	return (len > 0 && len < PATH_MAX) ||
	       cv_fail(err, CV_E_LIMIT, "path longer than %d bytes", PATH_MAX);
}

/* Two runs at once would write the same files. ret_lock is held until it is closed. */
static bool
lock_parent(const char *parent, int *ret_lock, struct cv_error *err)
{
	int lock = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0)
		return fail_io(err, "opening", parent);
	if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		close(lock);
		return cv_fail(err, CV_E_BUSY, "another init is at work in %s", parent);
	}
	*ret_lock = lock;
	return true;
}

/* Everything is made under another name: the folder is complete or it is not there. */
static bool
make_folder(const struct cv_init_order *order, const char *parent, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer names = CV_BUFFER_INIT;
	char partial[PATH_MAX];

	if (!make_partial_name(order->directory, partial, err) || !make_names(order, &names, err) ||
	    !wipe_folder(partial, err) || !cv_file_make_folder(partial, 0700, err) ||
	    !cv_pki_folder_make(partial, order->factory, cv_buffer_text(&names),
		cv_clock_wall_seconds(cv_clock_system()), err) ||
	    !cv_file_sync_folder(partial, err))
		return false;
	/* Succeeds over an empty folder, fails over any other. */
	if (rename(partial, order->directory) != 0) {
		fail_io(err, "putting the files into", order->directory);
		return false;
	}
	return cv_file_sync_folder(parent, err);
}

/* True as well when there is none. */
static bool
folder_is_empty(const char *path, bool *ret_is_empty, struct cv_error *err)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	*ret_is_empty = true;
	if (folder == NULL)
		return errno == ENOENT || fail_io(err, "opening folder", path);
	while ((entry = readdir(folder)) != NULL) {
		if (!cv_text_equal(entry->d_name, ".") && !cv_text_equal(entry->d_name, ".."))
			*ret_is_empty = false;
	}
	(void)closedir(folder);
	return true;
}

static bool
provide_folder(const struct cv_init_order *order, const char *parent,
    struct cv_pki_folder *ret_folder, struct cv_error *err)
{
	bool is_empty;

	if (!folder_is_empty(order->directory, &is_empty, err))
		return false;
	if (is_empty && !make_folder(order, parent, err))
		return false;
	if (!cv_pki_folder_load(order->directory, order->factory, ret_folder, err)) {
		err->code = CV_E_CONFIG;
		return cv_error_context(err, "init cannot go on with this folder");
	}
	(void)printf("%s the keys and certificates in %s\n", is_empty ? "made" : "going on with",
	    order->directory);
	return true;
}

static void
fill_authority(struct cv_authority_row *ret_row, const struct cv_init_order *order,
    enum cv_authority_kind kind, const char *title, const struct cv_certificate *certificate)
{
	*ret_row = (struct cv_authority_row){
	    .kind = kind,
	    .state = CV_AUTHORITY_TRUSTED,
	    .fingerprint = certificate->fingerprint,
	    .certificate = certificate->der,
	};
	cv_uuid7(cv_clock_wall_ms(cv_clock_system()), ret_row->id);
	(void)cv_text_copy(ret_row->factory, sizeof(ret_row->factory), order->factory);
	/* The name is an address of the public listener too, hence the factory in it. */
	(void)snprintf(ret_row->name, sizeof(ret_row->name), "%.48s-%s", order->factory, title);
}

static bool
write_database(struct cv_connection *connection, const struct cv_init_order *order,
    const struct cv_pki_folder *folder, bool is_default, const char *token, struct cv_error *err)
{
	struct cv_authority_row authorities[2];
	struct cv_first_factory first = {
	    .factory =
		{
		    .is_default = is_default,
		    .registers_first_contact = true,
		    .announce_is_implied = order->announce_is_implied,
		    .lifetime_days = LIFETIME_DAYS,
		},
	    .authorities = authorities,
	    .authority_count = sizeof(authorities) / sizeof(authorities[0]),
	    .operator_token_name = order->token_name,
	};

	(void)cv_text_copy(first.factory.name, sizeof(first.factory.name), order->factory);
	fill_authority(&authorities[0], order, CV_AUTHORITY_ROOT, "root", folder->root);
	fill_authority(
	    &authorities[1], order, CV_AUTHORITY_ONLINE, "device-ca-1", folder->device_ca);
	cv_digest_sha256(cv_bytes(token, strlen(token)), &first.operator_token_hash);
	return cv_realm_store_init(connection, &first, err);
}

/* What is in the file may be the only copy of another token. */
static bool
check_token_file(const struct cv_init_order *order, struct cv_error *err)
{
	struct stat status;

	if (order->token_file == NULL || stat(order->token_file, &status) != 0)
		return true;
	if (!S_ISREG(status.st_mode))
		return cv_fail(
		    err, CV_E_IO, "--token-file: %s is no regular file", order->token_file);
	if (status.st_size > 0)
		return cv_fail(err, CV_E_IO,
		    "--token-file: %s is not empty: choose another file, or remove it if the token "
		    "in it is worth nothing",
		    order->token_file);
	/* What cannot be replaced, a mounted file for one, is found out before the commit. */
	return unlink(order->token_file) == 0 || fail_io(err, "replacing", order->token_file);
}

static bool
name_token_file(const struct cv_init_order *order, const char *partial, struct cv_error *err)
{
	char parent[PATH_MAX];

	if (order->token_file == NULL)
		return true;
	if (!cv_file_copy_parent(order->token_file, parent, err))
		return false;
	if (rename(partial, order->token_file) != 0) {
		fail_io(err, "renaming", partial);
		return cv_error_context(err, "the factory is made, and its token is there");
	}
	return cv_file_sync_folder(parent, err);
}

static bool
find_token(struct cv_connection *connection, const char *path, bool *ret_exists,
    struct cv_operator_credential *ret_credential, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer line = {.is_secret = true};
	struct cv_digest hash;

	if (!cv_file_read(path, TOKEN_FILE_MAX, &line, err))
		return false;
	cv_digest_sha256(cv_bytes(line.data, strcspn(cv_buffer_text(&line), "\n")), &hash);
	return cv_realm_store_find_operator(connection, &hash, ret_exists, ret_credential, err);
}

/* The database goes on with a commit whose init was killed. Until that has ended its token looks
 * like one that was never committed. */
static bool
await_earlier_run(struct cv_connection *connection, const char *partial, struct cv_error *err)
{
	return !cv_file_exists(partial) || cv_realm_store_await(connection, err) ||
	       cv_error_context(err, "an earlier run, which left %s, may not have ended", partial);
}

static bool
is_as_ordered(const struct cv_init_order *order, const struct census *census,
    const struct cv_operator_credential *credential)
{
	/* One transaction made both, at one time. */
	return census->has_factory && census->factory.made_at_us == credential->made_at_us &&
	       cv_text_equal(credential->name, order->token_name);
}

/* An earlier run that ended between commit and rename left its token without a name. One that the
 * database does not know was never committed: it is written over. */
static bool
finish_earlier_run(struct cv_connection *connection, const struct cv_init_order *order,
    const struct census *census, const char *partial, bool *ret_is_done, struct cv_error *err)
{
	struct cv_operator_credential credential;
	bool exists;

	*ret_is_done = false;
	if (order->token_file == NULL || !cv_file_exists(partial))
		return true;
	if (!find_token(connection, partial, &exists, &credential, err))
		return false;
	if (!exists)
		return true;
	if (!check_token_file(order, err) || !name_token_file(order, partial, err))
		return cv_error_context(
		    err, "%s has the token %s of an earlier run", partial, credential.name);
	(void)printf("%s has the token %s of an earlier run that was cut short\n",
	    order->token_file, credential.name);
	*ret_is_done = is_as_ordered(order, census, &credential);
	return true;
}

/* Before the commit: a token that was committed and never shown could not be had again. A file gets
 * its name afterwards, as it is worth nothing before. */
static bool
hand_out_token(
    const struct cv_init_order *order, const char *partial, const char *token, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer line = {.is_secret = true};

	if (order->token_file == NULL) {
		(void)printf("admin token \"%s\", valid once this command has finished:\n  %s\n",
		    order->token_name, token);
		return fflush(stdout) == 0 || fail_io(err, "writing to", "standard output");
	}
	cv_buffer_printf(&line, "%s\n", token);
	if (line.has_failed)
		return cv_fail(err, CV_E_MEMORY, "no memory for the token");
	return cv_file_write(partial, cv_buffer_bytes(&line), 0600, err);
}

static bool
commit_with_token(struct cv_connection *connection, const struct cv_init_order *order,
    const struct cv_pki_folder *folder, bool is_default, const char *partial, struct cv_error *err)
{
	char token[CV_SECRET_SIZE];

	cv_secret_generate(CV_SECRET_OPERATOR, token);
	bool is_good = hand_out_token(order, partial, token, err) &&
		       write_database(connection, order, folder, is_default, token, err) &&
		       name_token_file(order, partial, err);
	cv_wipe(token, sizeof(token));
	return is_good;
}

static void
print_advice(const struct cv_init_order *order, bool announce_is_implied)
{
	(void)printf("factory %s is ready; announce = %s\n", order->factory,
	    announce_is_implied ? "implied" : "explicit");
	(void)printf(
	    "Move %s/offline to a safe place: it holds the root key and its passphrase, which "
	    "the service never needs.\n",
	    order->directory);
	(void)printf("Clients trust %s/root.pem.\n", order->directory);
}

static bool
init_with(struct cv_connection *connection, const struct cv_init_order *order, struct cv_error *err)
{
	struct census census = {.name = order->factory};
	struct cv_pki_folder folder = {.root = NULL};
	char parent[PATH_MAX], partial[PATH_MAX] = "";
	bool is_done;
	CV_AUTO_DESCRIPTOR int lock = -1;

	if (!cv_file_copy_parent(order->directory, parent, err) ||
	    (order->token_file != NULL && !make_partial_name(order->token_file, partial, err)) ||
	    !lock_parent(parent, &lock, err) || !await_earlier_run(connection, partial, err) ||
	    !take_census(connection, &census, err) ||
	    !finish_earlier_run(connection, order, &census, partial, &is_done, err))
		return false;
	if (is_done) {
		print_advice(order, census.factory.announce_is_implied);
		return true;
	}
	if (!check_names(connection, order, &census, err) || !check_token_file(order, err) ||
	    !provide_folder(order, parent, &folder, err))
		return false;
	bool is_good =
	    commit_with_token(connection, order, &folder, !census.has_default, partial, err);
	cv_pki_folder_deinit(&folder);
	if (is_good)
		print_advice(order, order->announce_is_implied);
	return is_good;
}

bool
cv_init(const struct cv_init_order *order, struct cv_error *err)
{
	CV_AUTO(cv_pool) struct cv_pool *pool = NULL;
	struct cv_connection *connection = NULL;

	if (!cv_app_open_database(order->database_url, STATEMENT_MS, &pool, &connection, err))
		return false;
	bool is_good = init_with(connection, order, err);
	cv_pool_return(connection);
	return is_good;
}
