/*
 * JSON bodies of FoundriesFactory clients. Those in C++ write every scalar as a string, those in Go
 * name members that have no value: null and unknown members are passed over. Any thread.
 */
#ifndef CV_CODEC_OTA_JSON_H
#define CV_CODEC_OTA_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/codec/sota_toml.h"
#include "cv/model/name.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_HARDWARE_ID_SIZE 129
#define CV_SOTA_DIRECTORY_SIZE 257
#define CV_GROUP_DESCRIPTION_SIZE 1025

/* {"uuid","csr", "name"?,"hardware-id"?,"group"?,"use-ostree-server"?,"sota-config-dir"?,
 * "overrides"?:{section:{key:TOML}}}. Texts that are absent are "". */
struct cv_ota_registration {
	char uuid[CV_DEVICE_ID_MAX + 1];
	char name[CV_DEVICE_NAME_MAX + 1];
	char group[CV_FACTORY_NAME_MAX + 1];
	char hardware_id[CV_HARDWARE_ID_SIZE];
	char directory[CV_SOTA_DIRECTORY_SIZE]; /* without a slash at the end; "/var/sota" */
	bool uses_ostree_server;                /* true */
	struct cv_buffer csr;                   /* DER */
	struct cv_sota_override overrides[CV_SOTA_OVERRIDES_MAX];
	size_t override_count;
	void *document; /* private: the overrides are lent by it */
};
/* CV_E_INPUT. ret_registration need not be initialised, and may be deinitialised in any case. */
bool cv_ota_decode_registration(
    struct cv_bytes body, struct cv_ota_registration *ret_registration, struct cv_error *err);
void cv_ota_registration_deinit(struct cv_ota_registration *registration);

/* {"client.pem", "name"?, "group"?}: the first certificate in it, as DER. */
struct cv_ota_certificate {
	char name[CV_DEVICE_NAME_MAX + 1];
	char group[CV_FACTORY_NAME_MAX + 1];
};
bool cv_ota_decode_certificate(struct cv_bytes body, struct cv_ota_certificate *ret_certificate,
    struct cv_buffer *ret_der, struct cv_error *err);

/* {"name"?, "owner"?, "group"?}; one of them at least. group "": out of its group. */
struct cv_ota_device_change {
	bool has_name, has_owner, has_group;
	char name[CV_DEVICE_NAME_MAX + 1];
	char owner[65];
	char group[CV_FACTORY_NAME_MAX + 1];
};
bool cv_ota_decode_device_change(
    struct cv_bytes body, struct cv_ota_device_change *ret_change, struct cv_error *err);

/* {"name"?, "description"?}; a new one needs the name. */
struct cv_ota_group {
	bool has_name, has_description;
	char name[CV_FACTORY_NAME_MAX + 1];
	char description[CV_GROUP_DESCRIPTION_SIZE];
};
bool cv_ota_decode_group(
    struct cv_bytes body, bool is_new, struct cv_ota_group *ret_group, struct cv_error *err);

#endif
