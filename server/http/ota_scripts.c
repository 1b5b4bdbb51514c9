#include "ota_scripts_internal.h"

#include <string.h>

#include "cv/codec/operator_json.h"
#include "cv/model/name.h"

#include "cv_script_create_ca.h"
#include "cv_script_create_device_ca.h"
#include "cv_script_sign_ca_csr.h"
#include "cv_script_sign_tls_csr.h"

static const struct {
	const char *name;
	const char *text;
} scripts[] = {
    {"create_ca", cv_script_create_ca},
    {"create_device_ca", cv_script_create_device_ca},
    {"sign_tls_csr", cv_script_sign_tls_csr},
    {"sign_ca_csr", cv_script_sign_ca_csr},
};

/* Names of factories and of users have the same alphabet. */
bool
cv_ota_scripts_can_name(const char *user)
{
	return cv_factory_name_is_valid(user, strlen(user));
}

/* The value that stands for the word at text; NULL: none does. */
static const char *
value_at(const char *text, const char *factory, const char *user, size_t *ret_len)
{
	static const char factory_word[] = "@FACTORY@", user_word[] = "@USER@";

	if (strncmp(text, factory_word, strlen(factory_word)) == 0) {
		*ret_len = strlen(factory_word);
		return factory;
	}
	if (strncmp(text, user_word, strlen(user_word)) == 0) {
		*ret_len = strlen(user_word);
		return user;
	}
	return NULL;
}

static void
fill(struct cv_buffer *ret_text, const char *template, const char *factory, const char *user)
{
	while (*template != '\0') {
		size_t len = strcspn(template, "@");
		const char *value;

		cv_buffer_append(ret_text, template, len);
		template += len;
		if (*template == '\0')
			break;
		value = value_at(template, factory, user, &len);
		if (value == NULL)
			cv_buffer_append_byte(ret_text, '@');
		else
			cv_buffer_append_text(ret_text, value);
		template += value == NULL ? 1 : len;
	}
}

void
cv_ota_append_scripts(struct cv_buffer *json, const char *factory, const char *user)
{
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;

		fill(&text, scripts[i].text, factory, user);
		cv_buffer_printf(json, ",\"%s\":", scripts[i].name);
		cv_json_append_string(json, cv_buffer_text(&text));
		if (text.has_failed)
			json->has_failed = true;
	}
}
