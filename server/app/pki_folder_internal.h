/* The folder of keys and certificates that init makes, and serve reads. */
#ifndef CV_APP_PKI_FOLDER_INTERNAL_H
#define CV_APP_PKI_FOLDER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/pki/certificate.h"
#include "cv/util/error.h"

/* What the database is told of a folder. */
struct cv_pki_folder {
	struct cv_certificate *root;
	struct cv_certificate *device_ca;
};
void cv_pki_folder_deinit(struct cv_pki_folder *folder);

/* Makes every key and certificate in an empty folder; each file is on disk when this returns. */
bool cv_pki_folder_make(const char *path, const char *factory, const char *names, int64_t now_utc,
    struct cv_error *err);

/*
 * Reads a folder back: every file is there, every key fits its certificate, every certificate its
 * issuer, and the factory is this one. CV_E_CONFIG otherwise. offline/ may have been moved away.
 */
bool cv_pki_folder_load(
    const char *path, const char *factory, struct cv_pki_folder *ret_folder, struct cv_error *err);

#endif
