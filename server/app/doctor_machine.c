#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include "config_internal.h"
#include "cv/app/app.h"
#include "cv/http/server.h"
#include "cv/store/pool.h"
#include "cv/util/address.h"
#include "cv/util/file.h"
#include "cv/util/text.h"
#include "doctor_internal.h"

#define TLS_WARN_DAYS 30

/* ---- files ---- */

/* What others may read is no secret. */
static void
look_at_secret_file(struct cv_doctor *doctor, const char *path, bool has_group)
{
	struct stat status;

	if (stat(path, &status) != 0)
		cv_doctor_say(
		    doctor, CV_FINDING_FAIL, "secret file", "%s: %s", path, strerror(errno));
	else if ((status.st_mode & S_IRWXO) != 0)
		cv_doctor_say(doctor, CV_FINDING_FAIL, "secret file",
		    "everybody may read %s (mode %04o): chmod 600, and replace the secret", path,
		    (unsigned)(status.st_mode & 07777));
	else if (!has_group && (status.st_mode & S_IRWXG) != 0)
		cv_doctor_say(doctor, CV_FINDING_WARN, "secret file",
		    "the group may read %s (mode %04o): chmod 600", path,
		    (unsigned)(status.st_mode & 07777));
	else
		cv_doctor_say(doctor, CV_FINDING_OK, "secret file", "%s", path);
}

static void
look_at_pattern(struct cv_doctor *doctor, const char *directory, const char *pattern)
{
	char path[PATH_MAX];
	glob_t found = {.gl_pathc = 0};
	int len = snprintf(path, sizeof(path), "%s/%s", directory, pattern);

	if (len > 0 && (size_t)len < sizeof(path) && glob(path, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			look_at_secret_file(doctor, found.gl_pathv[i], false);
	}
	globfree(&found);
}

static void
look_at_key_folder(struct cv_doctor *doctor, const char *directory)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/offline", directory);

	look_at_pattern(doctor, directory, "*.key");
	look_at_pattern(doctor, directory, "*.passphrase");
	if (len > 0 && (size_t)len < sizeof(path) && cv_file_exists(path))
		cv_doctor_say(doctor, CV_FINDING_WARN, "root key",
		    "%s is still on this machine: move it to a safe place", path);
}

static bool
is_secret_in_file(const struct cv_config *config, const struct cv_setting *settings, size_t place)
{
	const struct cv_setting_origin *origin = &config->origins[place];

	if (!settings[place].is_secret || origin->line == 0 || origin->is_file)
		return false;
	return !cv_text_equal(settings[place].section, "database") ||
	       cv_pool_url_has_password(config->database_url);
}

/* A configuration may hold the password of the database; it is root's, and the group the service.
 */
static void
look_at_config_file(struct cv_doctor *doctor, const struct cv_config *config)
{
	size_t count;
	const struct cv_setting *settings = cv_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		if (!is_secret_in_file(config, settings, i))
			continue;
		look_at_secret_file(doctor, config->path, true);
		return;
	}
}

/* ---- key pairs ---- */

static void
look_at_pair(struct cv_doctor *doctor, const char *what, const char *listen,
    const char *certificate_path, const char *key_path)
{
	CV_AUTO_BUFFER struct cv_buffer certificate = CV_BUFFER_INIT;
	CV_AUTO_BUFFER struct cv_buffer key = {.is_secret = true};
	struct cv_error err = CV_ERROR_INIT;
	int64_t not_after_utc;

	if (listen[0] == '\0')
		return;
	if (!cv_file_read(certificate_path, CV_CONFIG_PEM_MAX, &certificate, &err) ||
	    !cv_file_read(key_path, CV_CONFIG_PEM_MAX, &key, &err) ||
	    !cv_http_check_pair(
		cv_buffer_text(&certificate), cv_buffer_text(&key), &not_after_utc, &err))
		cv_doctor_say(doctor, CV_FINDING_FAIL, what, "%s: %s", err.text, err.cause);
	else
		cv_doctor_say_end(doctor, what, not_after_utc, TLS_WARN_DAYS);
}

/* ---- clock ---- */

static void
look_at_clock(struct cv_doctor *doctor)
{
	struct timex state = {.modes = 0};

	if (adjtimex(&state) < 0 || (state.status & STA_UNSYNC) != 0)
		cv_doctor_say(doctor, CV_FINDING_WARN, "clock",
		    "not known to be synchronised: run a time service (chrony)");
	else
		cv_doctor_say(doctor, CV_FINDING_OK, "clock", "synchronised");
}

/* ---- ports ---- */

/* 0, or the error of the attempt. Bound only to see whether it could be. */
static int
try_to_bind(const char *host, const char *port)
{
	const struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	const int yes = 1;
	int problem = EADDRNOTAVAIL;

	if (getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &found) != 0)
		return problem;
	CV_AUTO_DESCRIPTOR int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	problem =
	    descriptor < 0 ||
		    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
		    bind(descriptor, found->ai_addr, found->ai_addrlen) != 0
		? errno
		: 0;
	freeaddrinfo(found);
	return problem;
}

static void
look_at_port(struct cv_doctor *doctor, const char *what, const char *listen, bool is_running)
{
	struct cv_error ignored = CV_ERROR_INIT;
	struct cv_address address;
	char port[8];

	if (listen[0] == '\0' || !cv_address_parse(listen, &address, &ignored))
		return;
	(void)snprintf(port, sizeof(port), "%u", (unsigned)address.port);
	int problem = try_to_bind(address.host, port);
	if (problem == EADDRINUSE && is_running)
		cv_doctor_say(doctor, CV_FINDING_OK, what, "%s is in use, certvendor runs", listen);
	else if (problem == EADDRINUSE)
		cv_doctor_say(doctor, CV_FINDING_FAIL, what,
		    "%s is in use, and not by a certvendor that answers: ss -ltnp shows by whom",
		    listen);
	else if (problem != 0)
		cv_doctor_say(doctor, CV_FINDING_FAIL, what, "%s: %s", listen, strerror(problem));
	else
		cv_doctor_say(doctor, CV_FINDING_OK, what, "%s is free", listen);
}

static void
look_at_ports(struct cv_doctor *doctor, const struct cv_config *config)
{
	struct cv_error err = CV_ERROR_INIT;
	bool is_ready = cv_app_check_health(config, &err);
	/* What it is not ready for, as the database, is no matter of its ports. */
	bool is_running = is_ready || cv_app_is_alive(config);

	if (is_ready)
		cv_doctor_say(doctor, CV_FINDING_OK, "service", "runs and is ready");
	else
		cv_doctor_say(doctor, CV_FINDING_WARN, "service", "%s: %s", err.text,
		    err.cause[0] == '\0' ? "is it started?" : err.cause);
	look_at_port(doctor, "device port", config->device_listen, is_running);
	look_at_port(doctor, "gateway port", config->gateway_listen, is_running);
	look_at_port(doctor, "operator port", config->operator_listen, is_running);
	look_at_port(doctor, "public port", config->public_listen, is_running);
	look_at_port(doctor, "monitoring port", config->monitoring_listen, is_running);
}

void
cv_doctor_look_at_machine(struct cv_doctor *doctor, const struct cv_config *config)
{
	look_at_config_file(doctor, config);
	look_at_key_folder(doctor, config->signer_directory);
	look_at_pair(doctor, "device certificate", config->device_listen,
	    config->device_certificate, config->device_key);
	look_at_pair(doctor, "gateway certificate", config->gateway_listen,
	    config->gateway_certificate, config->gateway_key);
	look_at_pair(doctor, "operator certificate", config->operator_listen,
	    config->operator_certificate, config->operator_key);
	look_at_clock(doctor);
	look_at_ports(doctor, config);
}
