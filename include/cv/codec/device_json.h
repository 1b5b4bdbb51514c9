/*
 * JSON of devices' configuration and events, as FoundriesFactory clients write and read it:
 * tolerant of members that are not known. Any thread.
 */
#ifndef CV_CODEC_DEVICE_JSON_H
#define CV_CODEC_DEVICE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "cv/util/bytes.h"
#include "cv/util/error.h"

#define CV_FILES_MAX 500          /* of one body */
#define CV_FILE_NAME_MAX 255      /* bytes */
#define CV_FILE_NAME_PARTS_MAX 8  /* folders and the file */
#define CV_REASON_TEXT_SIZE 1025  /* longer ones are cut */
#define CV_EVENTS_MAX 1000        /* of one body */
#define CV_EVENT_DETAILS_MAX 4096 /* bytes; longer ones are cut */
/* Begins the rotation id of a rotation group, whose name follows. */
#define CV_ROTATION_OF_GROUP "rotation-"

/* What is written into a layer of configuration. */
struct cv_configuration_body {
	/* JSON array of {"name","value","unencrypted","on-changed"?}, each name once. */
	struct cv_buffer files;
	/* The names for the audit, the first of them: {"files":[...],"count":number} */
	struct cv_buffer summary;
	char reason[CV_REASON_TEXT_SIZE];
	struct cv_buffer public_key; /* PEM; empty: none was named */
	bool has_encrypted;          /* one of the files can be read by one key only */
};
void cv_configuration_body_deinit(struct cv_configuration_body *body);
#define CV_AUTO_CONFIGURATION_BODY __attribute__((cleanup(cv_configuration_body_deinit)))

/*
 * {"reason"?, "files": [{"name","value"?,"unencrypted"?,"on-changed"?}]|null, "public-key"?}. A
 * name that comes twice counts as it comes last. CV_E_INPUT: something else. ret_body is to be
 * deinitialised either way.
 */
bool cv_json_decode_configuration(
    struct cv_bytes body, struct cv_configuration_body *ret_body, struct cv_error *err);
/* The same with one file of this name and nothing in it, for removing it. CV_E_INPUT: no name. */
bool cv_json_name_file(
    const char *name, struct cv_configuration_body *ret_body, struct cv_error *err);

/* The file that makes fioconfig change its key at this EST server; it asks for the slots of its HSM
 * that fioctl names where nothing else is said. */
bool cv_json_make_rotation_file(const char *est_url, const char *rotation_id,
    struct cv_configuration_body *ret_body, struct cv_error *err);

/*
 * Appends {name: {"Value","OnChanged","Unencrypted"}}. layers: arrays of files as above, or empty;
 * the later ones win by name. Of "z-50-fioctl.toml" each key wins by itself where all layers can be
 * read.
 */
bool cv_json_append_layers(
    struct cv_buffer *buffer, const struct cv_bytes *layers, size_t count, struct cv_error *err);

/*
 * Events of a device as a JSON array of {"id","place","device_time"?: seconds since 1970,
 * "correlation_id","event_type","target_name","target_version","success"?,"details"?,"ecu"?}.
 * Elements without id or correlation id are left out. CV_E_INPUT: no JSON array. CV_E_LIMIT:
 * more than CV_EVENTS_MAX.
 */
bool cv_json_decode_events(
    struct cv_bytes body, struct cv_buffer *ret_events, struct cv_error *err);

#endif
