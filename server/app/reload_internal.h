/*
 * What changes while serving: settings at SIGHUP, and the key pairs of the listeners also when
 * their files change. All or nothing; what is in force stays when the new is not good. Main thread.
 */
#ifndef CV_APP_RELOAD_INTERNAL_H
#define CV_APP_RELOAD_INTERNAL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "cv/app/config.h"
#include "cv/http/server.h"
#include "cv/service/service.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* What a file was when it was last looked at. By the time of any change: a file that becomes
 * readable has not been written to. */
struct cv_file_mark {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* Certificate and key, as PEM, of the three listeners with TLS; empty where one is off. The marks
 * are of the files before they were read. */
#define CV_PAIR_FILES 6
struct cv_pairs {
	struct cv_buffer pem[CV_PAIR_FILES];
	struct cv_file_mark marks[CV_PAIR_FILES];
};
void cv_pairs_deinit(struct cv_pairs *pairs);

/* Reads the files that files names, for the listeners that config has. */
bool cv_app_read_pairs(const struct cv_config *config, const struct cv_config *files,
    struct cv_pairs *ret_pairs, struct cv_error *err);
/* Lends the texts of both; service and its CA are not set. */
void cv_app_fill_http(const struct cv_config *config, const struct cv_pairs *pairs,
    struct cv_http_options *ret_options);
struct cv_service_settings cv_app_service_settings(const struct cv_config *config);

struct cv_reload {
	struct cv_config *config;
	struct cv_service *service;
	const struct cv_certificate *service_ca; /* NULL: not here */
	struct cv_http *http;
	struct cv_file_mark tried[CV_PAIR_FILES]; /* the files that were loaded or refused */
	struct cv_file_mark seen[CV_PAIR_FILES];  /* a moment ago */
};

/* pairs: in force now. Everything is lent. */
void cv_reload_init(struct cv_reload *reload, struct cv_config *config, struct cv_service *service,
    const struct cv_certificate *service_ca, struct cv_http *http, const struct cv_pairs *pairs);
/* Reads the configuration again. What was taken, what needs a restart and what is wrong is logged;
 * systemd is told. */
void cv_reload_all(struct cv_reload *reload);
/* Takes new key pairs when files changed, and not while they still do. Call every now and then. */
void cv_reload_changed_pairs(struct cv_reload *reload);

#endif
