/* What the steps of `demo` share, and what the operator does in them. */
#ifndef CV_CLI_DEMO_INTERNAL_H
#define CV_CLI_DEMO_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cv/cli/client.h"
#include "cv/util/bytes.h"
#include "cv/util/error.h"
#include "cv/util/random.h"
#include "demo_device_internal.h"

struct cv_demo {
	const struct cv_cli_options *global;
	struct cv_demo_doors doors;
	struct cv_demo_name name;
	struct cv_demo_identity old_identity, new_identity;
	struct cv_demo_answer answer; /* the last */
	struct cv_buffer token;       /* with which the device enrols */
	char token_id[CV_UUID_TEXT_SIZE];
	bool is_implied;    /* the factory's rule */
	int64_t grace_days; /* how long a replaced key may talk */
	bool may_be_there;  /* the device */
	unsigned step;
};

/* Says on standard error what went wrong; false. */
bool cv_demo_fail(const struct cv_error *err);
/* Says what the last answer was, and what it means when it is the one that was expected. */
bool cv_demo_expect(const struct cv_demo *demo, long status, const char *meaning);

/* Each says what it does; false: it has also said what went wrong. */

/* A device of the same id would be taken over and deleted. */
bool cv_demo_check_new(struct cv_demo *demo);
bool cv_demo_make_token(struct cv_demo *demo);
/* What the factory's rules say of the steps to come. */
bool cv_demo_read_rules(struct cv_demo *demo);
/* True when there is an answer, whatever it is. */
bool cv_demo_delete(struct cv_demo *demo);
/* After a failure: whatever may be left is ended. */
void cv_demo_clear_away(struct cv_demo *demo);

#endif
