#include "invocation_internal.h"

#define PAGE " limit cursor all"

#define ACT(verb_, act_, arguments_, path_, help_)                                                 \
	{                                                                                          \
		verb_, act_, arguments_, "reason", "POST", path_ act_, NULL, CV_CLI_VIEW_OUTCOME,  \
		    NULL, help_                                                                    \
	}
#define DEVICE_ACT(act_, help_) ACT("device", act_, "ID...", "/v1/devices/{}/", help_)
#define AUTHORITY_ACT(act_, help_) ACT("authority", act_, "NAME...", "/v1/authorities/{}/", help_)
#define END(verb_, act_, arguments_, path_, help_)                                                 \
	{                                                                                          \
		verb_, act_, arguments_, "reason", "DELETE", path_, NULL, CV_CLI_VIEW_OUTCOME,     \
		    NULL, help_                                                                    \
	}
#define LIST(verb_, options_, path_, columns_, help_)                                              \
	{                                                                                          \
		verb_, "list", "", options_ PAGE, "GET", path_, NULL, CV_CLI_VIEW_LIST, columns_,  \
		    help_                                                                          \
	}
#define SHOW(verb_, argument_, path_, help_)                                                       \
	{                                                                                          \
		verb_, "show", argument_, "", "GET", path_, NULL, CV_CLI_VIEW_OBJECT, NULL, help_  \
	}

/* clang-format off */
static const struct cv_cli_verb verbs[] = {
	LIST("device", "state group rotation", "/v1/devices",
	    "id state rotation last_seen_at group~ owner~ created_at", "list the devices of the factory"),
	SHOW("device", "ID", "/v1/devices/{}", "show one device with its keys"),
	DEVICE_ACT("revoke", "end all its keys and refuse its id"),
	DEVICE_ACT("hold", "refuse its id, change nothing else"),
	DEVICE_ACT("release", "end a hold"),
	END("device", "delete", "ID...", "/v1/devices/{}", "refuse its id; nothing is forgotten"),
	DEVICE_ACT("allow", "clear a deleted or revoked id"),
	DEVICE_ACT("cancel", "withdraw the keys it announced or asked for"),
	DEVICE_ACT("approve", "announce the key it asked for last"),
	{"device", "rotate", "ID...", "est-url! reason", "POST", "/v1/devices/{}/rotate", NULL,
	    CV_CLI_VIEW_OUTCOME, NULL, "tell it, if it runs fioconfig, to change its key"},
	LIST("certificate", "device state authority expires-before", "/v1/certificates",
	    "sha256 state device not_after authority reason serial", "list certificates"),
	SHOW("certificate", "SHA256", "/v1/certificates/{}", "show one certificate"),
	ACT("certificate", "revoke", "SHA256...", "/v1/certificates/{}/", "deny one certificate"),
	LIST("denial", "device", "/v1/denials", "sha256 state device reason from not_after",
	    "list the certificates that are refused until they end"),
	LIST("group", "", "/v1/groups", "name announce policies~ created_at", "list groups of devices"),
	SHOW("group", "NAME", "/v1/groups/{}", "show one group"),
	{"group", "create", "NAME", "announce policies", "POST", "/v1/groups", "name", CV_CLI_VIEW_OBJECT,
	    NULL, "make a group"},
	{"group", "set", "NAME", "announce policies if-match", "PATCH", "/v1/groups/{}", NULL,
	    CV_CLI_VIEW_OBJECT, NULL, "change the policy of a group"},
	END("group", "delete", "NAME...", "/v1/groups/{}", "delete a group that has no devices"),
	{"group", "add", "NAME DEVICE...", "reason", "PUT", "/v1/groups/{}/devices/{}", NULL,
	    CV_CLI_VIEW_OUTCOME, NULL, "put devices into a group"},
	{"group", "rotate", "NAME...", "est-url! reason", "POST", "/v1/groups/{}/rotate", NULL,
	    CV_CLI_VIEW_OUTCOME, NULL, "tell its devices that run fioconfig to change their keys"},
	END("group", "remove", "NAME DEVICE...", "/v1/groups/{}/devices/{}",
	    "take devices out of a group"),
	LIST("authority", "kind", "/v1/authorities", "name kind state owner~ created_at sha256",
	    "list the authorities"),
	SHOW("authority", "NAME", "/v1/authorities/{}", "show one authority"),
	{"authority", "import", "FILE", "name! kind! owner", "POST", "/v1/authorities",
	    "certificate", CV_CLI_VIEW_OBJECT, NULL, "trust the CA certificate in a PEM file"},
	AUTHORITY_ACT("enable", "trust it again"),
	AUTHORITY_ACT("disable", "sign nothing and admit no new device; known ones go on"),
	AUTHORITY_ACT("revoke", "refuse everybody who has a certificate of it"),
	LIST("gateway", "", "/v1/gateways", "name sources~ may_activate factories~ created_at sha256",
	    "list the gateways"),
	SHOW("gateway", "NAME", "/v1/gateways/{}", "show one gateway"),
	{"gateway", "add", "NAME", "csr! source! factories no-activate lifetime-days out", "POST",
	    "/v1/gateways", "name", CV_CLI_VIEW_CERTIFICATE, NULL,
	    "issue the client certificate of a gateway for the key of its CSR"},
	{"gateway", "set", "NAME", "source activate no-activate if-match", "PATCH",
	    "/v1/gateways/{}", NULL, CV_CLI_VIEW_OBJECT, NULL, "change what it sees and may do"},
	END("gateway", "remove", "NAME...", "/v1/gateways/{}", "refuse its certificate"),
	LIST("factory", "", "/v1/factories",
	    "name announce first_contact retire_after_days lifetime_days is_default created_at",
	    "list the factories"),
	SHOW("factory", "NAME", "/v1/factories/{}", "show one factory"),
	{"factory", "add", "NAME", "announce first-contact retire-after-days lifetime-days", "POST",
	    "/v1/factories", "name", CV_CLI_VIEW_OBJECT, NULL,
	    "add a factory; it has no authorities yet"},
	{"factory", "set", "NAME", "announce first-contact retire-after-days lifetime-days if-match",
	    "PATCH", "/v1/factories/{}", NULL, CV_CLI_VIEW_OBJECT, NULL, "change its settings"},
	LIST("grant", "state", "/v1/device-grants",
	    "user_code device state expires_at decided_by~", "list devices that ask for a token"),
	ACT("grant", "approve", "CODE...", "/v1/device-grants/{}/",
	    "let the device that shows this code register itself"),
	ACT("grant", "refuse", "CODE...", "/v1/device-grants/{}/",
	    "refuse the device that shows this code"),
	{"token", "enrol", "", "device label uses expires-in", "POST", "/v1/enrolment-tokens", NULL,
	    CV_CLI_VIEW_TOKEN, NULL, "make a token with which devices enrol, and print it"},
	LIST("token", "device", "/v1/enrolment-tokens",
	    "id device expires_at uses used revoked_at label~ created_by~", "list enrolment tokens"),
	SHOW("token", "ID", "/v1/enrolment-tokens/{}", "show one enrolment token"),
	END("token", "revoke", "ID...", "/v1/enrolment-tokens/{}", "end an enrolment token"),
	{"operator-token", "create", "NAME", "role! factories scopes expires-in", "POST",
	    "/v1/operator-tokens", "name", CV_CLI_VIEW_TOKEN, NULL,
	    "make a token for an operator, and print it"},
	LIST("operator-token", "", "/v1/operator-tokens",
	    "id name role expires_at revoked_at factories~ scopes~", "list operator tokens"),
	SHOW("operator-token", "ID", "/v1/operator-tokens/{}", "show one operator token"),
	END("operator-token", "revoke", "ID...", "/v1/operator-tokens/{}", "end an operator token"),
	{"operator-certificate", "add", "NAME", "role! csr! factories days out", "POST",
	    "/v1/operator-certificates", "name", CV_CLI_VIEW_CERTIFICATE, NULL,
	    "issue the client certificate of an operator for the key of a CSR"},
	LIST("operator-certificate", "", "/v1/operator-certificates",
	    "id name role expires_at revoked_at factories~ sha256", "list operators' certificates"),
	SHOW("operator-certificate", "ID", "/v1/operator-certificates/{}",
	    "show one operator's certificate"),
	END("operator-certificate", "revoke", "ID...", "/v1/operator-certificates/{}",
	    "refuse an operator's certificate"),
	LIST("approval", "state", "/v1/approvals",
	    "id device state expires_at label~ identity~ asked_at decided_by~ csr_sha256",
	    "list enrolments that wait for an operator, or were decided"),
	ACT("approval", "approve", "ID...", "/v1/approvals/{}/", "let the device have its certificate"),
	ACT("approval", "refuse", "ID...", "/v1/approvals/{}/", "refuse the request"),
	{"rotation-group", "add", "NAME", "est-url! per-hour! group devices expires-before reason", "POST",
	    "/v1/rotation-groups", "name", CV_CLI_VIEW_OBJECT, NULL,
	    "tell devices that run fioconfig one after the other to change their keys"},
	LIST("rotation-group", "state", "/v1/rotation-groups",
	    "name state devices per_hour created_at finished_at created_by~", "list rotation groups"),
	SHOW("rotation-group", "NAME", "/v1/rotation-groups/{}", "show one, and how far it is"),
	ACT("rotation-group", "pause", "NAME...", "/v1/rotation-groups/{}/", "tell no more devices for now"),
	ACT("rotation-group", "resume", "NAME...", "/v1/rotation-groups/{}/", "go on telling devices"),
	ACT("rotation-group", "end", "NAME...", "/v1/rotation-groups/{}/", "tell no more devices for ever"),
	LIST("webhook", "type", "/v1/webhooks", "name type pending dead url~ events~ created_at created_by~",
	    "list webhooks and event queues"),
	SHOW("webhook", "NAME", "/v1/webhooks/{}", "show one webhook or event queue"),
	{"webhook", "add", "NAME", "url! events", "POST", "/v1/webhooks", "name", CV_CLI_VIEW_SECRET,
	    NULL, "tell a receiver what happens from now on, and print what signs it"},
	{"webhook", "deliveries", "NAME", "state" PAGE, "GET", "/v1/webhooks/{}/deliveries", NULL,
	    CV_CLI_VIEW_LIST, "state device event attempts last_error~ next_at at message",
	    "list what was sent to it, what waits, and what was given up"},
	ACT("webhook", "replay", "NAME...", "/v1/webhooks/{}/", "try again what was given up"),
	END("webhook", "remove", "NAME...", "/v1/webhooks/{}",
	    "send it nothing more, not even what waits"),
	{"event-key", "replace", "", "reason", "POST", "/v1/event-keys", NULL, CV_CLI_VIEW_OBJECT, NULL,
	    "sign for event queues with a new key"},
	LIST("audit", "device actor action since until", "/v1/audit",
	    "at action actor~ device reason~ factory request_id", "read the audit trail backwards"),
	{"bench", "check", "", "socket gateway-url sha256 pem connections seconds", NULL, NULL, NULL,
	    CV_CLI_VIEW_OWN, NULL, "ask as a gateway does, as fast as it is answered"},
	{"demo", "", "", "device-url! id keep socket gateway-url gateway-cert gateway-key", NULL, NULL,
	    NULL, CV_CLI_VIEW_OWN, NULL, "play one rotation of a device that it makes and deletes"},
	{"status", "", "", "", "GET", "/v1/status", NULL, CV_CLI_VIEW_SCREEN, NULL,
	    "show what the server is doing"},
};
/* clang-format on */

const struct cv_cli_verb *
cv_cli_verbs(size_t *ret_count)
{
	*ret_count = sizeof(verbs) / sizeof(verbs[0]);
	return verbs;
}
