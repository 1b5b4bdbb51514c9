#include "model.h"

#include <string.h>

#define DAY 86400
#define HOUR 3600
#define MAX_AGE 300
#define REPLAY_WINDOW DAY

struct decision {
	enum cv_verdict verdict;
	enum { NOTHING, NOTE, ACTIVATE, REGISTER } step;
};

/* ---- looking ---- */

static struct model_slot *
slot_of(struct model *model, const struct model_certificate *certificate)
{
	return &model->devices[certificate->device].slots[certificate->slot];
}

int
model_current_key(const struct model_slot *slot)
{
	for (int key = 0; key < MODEL_KEYS; key++) {
		if (slot->keys[key].state == CV_KEY_CURRENT)
			return key;
	}
	return MODEL_NONE;
}

static bool
is_open(const struct model_key *key)
{
	return key->state == CV_KEY_ASKED || key->state == CV_KEY_ANNOUNCED;
}

static bool
talks(const struct model *model, const struct model_key *key)
{
	return key->state == CV_KEY_RETIRED && key->talks_until > model->now;
}

static bool
has_announced(const struct model_slot *slot)
{
	for (int key = 0; key < MODEL_KEYS; key++) {
		if (slot->keys[key].state == CV_KEY_ANNOUNCED)
			return true;
	}
	return false;
}

static bool
is_of_another(const struct model *model, int key, int device)
{
	return model->owners[key] != MODEL_NONE && model->owners[key] != device;
}

static bool
is_edge(int64_t edge, int64_t now)
{
	return edge > now - HOUR && edge < now + HOUR;
}

bool
model_has_edge_near(const struct model *model, int64_t now)
{
	for (int i = 0; i < MODEL_CERTIFICATES; i++) {
		const struct model_certificate *it = &model->certificates[i];

		if (it->exists &&
		    (is_edge(it->not_after, now) || is_edge(it->issued_at + REPLAY_WINDOW, now) ||
			is_edge(it->not_after + model->expired_grace, now)))
			return true;
	}
	for (int i = 0; i < MODEL_TOKENS; i++) {
		if (model->tokens[i].exists && is_edge(model->tokens[i].expires, now))
			return true;
	}
	for (int i = 0; i < MODEL_DEVICES * MODEL_SLOTS * MODEL_KEYS; i++) {
		const struct model_slot *slot = &model->devices[i / MODEL_KEYS / MODEL_SLOTS]
						     .slots[i / MODEL_KEYS % MODEL_SLOTS];

		if (is_edge(slot->keys[i % MODEL_KEYS].talks_until, now))
			return true;
	}
	return false;
}

/* ---- the memory of an instance ---- */

static void
remember(const struct model *model, struct model_memory *memory, int device, int slot)
{
	uint64_t recorded = 0, revoked = 0;

	for (int i = 0; i < MODEL_CERTIFICATES; i++) {
		const struct model_certificate *it = &model->certificates[i];

		if (!it->is_recorded || it->device != device || it->slot != slot)
			continue;
		recorded |= UINT64_C(1) << i;
		revoked |= (uint64_t)it->is_revoked << i;
	}
	if (!recorded || memory->slots[device][slot].device.slots[slot].version >=
			     model->devices[device].slots[slot].version)
		return;
	memory->slots[device][slot].device = model->devices[device];
	memory->slots[device][slot].recorded = recorded;
	memory->slots[device][slot].revoked = revoked;
}

static void
remember_device(const struct model *model, struct model_memory *memory, int device)
{
	for (int slot = 0; slot < MODEL_SLOTS; slot++)
		remember(model, memory, device, slot);
}

void
model_read_feed(const struct model *model, struct model_memory *memory)
{
	for (int device = 0; device < MODEL_DEVICES; device++)
		remember_device(model, memory, device);
	memory->fresh = model->now;
}

enum cv_index_status
model_remembered(const struct model *model, const struct model_memory *memory, int certificate)
{
	const struct model_certificate *it = &model->certificates[certificate];
	const struct model_device *device = &memory->slots[it->device][it->slot].device;
	const struct model_key *key = &device->slots[it->slot].keys[it->key];

	if (!(memory->slots[it->device][it->slot].recorded >> certificate & 1))
		return CV_INDEX_MISSING;
	if (memory->slots[it->device][it->slot].revoked >> certificate & 1 ||
	    (cv_key_state_is_denied(key->state) && !talks(model, key)))
		return CV_INDEX_DENIED;
	if (device->state != CV_DEVICE_OK)
		return CV_INDEX_DEVICE_REFUSED;
	if (model->now > it->not_after)
		return CV_INDEX_EXPIRED;
	if (talks(model, key))
		return CV_INDEX_TALKS;
	return key->state == CV_KEY_CURRENT && device->is_seen && !device->is_cleared
		   ? CV_INDEX_ALLOWED
		   : CV_INDEX_UNDECIDED;
}

/* ---- changes of one slot ---- */

static void
forget_named(struct model_slot *slot)
{
	for (int key = 0; key < MODEL_KEYS; key++) {
		if (slot->keys[key].state == CV_KEY_ASKED && !slot->keys[key].issued)
			slot->keys[key] = (struct model_key){.state = CV_KEY_UNKNOWN};
	}
}

static void
end_graces(struct model_slot *slot)
{
	for (int key = 0; key < MODEL_KEYS; key++)
		slot->keys[key].talks_until = 0;
}

static void
discard_open(struct model_slot *slot, int except_asked_by)
{
	for (int key = 0; key < MODEL_KEYS; key++) {
		if (is_open(&slot->keys[key]) &&
		    (except_asked_by == MODEL_NONE || slot->keys[key].asked_by != except_asked_by))
			slot->keys[key].state = CV_KEY_DISCARDED;
	}
	slot->is_locked = has_announced(slot);
}

static void
end_everything(struct model_device *device)
{
	for (int name = 0; name < MODEL_SLOTS; name++) {
		struct model_slot *slot = &device->slots[name];
		int current = model_current_key(slot);

		end_graces(slot);
		discard_open(slot, MODEL_NONE);
		if (current != MODEL_NONE)
			slot->keys[current].state = CV_KEY_RETIRED;
	}
}

static void
ask(struct model *model, struct model_slot *slot, int key)
{
	struct model_key *it = &slot->keys[key];

	if (it->state == CV_KEY_UNKNOWN)
		*it =
		    (struct model_key){.state = CV_KEY_ASKED, .asked_by = model_current_key(slot)};
	it->is_withdrawn = false;
	if (!it->issued)
		it->issued = ++model->issued;
}

static void
announce_too(struct model_slot *slot, int key)
{
	slot->keys[key].state = CV_KEY_ANNOUNCED;
	slot->keys[key].asked_by = model_current_key(slot);
	slot->keys[key].is_withdrawn = false;
	forget_named(slot);
	slot->is_locked = true;
}

/* Another key replaces the announced ones, but none that was issued after it. */
static void
announce(struct model_slot *slot, int key)
{
	const struct model_key *it = &slot->keys[key];

	for (int other = 0; other < MODEL_KEYS; other++) {
		struct model_key *announced = &slot->keys[other];

		if (other != key && announced->state == CV_KEY_ANNOUNCED &&
		    (!it->issued || announced->issued < it->issued))
			announced->state = CV_KEY_ASKED;
	}
	announce_too(slot, key);
}

static void
activate(struct model *model, struct model_slot *slot, int key)
{
	struct model_key *old = &slot->keys[model_current_key(slot)];

	end_graces(slot);
	old->state = CV_KEY_RETIRED;
	if (model->retire_days)
		old->talks_until = model->now + model->retire_days * DAY;
	slot->keys[key].state = CV_KEY_CURRENT;
	discard_open(slot, key);
	slot->is_locked = false;
	slot->activated = model->step;
}

static void
set_first(struct model *model, struct model_slot *slot, int key)
{
	slot->exists = true;
	slot->keys[key] = (struct model_key){.state = CV_KEY_CURRENT, .asked_by = MODEL_NONE};
	slot->is_locked = false;
	slot->activated = model->step;
}

static void
register_device(struct model *model, int device, int key, int token)
{
	struct model_device *it = &model->devices[device];

	it->exists = true;
	it->is_seen = it->is_cleared = false;
	it->state = CV_DEVICE_OK;
	it->registered_by = token;
	if (token != MODEL_NONE && it->tokens_void_before < model->tokens[token].made)
		it->tokens_void_before = model->tokens[token].made;
	set_first(model, &it->slots[MODEL_CLIENT], key);
}

static void
claim(struct model *model, int key, int device)
{
	if (model->owners[key] == MODEL_NONE)
		model->owners[key] = device;
}

/* ---- sight ---- */

static struct decision
refuse(enum cv_verdict verdict)
{
	return (struct decision){verdict, NOTHING};
}

static struct decision
decide_known(
    const struct model *model, const struct model_certificate *it, const struct model_door *door)
{
	const struct model_device *device = &model->devices[it->device];
	const struct model_slot *slot = &device->slots[it->slot];
	const struct model_key *key = &slot->keys[it->key];
	bool is_pending =
	    key->state == CV_KEY_ANNOUNCED ||
	    (key->state == CV_KEY_ASKED && model->announce_is_implied && !key->is_withdrawn);

	if (key->state == CV_KEY_CURRENT) {
		bool is_new = !it->is_recorded && door->may_activate;

		if (is_of_another(model, it->key, it->device))
			return refuse(CV_VERDICT_KEY_IN_USE);
		return (struct decision){CV_VERDICT_OK,
		    is_new || !device->is_seen || device->is_cleared ? NOTE : NOTHING};
	}
	if (!is_pending || key->asked_by != model_current_key(slot))
		return refuse(CV_VERDICT_THIRD_KEY);
	if (is_of_another(model, it->key, it->device))
		return refuse(CV_VERDICT_KEY_IN_USE);
	if (!door->may_activate)
		return refuse(CV_VERDICT_UNAVAILABLE);
	return (struct decision){CV_VERDICT_ACTIVATED, ACTIVATE};
}

static struct decision
decide_first_contact(
    const struct model *model, const struct model_certificate *it, const struct model_door *door)
{
	if (!model->registers_first_contact)
		return refuse(CV_VERDICT_UNKNOWN);
	if (is_of_another(model, it->key, it->device))
		return refuse(CV_VERDICT_KEY_IN_USE);
	if (!door->may_activate)
		return refuse(CV_VERDICT_UNAVAILABLE);
	return (struct decision){CV_VERDICT_REGISTERED, REGISTER};
}

static struct decision
decide(const struct model *model, int certificate, const struct model_door *door)
{
	const struct model_certificate *it = &model->certificates[certificate];
	const struct model_device *device = &model->devices[it->device];
	const struct model_key *key = &device->slots[it->slot].keys[it->key];
	int64_t grace = door->is_device && key->state == CV_KEY_CURRENT ? model->expired_grace : 0;

	if (door->has_fingerprint_only && !it->is_recorded)
		return refuse(CV_VERDICT_UNKNOWN);
	if (!door->is_device && it->slot == MODEL_LESSER)
		return refuse(CV_VERDICT_UNKNOWN);
	if (model->now > it->not_after + grace)
		return refuse(CV_VERDICT_EXPIRED);
	if (it->is_revoked || (cv_key_state_is_denied(key->state) && !talks(model, key)))
		return refuse(CV_VERDICT_DENIED);
	if (device->exists && device->state != CV_DEVICE_OK)
		return refuse(CV_VERDICT_DEVICE_REFUSED);
	if (talks(model, key))
		return (struct decision){CV_VERDICT_TALKS, NOTHING};
	if (it->is_ours && !it->is_recorded)
		return refuse(CV_VERDICT_UNKNOWN);
	return device->exists ? decide_known(model, it, door)
			      : decide_first_contact(model, it, door);
}

/* The first sight changes what is known of every slot. */
static void
note_seen(struct model *model, struct model_memory *memory, int number, int slot)
{
	struct model_device *device = &model->devices[number];
	bool is_first = !device->is_seen || device->is_cleared;

	for (int i = 0; i < MODEL_SLOTS; i++) {
		if (i == slot || (is_first && device->slots[i].exists))
			device->slots[i].version++;
	}
	device->is_seen = true;
	device->is_cleared = false;
	if (is_first)
		remember_device(model, memory, number);
	else
		remember(model, memory, number, slot);
}

static enum cv_verdict
judge(struct model *model, struct model_memory *memory, int certificate,
    const struct model_door *door)
{
	struct model_certificate *it = &model->certificates[certificate];
	struct decision decision = decide(model, certificate, door);

	if (decision.step == ACTIVATE)
		activate(model, slot_of(model, it), it->key);
	if (decision.step == REGISTER)
		register_device(model, it->device, it->key, MODEL_NONE);
	if (decision.step != NOTHING) {
		claim(model, it->key, it->device);
		it->is_recorded = true;
		note_seen(model, memory, it->device, it->slot);
	}
	return decision.verdict;
}

enum cv_verdict
model_see(struct model *model, struct model_memory *memory, int certificate,
    const struct model_door *door)
{
	const struct model_certificate *it = &model->certificates[certificate];
	enum cv_index_status status = model_remembered(model, memory, certificate);
	enum cv_verdict verdict;

	if (model->now - memory->fresh > MAX_AGE)
		return CV_VERDICT_UNAVAILABLE;
	if (status != CV_INDEX_MISSING && !door->is_device && it->slot == MODEL_LESSER)
		return CV_VERDICT_UNKNOWN;
	switch (status) {
	case CV_INDEX_ALLOWED:
		return CV_VERDICT_OK;
	case CV_INDEX_TALKS:
		return CV_VERDICT_TALKS;
	case CV_INDEX_DENIED:
		return CV_VERDICT_DENIED;
	case CV_INDEX_DEVICE_REFUSED:
		return CV_VERDICT_DEVICE_REFUSED;
	case CV_INDEX_EXPIRED:
		if (!door->is_device || !model->expired_grace)
			return CV_VERDICT_EXPIRED;
		break;
	case CV_INDEX_AUTHORITY_REFUSED:
	case CV_INDEX_MISSING:
	case CV_INDEX_UNDECIDED:
		break;
	}
	verdict = judge(model, memory, certificate, door);
	/* Memory lacked what the record allows or denies. */
	if (it->is_recorded && (verdict == CV_VERDICT_OK || verdict == CV_VERDICT_DENIED))
		remember(model, memory, it->device, it->slot);
	return verdict;
}

/* ---- requests of devices ---- */

static const struct model_door device_door = {.is_device = true, .may_activate = true};

/* What the holder of a certificate may change: OK, or the refusal. */
static enum cv_verdict
admit(struct model *model, struct model_memory *memory, int over)
{
	enum cv_verdict verdict = judge(model, memory, over, &device_door);

	if (verdict == CV_VERDICT_TALKS)
		return CV_VERDICT_DENIED;
	return cv_verdict_is_allowed(verdict) ? CV_VERDICT_OK : verdict;
}

static int
issue(struct model *model, const struct model_certificate *certificate, int fresh, int64_t lifetime)
{
	struct model_certificate *it = &model->certificates[fresh];

	*it = *certificate;
	it->exists = it->is_ours = it->is_recorded = true;
	it->issued = model->step;
	it->issued_at = model->now;
	it->not_after = model->now + lifetime;
	return fresh;
}

/* The same request, or the same key again while it waits: the certificate that was answered. */
static int
find_repeat(const struct model *model, int device, int slot, int key, int csr)
{
	const struct model_slot *at = &model->devices[device].slots[slot];
	int found = MODEL_NONE;

	for (int i = 0; i < MODEL_CERTIFICATES; i++) {
		const struct model_certificate *it = &model->certificates[i];
		bool is_same = it->csr == csr;

		if (!it->is_recorded || !it->is_ours || it->is_revoked || it->device != device ||
		    it->slot != slot || it->key != key || it->not_after <= model->now ||
		    it->issued_at <= model->now - REPLAY_WINDOW)
			continue;
		if (at->keys[key].is_withdrawn)
			continue;
		if (!is_open(&at->keys[key]) &&
		    !(is_same && at->keys[key].state == CV_KEY_CURRENT &&
			it->issued >= at->activated))
			continue;
		if (found == MODEL_NONE || is_same || model->certificates[found].csr != csr)
			found = i;
	}
	return found;
}

/* ISSUED where the key may have a certificate. */
static enum cv_enrolment_outcome
check_key(const struct model *model, int device, int slot, int key)
{
	enum cv_key_state state = model->devices[device].slots[slot].keys[key].state;

	if (state == CV_KEY_COMPROMISED)
		return CV_ENROLMENT_BLOCKED_KEY;
	if (cv_key_state_is_denied(state) || is_of_another(model, key, device))
		return CV_ENROLMENT_KEY_IN_USE;
	return CV_ENROLMENT_ISSUED;
}

struct model_answer
model_reenrol(struct model *model, struct model_memory *memory, int over, int key, int csr,
    int fresh, int64_t lifetime)
{
	const struct model_certificate *it = &model->certificates[over];
	struct model_certificate wanted = {
	    .device = it->device, .slot = it->slot, .key = key, .csr = csr};
	struct model_slot *slot = slot_of(model, it);
	struct model_answer answer = {.outcome = CV_ENROLMENT_REFUSED};
	bool announces;

	claim(model, key, it->device);
	answer.verdict = admit(model, memory, over);
	if (answer.verdict != CV_VERDICT_OK)
		return answer;
	answer.outcome = check_key(model, it->device, it->slot, key);
	if (answer.outcome != CV_ENROLMENT_ISSUED)
		return answer;
	/* Who renews late could not announce. */
	announces = key != it->key && model->now > it->not_after;
	answer.certificate = find_repeat(model, it->device, it->slot, key, csr);
	if (answer.certificate != MODEL_NONE) {
		answer.outcome = CV_ENROLMENT_REPEATED;
		announces = announces && slot->keys[key].state == CV_KEY_ASKED;
		if (!announces) {
			remember_device(model, memory, it->device);
			return answer;
		}
	} else {
		if (key != it->key)
			ask(model, slot, key);
		answer.certificate = issue(model, &wanted, fresh, lifetime);
	}
	if (announces)
		announce_too(slot, key);
	slot->version++;
	if (answer.outcome == CV_ENROLMENT_REPEATED)
		remember_device(model, memory, it->device);
	else if (model->now > it->not_after ||
		 memory->slots[it->device][it->slot].device.slots[it->slot].version ==
		     slot->version - 1)
		remember(model, memory, it->device, it->slot);
	return answer;
}

enum cv_announcement_outcome
model_announce(struct model *model, struct model_memory *memory, int over, int key,
    enum cv_verdict *ret_verdict)
{
	const struct model_certificate *it = &model->certificates[over];
	struct model_slot *slot = slot_of(model, it);

	*ret_verdict = admit(model, memory, over);
	if (*ret_verdict != CV_VERDICT_OK)
		return CV_ANNOUNCEMENT_REFUSED;
	/* Also by one that changes nothing. */
	remember(model, memory, it->device, it->slot);
	if (is_of_another(model, key, it->device))
		return CV_ANNOUNCEMENT_KEY_IN_USE;
	if (cv_key_state_is_denied(slot->keys[key].state))
		return CV_ANNOUNCEMENT_KEY_ENDED;
	if (slot->keys[key].state == CV_KEY_CURRENT)
		return slot->keys[key].asked_by == MODEL_NONE ? CV_ANNOUNCEMENT_SAME_KEY
							      : CV_ANNOUNCEMENT_DONE;
	if (slot->keys[key].state == CV_KEY_ANNOUNCED)
		return CV_ANNOUNCEMENT_DONE;
	announce(slot, key);
	slot->version++;
	remember(model, memory, it->device, it->slot);
	return CV_ANNOUNCEMENT_DONE;
}

/* ---- tokens ---- */

/* A key that the token gave a certificate was seen, or has ended; one that another of the token
 * has overtaken did neither. */
static bool
is_over(const struct model_device *device, int key, bool is_newest)
{
	for (int slot = 0; slot < MODEL_SLOTS; slot++) {
		enum cv_key_state state = device->slots[slot].keys[key].state;

		if (state != CV_KEY_UNKNOWN && state != CV_KEY_ANNOUNCED &&
		    !(state == CV_KEY_ASKED && !is_newest) &&
		    !(state == CV_KEY_CURRENT && !device->is_seen))
			return true;
	}
	return false;
}

static bool
is_spent(const struct model *model, const struct model_token *token, int device)
{
	for (int key = 0; key < MODEL_KEYS; key++) {
		if ((token->given[device] & 1U << key) != 0 &&
		    is_over(&model->devices[device], key, key == token->gave[device]))
			return true;
	}
	return false;
}

static enum cv_enrolment_outcome
check_token(const struct model *model, int token, int device, int key, int csr)
{
	const struct model_token *it = &model->tokens[token];
	const struct model_device *at = &model->devices[device];
	bool is_of_current = at->exists && at->state == CV_DEVICE_OK &&
			     model_current_key(&at->slots[MODEL_CLIENT]) == key;
	bool is_used = false;

	for (int other = 0; other < MODEL_DEVICES; other++)
		is_used |= it->gave[other] != MODEL_NONE;
	if (model->now >= it->expires || (is_used && it->gave[device] == MODEL_NONE))
		return CV_ENROLMENT_BAD_CREDENTIALS;
	if (it->device != MODEL_NONE && it->device != device)
		return CV_ENROLMENT_NOT_AUTHORISED;
	/* What it gave for the current key may still be asked for. */
	if (is_spent(model, it, device) &&
	    !(is_of_current && find_repeat(model, device, MODEL_CLIENT, key, csr) != MODEL_NONE))
		return CV_ENROLMENT_NOT_AUTHORISED;
	return CV_ENROLMENT_ISSUED;
}

/* What a good token does to the device; ISSUED, REPEATED or the refusal. */
static struct model_answer
use_token(struct model *model, int token, int device, int key, int csr, bool *ret_announces)
{
	const struct model_token *it = &model->tokens[token];
	struct model_device *at = &model->devices[device];
	struct model_slot *slot = &at->slots[MODEL_CLIENT];
	int current = model_current_key(slot);
	bool is_own = it->device == device && it->made >= at->tokens_void_before;
	bool is_first =
	    at->registered_by == token && !at->is_seen && it->made >= at->tokens_void_before;
	int repeat;

	*ret_announces = false;
	if (at->exists && at->state != CV_DEVICE_OK && !is_own)
		return (struct model_answer){CV_ENROLMENT_REFUSED, CV_VERDICT_DEVICE_REFUSED, 0};
	if (at->exists && !is_own && (current == MODEL_NONE || !is_first))
		return (struct model_answer){.outcome = CV_ENROLMENT_NOT_AUTHORISED};
	/* Registering anew ends every earlier key: none of them can be the first again. */
	if (at->exists && at->state != CV_DEVICE_OK) {
		if (slot->keys[key].state != CV_KEY_UNKNOWN)
			return (struct model_answer){.outcome = CV_ENROLMENT_KEY_IN_USE};
		end_everything(at);
	}
	if (!at->exists || at->state != CV_DEVICE_OK || current == MODEL_NONE) {
		register_device(model, device, key, token);
		return (struct model_answer){CV_ENROLMENT_ISSUED, CV_VERDICT_OK, MODEL_NONE};
	}
	repeat = find_repeat(model, device, MODEL_CLIENT, key, csr);
	if (repeat == MODEL_NONE && current != key)
		ask(model, slot, key);
	*ret_announces =
	    current != key && (repeat == MODEL_NONE || slot->keys[key].state == CV_KEY_ASKED);
	if (*ret_announces)
		announce_too(slot, key);
	if (repeat != MODEL_NONE)
		return (struct model_answer){CV_ENROLMENT_REPEATED, CV_VERDICT_OK, repeat};
	return (struct model_answer){CV_ENROLMENT_ISSUED, CV_VERDICT_OK, MODEL_NONE};
}

struct model_answer
model_enrol(struct model *model, struct model_memory *memory, int token, int device, int key,
    int csr, int fresh, int64_t lifetime)
{
	struct model_certificate wanted = {
	    .device = device, .slot = MODEL_CLIENT, .key = key, .csr = csr};
	struct model_answer answer = {.outcome = check_token(model, token, device, key, csr)};
	struct model_device *at = &model->devices[device];
	bool is_anew = at->exists && at->state != CV_DEVICE_OK;
	bool announces = false;

	if (answer.outcome != CV_ENROLMENT_ISSUED)
		return answer;
	answer.outcome = check_key(model, device, MODEL_CLIENT, key);
	if (answer.outcome == CV_ENROLMENT_ISSUED)
		answer = use_token(model, token, device, key, csr, &announces);
	if (answer.outcome != CV_ENROLMENT_ISSUED && !announces) {
		if (answer.outcome == CV_ENROLMENT_REPEATED)
			remember_device(model, memory, device);
		return answer;
	}
	claim(model, key, device);
	model->tokens[token].gave[device] = key;
	model->tokens[token].given[device] |= 1U << key;
	if (answer.outcome == CV_ENROLMENT_ISSUED)
		answer.certificate = issue(model, &wanted, fresh, lifetime);
	for (int slot = 0; slot < MODEL_SLOTS; slot++)
		at->slots[slot].version +=
		    slot == MODEL_CLIENT || (is_anew && at->slots[slot].exists);
	remember(model, memory, device, MODEL_CLIENT);
	if (is_anew || answer.outcome == CV_ENROLMENT_REPEATED)
		remember_device(model, memory, device);
	return answer;
}

/* ---- operators ---- */

static enum cv_lifecycle_outcome
set_state(struct model *model, struct model_device *device, enum cv_device_state state)
{
	if (device->state == state)
		return CV_LIFECYCLE_UNCHANGED;
	device->is_cleared = device->state == CV_DEVICE_DELETED && state == CV_DEVICE_OK;
	device->state = state;
	if (state != CV_DEVICE_OK)
		device->tokens_void_before = model->step;
	return CV_LIFECYCLE_DONE;
}

/* What was withdrawn comes after all that was not. */
static bool
goes_before(const struct model_key *a, const struct model_key *b)
{
	if (a->is_withdrawn != b->is_withdrawn)
		return b->is_withdrawn;
	return a->issued > b->issued;
}

static int
newest_open(const struct model_slot *slot)
{
	int newest = MODEL_NONE;

	for (int key = 0; key < MODEL_KEYS; key++) {
		if (is_open(&slot->keys[key]) &&
		    (newest == MODEL_NONE || goes_before(&slot->keys[key], &slot->keys[newest])))
			newest = key;
	}
	return newest;
}

static enum cv_lifecycle_outcome
cancel(struct model_slot *slot)
{
	int newest = newest_open(slot);

	if (newest == MODEL_NONE || slot->keys[newest].is_withdrawn)
		return CV_LIFECYCLE_UNCHANGED;
	for (int key = 0; key < MODEL_KEYS; key++) {
		if (!is_open(&slot->keys[key]))
			continue;
		slot->keys[key].state = CV_KEY_ASKED;
		slot->keys[key].is_withdrawn = true;
	}
	forget_named(slot);
	slot->is_locked = false;
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
approve(struct model_slot *slot)
{
	int newest = newest_open(slot);

	if (newest == MODEL_NONE)
		return CV_LIFECYCLE_NOT_POSSIBLE;
	if (slot->keys[newest].state == CV_KEY_ANNOUNCED)
		return CV_LIFECYCLE_UNCHANGED;
	announce(slot, newest);
	return CV_LIFECYCLE_DONE;
}

static enum cv_lifecycle_outcome
do_act(struct model *model, enum cv_lifecycle_act act, struct model_device *device)
{
	struct model_slot *client = &device->slots[MODEL_CLIENT];

	switch (act) {
	case CV_LIFECYCLE_HOLD:
		if (device->state == CV_DEVICE_DELETED || device->state == CV_DEVICE_REVOKED)
			return CV_LIFECYCLE_NOT_POSSIBLE;
		return set_state(model, device, CV_DEVICE_HELD);
	case CV_LIFECYCLE_RELEASE:
		if (device->state == CV_DEVICE_DELETED || device->state == CV_DEVICE_REVOKED)
			return CV_LIFECYCLE_NOT_POSSIBLE;
		return set_state(model, device, CV_DEVICE_OK);
	case CV_LIFECYCLE_DELETE:
		if (device->state == CV_DEVICE_HELD || device->state == CV_DEVICE_REVOKED)
			return CV_LIFECYCLE_NOT_POSSIBLE;
		return set_state(model, device, CV_DEVICE_DELETED);
	case CV_LIFECYCLE_REVOKE:
		end_everything(device);
		return set_state(model, device, CV_DEVICE_REVOKED);
	case CV_LIFECYCLE_ALLOW:
		if (device->state == CV_DEVICE_HELD)
			return CV_LIFECYCLE_NOT_POSSIBLE;
		return set_state(model, device, CV_DEVICE_OK);
	case CV_LIFECYCLE_CANCEL:
		return cancel(client);
	case CV_LIFECYCLE_APPROVE:
		return approve(client);
	case CV_LIFECYCLE_JOIN:
	case CV_LIFECYCLE_LEAVE:
		break; /* the model knows no groups */
	}
	return CV_LIFECYCLE_NOT_POSSIBLE;
}

enum cv_lifecycle_outcome
model_act(struct model *model, struct model_memory *memory, enum cv_lifecycle_act act, int device)
{
	struct model_device *it = &model->devices[device];
	enum cv_lifecycle_outcome outcome =
	    it->exists ? do_act(model, act, it) : CV_LIFECYCLE_NOT_FOUND;

	if (outcome == CV_LIFECYCLE_DONE) {
		for (int slot = 0; slot < MODEL_SLOTS; slot++)
			it->slots[slot].version += it->slots[slot].exists;
	}
	if (outcome == CV_LIFECYCLE_DONE || outcome == CV_LIFECYCLE_UNCHANGED)
		remember_device(model, memory, device);
	return outcome;
}

static bool
is_last_of_current_key(const struct model *model, int certificate)
{
	const struct model_certificate *it = &model->certificates[certificate];

	if (model->devices[it->device].slots[it->slot].keys[it->key].state != CV_KEY_CURRENT)
		return false;
	for (int i = 0; i < MODEL_CERTIFICATES; i++) {
		const struct model_certificate *other = &model->certificates[i];

		if (i != certificate && other->is_recorded && !other->is_revoked &&
		    other->device == it->device && other->slot == it->slot &&
		    other->key == it->key && other->not_after > model->now)
			return false;
	}
	return true;
}

static void
end_key(struct model *model, struct model_device *device, struct model_slot *slot, int key,
    bool is_compromise)
{
	bool was_current = slot->keys[key].state == CV_KEY_CURRENT;

	if (is_compromise)
		claim(model, key, (int)(device - model->devices));
	if (slot->keys[key].state == CV_KEY_UNKNOWN)
		return;
	slot->keys[key].state = is_compromise ? CV_KEY_COMPROMISED : CV_KEY_RETIRED;
	slot->keys[key].talks_until = 0;
	if (was_current) {
		end_graces(slot);
		discard_open(slot, MODEL_NONE);
		device->tokens_void_before = model->step;
	}
	slot->is_locked = slot->is_locked && has_announced(slot);
}

enum cv_lifecycle_outcome
model_revoke(struct model *model, struct model_memory *memory, int certificate,
    enum cv_reason reason, bool *ret_ends_key)
{
	struct model_certificate *it = &model->certificates[certificate];
	struct model_device *device = &model->devices[it->device];
	struct model_slot *slot = slot_of(model, it);
	bool is_compromise = reason == CV_REASON_KEY_COMPROMISE;

	*ret_ends_key = false;
	if (!it->is_recorded)
		return CV_LIFECYCLE_NOT_FOUND;
	if (it->is_revoked && (!is_compromise || slot->keys[it->key].state == CV_KEY_COMPROMISED)) {
		remember(model, memory, it->device, it->slot);
		return CV_LIFECYCLE_UNCHANGED;
	}
	*ret_ends_key = is_compromise || (reason != CV_REASON_SUPERSEDED &&
					     is_last_of_current_key(model, certificate));
	it->is_revoked = true;
	if (*ret_ends_key)
		end_key(model, device, slot, it->key, is_compromise);
	slot->version++;
	remember(model, memory, it->device, it->slot);
	return CV_LIFECYCLE_DONE;
}

/* ---- start ---- */

void
model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	model->registers_first_contact = true;
	for (int key = 0; key < MODEL_KEYS; key++)
		model->owners[key] = MODEL_NONE;
}

void
model_give_slot(struct model *model, int device, int slot, int key, int fresh, int64_t lifetime)
{
	struct model_certificate wanted = {.device = device, .slot = slot, .key = key, .csr = 0};
	struct model_slot *at = &model->devices[device].slots[slot];

	claim(model, key, device);
	set_first(model, at, key);
	model->devices[device].exists = model->devices[device].is_seen = true;
	model->devices[device].registered_by = MODEL_NONE;
	issue(model, &wanted, fresh, lifetime);
	at->version++;
}
