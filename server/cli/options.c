#include <string.h>

#include "invocation_internal.h"

#include "cv/model/event.h"
#include "cv/model/scope.h"
#include "cv/model/source.h"
#include "cv/model/state.h"
#include "cv/util/text.h"

/* clang-format off */
static const struct cv_cli_option options[] = {
	{"action", CV_CLI_TEXT, "WORD", NULL, "only rows of this act, e.g. revoked"},
	{"activate", CV_CLI_TRUE, NULL, "may_activate", "what it sees may activate a key"},
	{"actor", CV_CLI_TEXT, "WHO", NULL, "only rows of this actor, e.g. operator:admin"},
	{"all", CV_CLI_LOCAL, NULL, NULL, "read every page"},
	{"announce", CV_CLI_TEXT_OR_NULL, "explicit|implied", NULL,
	    "what announces a next key; of a group also factory: what the factory says"},
	{"authority", CV_CLI_TEXT, "NAME", NULL, "only those of this authority"},
	{"connections", CV_CLI_LOCAL, "N", NULL,
	    "kept open, each asks again when it is answered, 1 to 1000; default: 16"},
	{"csr", CV_CLI_FILE, "FILE", NULL,
	    "PEM request of the holder's key, e.g. by: openssl req -new -newkey ec -pkeyopt "
	    "ec_paramgen_curve:P-256 -nodes -keyout NAME.key -subj /CN=NAME -out NAME.csr"},
	{"cursor", CV_CLI_TEXT, "CURSOR", NULL, "go on where a page ended"},
	{"days", CV_CLI_COUNT, "N", NULL, "until the certificate ends; default: 365"},
	{"device", CV_CLI_TEXT, "ID", NULL, "of or for this device"},
	{"device-url", CV_CLI_LOCAL, "URL", NULL,
	    "device listener, e.g. https://est.example:8443"},
	{"devices", CV_CLI_WORDS, "A,B", NULL, "only these devices"},
	{"est-url", CV_CLI_TEXT, "URL", NULL,
	    "EST server, e.g. https://est.example:8443/.well-known/est"},
	{"events", CV_CLI_WORDS, "A,B", NULL, "kinds of events; default: all: " CV_EVENT_WORDS},
	{"expires-before", CV_CLI_TEXT, "TIME", NULL, "only what ends before, e.g. 2027-01-01T00:00:00Z"},
	{"expires-in", CV_CLI_COUNT, "SECONDS", NULL,
	    "default: 3600 for enrolment tokens, never for operator tokens"},
	{"factories", CV_CLI_WORDS, "A,B", NULL, "factories that it is for; default: all"},
	{"first-contact", CV_CLI_TEXT, "register|refuse", NULL,
	    "what is done with an unknown device of an offline authority"},
	{"gateway-cert", CV_CLI_LOCAL, "FILE", NULL, "client certificate of a gateway that asks there"},
	{"gateway-key", CV_CLI_LOCAL, "FILE", NULL, "its key, where that is not in the same file"},
	{"gateway-url", CV_CLI_LOCAL, "URL", NULL,
	    "gateway listener, e.g. https://certvendor.example:8445"},
	{"group", CV_CLI_TEXT, "NAME", NULL, "only devices of this group"},
	{"id", CV_CLI_LOCAL, "ID", NULL, "of the device, which must be new; default: demo- and digits"},
	{"if-match", CV_CLI_HEADER, "ETAG", NULL, "change only this state; default: whatever it is"},
	{"keep", CV_CLI_LOCAL, NULL, NULL, "do not delete the device"},
	{"kind", CV_CLI_TEXT, "root|offline|bootstrap", NULL, "kind of authority"},
	{"label", CV_CLI_TEXT, "LABEL", NULL, "only for this label of EST; default: for all"},
	{"lifetime-days", CV_CLI_COUNT, "N", NULL, "of its certificates"},
	{"limit", CV_CLI_COUNT, "N", NULL, "how many a page, 1 to 1000; default: 100"},
	{"name", CV_CLI_TEXT, "NAME", NULL, "name of the authority"},
	{"no-activate", CV_CLI_FALSE, NULL, "may_activate", "what it sees activates no key"},
	{"out", CV_CLI_LOCAL, "FILE", NULL, "write the certificate there instead of printing it"},
	{"owner", CV_CLI_TEXT, "OWNER", NULL, "owner of devices that are first met under it"},
	{"pem", CV_CLI_LOCAL, "FILE", NULL, "ask for this certificate, as RFC 9440 forwards it"},
	{"per-hour", CV_CLI_COUNT, "N", NULL, "how many devices are told in an hour, 1 to 36000"},
	{"policies", CV_CLI_WORDS, "A,B", NULL,
	    "what gateways are told of its devices; an empty text: nothing"},
	{"reason", CV_CLI_TEXT, "TEXT", NULL,
	    "why, for the audit trail; of a revocation a reason of RFC 5280, e.g. keyCompromise"},
	{"retire-after-days", CV_CLI_NUMBER, "N", NULL, "how long a replaced key may still talk"},
	{"role", CV_CLI_TEXT, "viewer|operator|admin", NULL, "what its holder may do"},
	{"rotation", CV_CLI_TEXT, "none|pending|stalled", NULL, "only devices whose rotation is so"},
	{"scopes", CV_CLI_WORDS, "A,B", NULL,
	    "cut the token down to some of " CV_SCOPE_WORDS "; default: whatever the role may"},
	{"seconds", CV_CLI_LOCAL, "N", NULL, "how long, 1 to 3600; default: 10"},
	{"sha256", CV_CLI_LOCAL, "HEX", NULL, "ask for the certificate of this SHA-256"},
	{"since", CV_CLI_TEXT, "TIME", NULL, "from this time on"},
	{"socket", CV_CLI_LOCAL, "PATH", NULL, "UNIX socket where gateways ask"},
	{"source", CV_CLI_REPEATED, "WORD[=HEADER]", "sources",
	    "header it forwards certificates in: " CV_SOURCE_WORDS "; repeatable"},
	{"state", CV_CLI_TEXT, "STATE", NULL, "only what is in this state"},
	{"type", CV_CLI_TEXT, "webhook|push", NULL, "only these; push: event queues"},
	{"until", CV_CLI_TEXT, "TIME", NULL, "before this time"},
	{"url", CV_CLI_TEXT, "URL", NULL, "where it is sent: https or http"},
	{"uses", CV_CLI_COUNT, "N", NULL, "how many devices may use it; default: 1"},
	{"server", CV_CLI_GLOBAL, "URL", NULL,
	    "operator API to ask, over https (CERTVENDOR_SERVER); default: " CV_CLI_DEFAULT_SERVER},
	{"token-file", CV_CLI_GLOBAL, "FILE", NULL, "file that holds the token"},
	{"cert", CV_CLI_GLOBAL, "FILE", NULL,
	    "client certificate to log in with instead (CERTVENDOR_CERT)"},
	{"key", CV_CLI_GLOBAL, "FILE", NULL, "its key (CERTVENDOR_KEY)"},
	{"ca", CV_CLI_GLOBAL, "FILE", NULL,
	    "certificate that the server is verified with (CERTVENDOR_CA)"},
	{"factory", CV_CLI_GLOBAL, "NAME", NULL, "factory that is meant, where the operator has several"},
	{"json", CV_CLI_GLOBAL, NULL, NULL, "print what the server answered, as it is"},
	{"help", CV_CLI_GLOBAL, NULL, NULL, "print this"},
};

/* Where a verb takes other words than the option's value says, or words that the value does not
 * say; NULL: any verb, any act. "a|b": these and no others; "a, b": they are proposed. */
static const struct {
	const char *verb;
	const char *act;
	const char *option;
	const char *words;
} wordings[] = {
	{"group", NULL, "announce", "explicit|implied|factory"},
	{"authority", "list", "kind", "root|online|offline|bootstrap"},
	{"device", NULL, "state", "ok|held|deleted|revoked"},
	{"certificate", NULL, "state", "issued|announced|active|retired|revoked|discarded"},
	{"grant", NULL, "state", "pending|approved|refused"},
	{"approval", NULL, "state", "pending|approved|refused"},
	{"rotation-group", NULL, "state", "running|paused|done|ended"},
	{"webhook", NULL, "state", "pending|done|dead"},
	{"device", "revoke", "reason", CV_REASON_WORDS},
	{"certificate", "revoke", "reason", CV_REASON_WORDS},
	{"authority", NULL, "reason", CV_REASON_WORDS},
	{NULL, NULL, "events", CV_EVENT_WORDS},
	{NULL, NULL, "scopes", CV_SCOPE_WORDS},
	{NULL, NULL, "source", CV_SOURCE_WORDS},
};
/* clang-format on */
_Static_assert(sizeof(options) / sizeof(options[0]) <= CV_CLI_OPTIONS_MAX, "values[] is too short");

const struct cv_cli_option *
cv_cli_options(size_t *ret_count)
{
	*ret_count = sizeof(options) / sizeof(options[0]);
	return options;
}

const struct cv_cli_option *
cv_cli_option(const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (cv_text_equal(options[i].name, name))
			return &options[i];
	}
	return NULL;
}

static bool
is_meant(const char *name, const char *wanted)
{
	return name == NULL || cv_text_equal(name, wanted);
}

const char *
cv_cli_words(const struct cv_cli_verb *verb, const struct cv_cli_option *option)
{
	for (size_t i = 0; i < sizeof(wordings) / sizeof(wordings[0]); i++) {
		if (cv_text_equal(wordings[i].option, option->name) &&
		    is_meant(wordings[i].verb, verb->verb) && is_meant(wordings[i].act, verb->act))
			return wordings[i].words;
	}
	return cv_cli_words_are_all(option->value) ? option->value : NULL;
}

bool
cv_cli_words_are_all(const char *words)
{
	return words != NULL && strchr(words, '|') != NULL;
}
