#include "cv/service/device_layers.h"

#include <stdio.h>

#include "cv/pki/public_key.h"
#include "cv/util/log.h"

#include "device_write_internal.h"
#include "layers_internal.h"

/* One upload under way. */
struct upload {
	const struct cv_upload *upload;
	bool needs_announcement; /* of the key that it names */
	enum cv_upload_outcome outcome;
};

static struct cv_layer_write
layer_write(const struct cv_device_write *write, const struct cv_upload *upload)
{
	return (struct cv_layer_write){
	    .how = CV_LAYER_MERGE,
	    .files = upload->files,
	    .reason = upload->reason,
	    .created_by = write->presenter.party.device,
	    .is_by_device = true,
	};
}

static bool
stage(struct cv_device_write *write, struct cv_device_change *change, struct cv_change_note *note)
{
	const struct upload *upload = write->context;
	const struct cv_layer_write layer = layer_write(write, upload->upload);

	note->kind = "configuration-staged";
	cv_device_change_stage_layer(change, write->named_key, &layer);
	return true;
}

/* What any key can read is not to be lost by an activation. */
static bool
write_live(
    struct cv_device_write *write, struct cv_device_change *change, struct cv_change_note *note)
{
	const struct upload *upload = write->context;
	const struct cv_layer_write layer = layer_write(write, upload->upload);

	note->kind = "configuration-changed";
	cv_device_change_write_layer(change, &layer);
	if (!upload->upload->has_encrypted)
		cv_device_change_merge_stages(change, &layer);
	return true;
}

/* Encrypted files are for a key: while the device changes it, only for the next one. */
static bool
write_live_if_open(
    struct cv_device_write *write, struct cv_device_change *change, struct cv_change_note *note)
{
	struct upload *upload = write->context;

	if (upload->upload->has_encrypted &&
	    cv_layers_are_locked(write->service, cv_device_change_record(change))) {
		upload->outcome = CV_UPLOAD_LOCKED;
		return false;
	}
	return write_live(write, change, note);
}

static bool
edit_for_key(
    struct cv_device_write *write, struct cv_device_change *change, struct cv_change_note *note)
{
	struct upload *upload = write->context;
	const struct cv_device_record *record = cv_device_change_record(change);

	if (record->named.state == CV_KEY_ANNOUNCED)
		return stage(write, change, note);
	if (record->named.state == CV_KEY_CURRENT)
		return write_live_if_open(write, change, note);
	upload->needs_announcement = record->announced_count == 0;
	if (upload->needs_announcement)
		return false;
	if (!upload->upload->has_encrypted)
		return write_live(write, change, note);
	upload->outcome = CV_UPLOAD_LOCKED;
	return false;
}

static bool
edit(struct cv_device_write *write, struct cv_device_change *change, struct cv_change_note *note)
{
	struct upload *upload = write->context;

	upload->outcome = CV_UPLOAD_DONE;
	upload->needs_announcement = false;
	note->after_json = upload->upload->summary;
	note->reason = upload->upload->reason[0] ? upload->upload->reason : NULL;
	return write->named_key ? edit_for_key(write, change, note)
				: write_live_if_open(write, change, note);
}

static bool
write_once(struct cv_service *service, const struct cv_evidence *evidence, struct upload *upload,
    const struct cv_digest *key, enum cv_verdict *ret_verdict, struct cv_error *err)
{
	CV_AUTO_DEVICE_WRITE struct cv_device_write write = {
	    .service = service,
	    .evidence = evidence,
	    .request_id = upload->upload->request_id,
	    .named_key = key,
	    .edit = edit,
	    .context = upload,
	};

	if (!cv_device_write(&write, err))
		return false;
	if (write.is_refused) {
		upload->outcome = CV_UPLOAD_REFUSED;
		*ret_verdict = write.verdict;
	} else if (write.is_too_often) {
		upload->outcome = CV_UPLOAD_BUSY;
	}
	return true;
}

static bool
upload_for(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, struct upload *upload, const struct cv_digest *key,
    enum cv_announcement_outcome *ret_naming, enum cv_verdict *ret_verdict, struct cv_error *err)
{
	struct cv_bytes pem = upload->upload->key_pem;

	for (int i = 0; i < CV_ATTEMPTS_MAX; i++) {
		if (!write_once(service, evidence, upload, key, ret_verdict, err))
			return false;
		if (!upload->needs_announcement)
			return true;
		if (!cv_announce(service, evidence, sight, (const char *)pem.data, pem.len,
			upload->upload->request_id, ret_naming, ret_verdict, err))
			return false;
		upload->outcome =
		    *ret_naming == CV_ANNOUNCEMENT_REFUSED ? CV_UPLOAD_REFUSED : CV_UPLOAD_BAD_KEY;
		if (*ret_naming != CV_ANNOUNCEMENT_DONE)
			return true;
	}
	return cv_fail(err, CV_E_DATABASE, "the device is changed too often at once");
}

bool
cv_device_upload(struct cv_service *service, const struct cv_evidence *evidence,
    const struct cv_sight *sight, const struct cv_upload *upload,
    enum cv_upload_outcome *ret_outcome, enum cv_announcement_outcome *ret_naming,
    enum cv_verdict *ret_verdict, struct cv_error *err)
{
	CV_AUTO(cv_public_key) struct cv_public_key *key = NULL;
	struct upload state = {.upload = upload};
	enum cv_key_outcome outcome = CV_KEY_USABLE;

	*ret_verdict = sight->verdict;
	if (upload->key_pem.len > 0 && !cv_public_key_parse_pem((const char *)upload->key_pem.data,
					   upload->key_pem.len, &outcome, &key, err))
		return false;
	if (outcome != CV_KEY_USABLE) {
		*ret_naming = CV_ANNOUNCEMENT_MALFORMED;
		*ret_outcome = CV_UPLOAD_BAD_KEY;
		return true;
	}
	if (!upload_for(service, evidence, sight, &state, key ? cv_public_key_id(key) : NULL,
		ret_naming, ret_verdict, err))
		return false;
	*ret_outcome = state.outcome;
	return true;
}
