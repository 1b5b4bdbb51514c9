/*
 * Layers of configuration files, of a factory, a group and a device, and what a device was told of
 * them. Files are JSON arrays of {"name","value","unencrypted","on-changed"?}. The newest version
 * of a layer counts, the last ten are kept. Blocking; one connection, one thread.
 */
#ifndef CV_STORE_LAYER_STORE_H
#define CV_STORE_LAYER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/model/name.h"
#include "cv/store/device_change.h"
#include "cv/store/pool.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"

/* What a device gets. */
#define CV_LAYERS 3
struct cv_served_layers {
	bool has_any;                      /* false: there never was a configuration */
	bool is_new;                       /* to the device; else no files were read */
	bool was_served;                   /* at this time before */
	int64_t modified_utc;              /* what the device is told */
	int64_t device_version;            /* of its own layer; 0: none */
	struct cv_buffer files[CV_LAYERS]; /* factory, group, device; empty: none */
};
void cv_served_layers_deinit(struct cv_served_layers *layers);
#define CV_AUTO_LAYERS __attribute__((cleanup(cv_served_layers_deinit)))

/*
 * have_utc: time of the configuration that the device says it has; NULL: none. The time that it is
 * told rises by a second at least whenever a layer, its group or its key changed.
 */
bool cv_layers_read(struct cv_connection *connection, const struct cv_party *party,
    const int64_t *have_utc, struct cv_served_layers *ret_layers, struct cv_error *err);
/* This certificate of the device is being given what was read. Recorded, and told to subscribers,
 * once for each time; not when its key was replaced meanwhile. */
bool cv_layers_note_served(struct cv_connection *connection, const struct cv_party *party,
    const struct cv_digest *certificate, const struct cv_served_layers *layers,
    struct cv_error *err);
/* The device's own layer; nothing is appended when there is none. */
bool cv_layers_read_device(struct cv_connection *connection, const struct cv_party *party,
    struct cv_buffer *ret_files, struct cv_error *err);

/* Who writes into a layer that devices share. */
struct cv_shared_layer_order {
	const char *factory;
	const char *group; /* "": the layer of the factory */
	struct cv_layer_write write;
	const char *actor;
	const char *request_id;
	const char *summary; /* JSON object for the audit, with one member at least */
};
/* One transaction, audited. ret_exists false: there is no such group. CV_E_LIMIT: it became too
 * large. */
bool cv_layers_write_shared(struct cv_connection *connection,
    const struct cv_shared_layer_order *order, bool *ret_exists, struct cv_error *err);

/* Is there such a device, or else such a group? */
bool cv_layers_owner_exists(struct cv_connection *connection, const char *factory,
    const char *device, const char *group, bool *ret_exists, struct cv_error *err);

/*
 * The versions as JSON objects with commas between, the newest first; of a device, or else of a
 * group ("": of the factory).
 */
bool cv_layers_list(struct cv_connection *connection, const char *factory, const char *device,
    const char *group, struct cv_buffer *ret_items, size_t *ret_count, struct cv_error *err);

#endif
