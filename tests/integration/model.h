/*
 * The rules once more, small and slow: devices, slots and keys as plain numbers, one function for
 * each thing that can happen, no database and no lock. The property test drives it and the service
 * with the same steps and compares answers, records and memories.
 */
#ifndef CV_TESTS_INTEGRATION_MODEL_H
#define CV_TESTS_INTEGRATION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/index/index.h"
#include "cv/model/state.h"
#include "cv/model/verdict.h"
#include "cv/service/announcement.h"
#include "cv/service/device_lifecycle.h"
#include "cv/service/enrolment.h"

#define MODEL_DEVICES 2
#define MODEL_KEYS 14
#define MODEL_CERTIFICATES 64 /* one bit of a word each */
#define MODEL_TOKENS 64
#define MODEL_NONE (-1)

enum model_slot_name { MODEL_CLIENT, MODEL_ONLINE, MODEL_LESSER, MODEL_SLOTS };

struct model_key {
	enum cv_key_state state;
	int asked_by; /* current key when it was named */
	bool is_withdrawn;
	int issued; /* order of its first certificate; 0: none of ours */
	int64_t talks_until;
};

struct model_slot {
	bool exists, is_locked;
	int version;
	int activated; /* step that made the current key current */
	struct model_key keys[MODEL_KEYS];
};

struct model_device {
	bool exists, is_seen;
	bool is_cleared; /* and not seen since */
	enum cv_device_state state;
	int registered_by;      /* token */
	int tokens_void_before; /* step */
	struct model_slot slots[MODEL_SLOTS];
};

struct model_certificate {
	bool exists; /* somebody holds it */
	bool is_ours, is_recorded, is_revoked;
	int device, slot, key;
	int csr, issued; /* request that it answers, step */
	int64_t issued_at, not_after;
};

struct model_token {
	bool exists;
	int device; /* MODEL_NONE: any */
	int made;   /* step */
	int64_t expires;
	int gave[MODEL_DEVICES];       /* newest key, by device */
	unsigned given[MODEL_DEVICES]; /* all of them: bit set per key */
};

struct model {
	bool announce_is_implied, registers_first_contact;
	int retire_days;
	int step, issued;
	int64_t now, expired_grace; /* seconds */
	int owners[MODEL_KEYS];     /* device that proved it */
	struct model_device devices[MODEL_DEVICES];
	struct model_certificate certificates[MODEL_CERTIFICATES];
	struct model_token tokens[MODEL_TOKENS];
};

/* What an instance remembers: each slot as it last read it. */
struct model_memory {
	int64_t fresh;
	struct {
		struct model_device device;
		uint64_t recorded, revoked; /* certificates of the slot */
	} slots[MODEL_DEVICES][MODEL_SLOTS];
};

struct model_door {
	bool is_device; /* every slot, late renewals; otherwise a gateway's */
	bool has_fingerprint_only;
	bool may_activate;
};

void model_init(struct model *model);
void model_read_feed(const struct model *model, struct model_memory *memory);
enum cv_index_status model_remembered(
    const struct model *model, const struct model_memory *memory, int certificate);
/* A boundary of time is closer to `now` than a run of the test can be slow. */
bool model_has_edge_near(const struct model *model, int64_t now);
int model_current_key(const struct model_slot *slot);

/* What happens; the memory is that of the instance it happens at. */
enum cv_verdict model_see(struct model *model, struct model_memory *memory, int certificate,
    const struct model_door *door);
/* Answers ISSUED or REPEATED name the certificate, which is `fresh` when it is new. */
struct model_answer {
	enum cv_enrolment_outcome outcome;
	enum cv_verdict verdict; /* REFUSED */
	int certificate;
};
struct model_answer model_reenrol(struct model *model, struct model_memory *memory, int over,
    int key, int csr, int fresh, int64_t lifetime);
struct model_answer model_enrol(struct model *model, struct model_memory *memory, int token,
    int device, int key, int csr, int fresh, int64_t lifetime);
enum cv_announcement_outcome model_announce(struct model *model, struct model_memory *memory,
    int over, int key, enum cv_verdict *ret_verdict);
enum cv_lifecycle_outcome model_act(
    struct model *model, struct model_memory *memory, enum cv_lifecycle_act act, int device);
enum cv_lifecycle_outcome model_revoke(struct model *model, struct model_memory *memory,
    int certificate, enum cv_reason reason, bool *ret_ends_key);
/* A slot that no door makes yet: its first key, with a certificate. */
void model_give_slot(
    struct model *model, int device, int slot, int key, int fresh, int64_t lifetime);

#endif
