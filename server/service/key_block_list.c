#include "cv/service/key_block_list.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cv/pki/digest.h"
#include "cv/util/file.h"
#include "cv/util/text.h"

#define FILE_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define DIGEST_HEX_LEN (2 * CV_DIGEST_LEN)
#define MODULUS_LEN 10
#define MODULUS_HEX_LEN (2 * MODULUS_LEN)

/* The last octets of a SHA-1. */
struct modulus_mark {
	uint8_t octets[MODULUS_LEN];
};

struct marks {
	struct cv_digest *digests; /* sorted */
	size_t digest_count;
	struct modulus_mark *moduli; /* sorted */
	size_t modulus_count;
};

struct cv_key_block_list {
	char *path; /* owned; "": none */
	pthread_rwlock_t lock;
	struct marks marks;         /* under the lock */
	struct timespec changed_at; /* of the file that was read; one refresher only */
};

static void
marks_deinit(struct marks *marks)
{
	free(marks->digests);
	free(marks->moduli);
}

static int
compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cv_digest));
}

static int
compare_moduli(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct modulus_mark));
}

/* What one line says, if anything, behind what is there already. */
static bool
read_line(const char *line, size_t len, struct marks *marks)
{
	size_t hex_len = strspn(line, "0123456789abcdefABCDEF");
	size_t decoded;

	if (strspn(line, " \t\r") >= len || line[0] == '#')
		return true;
	if (hex_len != len && strchr(" \t\r", line[hex_len]) == NULL)
		return false;
	if (hex_len == DIGEST_HEX_LEN)
		return cv_hex_decode(line, hex_len, marks->digests[marks->digest_count++].bytes,
		    CV_DIGEST_LEN, &decoded);
	return hex_len == MODULUS_HEX_LEN &&
	       cv_hex_decode(line, hex_len, marks->moduli[marks->modulus_count++].octets,
		   MODULUS_LEN, &decoded);
}

/* No line is shorter than its digits, so there is room for all. */
static bool
make_room(const char *text, struct marks *marks, struct cv_error *err)
{
	size_t len = strlen(text);

	marks->digests = calloc(len / DIGEST_HEX_LEN + 1, sizeof(*marks->digests));
	marks->moduli = calloc(len / MODULUS_HEX_LEN + 1, sizeof(*marks->moduli));
	return (marks->digests && marks->moduli) ||
	       cv_fail(err, CV_E_MEMORY, "no memory for the blocked keys");
}

static bool
read_marks(const char *text, struct marks *marks, struct cv_error *err)
{
	size_t line = 1;

	if (!make_room(text, marks, err))
		return false;
	for (const char *at = text; *at != '\0'; line++) {
		size_t len = strcspn(at, "\n");

		if (!read_line(at, len, marks))
			return cv_fail(
			    err, CV_E_CONFIG, "line %zu is not 64 or 20 hex digits", line);
		at += len + (at[len] == '\n');
	}
	qsort(marks->digests, marks->digest_count, sizeof(*marks->digests), compare_digests);
	qsort(marks->moduli, marks->modulus_count, sizeof(*marks->moduli), compare_moduli);
	return true;
}

static bool
read_file(struct cv_key_block_list *list, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer content = {.max_bytes = FILE_MAX_BYTES};
	struct marks marks = {.digests = NULL};
	struct marks old;

	if (!cv_file_read(list->path, FILE_MAX_BYTES, &content, err))
		return false;
	if (!read_marks(cv_buffer_text(&content), &marks, err)) {
		marks_deinit(&marks);
		return cv_error_context(err, "%s", list->path);
	}
	pthread_rwlock_wrlock(&list->lock);
	old = list->marks;
	list->marks = marks;
	pthread_rwlock_unlock(&list->lock);
	marks_deinit(&old);
	return true;
}

bool
cv_key_block_list_refresh(struct cv_key_block_list *list, struct cv_error *err)
{
	struct stat status;

	if (list->path[0] == '\0')
		return true;
	if (stat(list->path, &status) != 0) {
		(void)cv_fail(err, CV_E_IO, "%s cannot be read", list->path);
		return cv_error_cause(err, "%s", strerror(errno));
	}
	if (status.st_mtim.tv_sec == list->changed_at.tv_sec &&
	    status.st_mtim.tv_nsec == list->changed_at.tv_nsec)
		return true;
	list->changed_at = status.st_mtim;
	return read_file(list, err);
}

bool
cv_key_block_list_new(const char *path, struct cv_key_block_list **ret_list, struct cv_error *err)
{
	CV_AUTO(cv_key_block_list) struct cv_key_block_list *list = calloc(1, sizeof(*list));

	if (list == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the blocked keys");
	pthread_rwlock_init(&list->lock, NULL);
	list->path = strdup(path);
	if (list->path == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the blocked keys");
	if (!cv_key_block_list_refresh(list, err))
		return false;
	*ret_list = CV_TAKE(list);
	return true;
}

void
cv_key_block_list_free(struct cv_key_block_list *list)
{
	if (list == NULL)
		return;
	pthread_rwlock_destroy(&list->lock);
	marks_deinit(&list->marks);
	free(list->path);
	free(list);
}

static bool
has_digest(const struct marks *marks, const struct cv_digest *digest)
{
	return marks->digest_count > 0 && bsearch(digest, marks->digests, marks->digest_count,
					      sizeof(*digest), compare_digests) != NULL;
}

/* As `openssl rsa -noout -modulus` writes it, which is what was listed. */
static void
mark_modulus(struct cv_bytes modulus, struct modulus_mark *ret_mark)
{
	static const char digits[] = "0123456789ABCDEF";
	CV_AUTO_BUFFER struct cv_buffer text = CV_BUFFER_INIT;
	uint8_t sha1[CV_SHA1_LEN];

	cv_buffer_append_text(&text, "Modulus=");
	for (size_t i = 0; i < modulus.len; i++) {
		cv_buffer_append_byte(&text, (uint8_t)digits[modulus.data[i] >> 4]);
		cv_buffer_append_byte(&text, (uint8_t)digits[modulus.data[i] & 15]);
	}
	cv_buffer_append_text(&text, "\n");
	cv_digest_sha1(cv_buffer_bytes(&text), sha1);
	memcpy(ret_mark->octets, sha1 + CV_SHA1_LEN - MODULUS_LEN, MODULUS_LEN);
}

static bool
has_modulus(const struct marks *marks, const struct cv_public_key *key)
{
	struct modulus_mark mark;
	struct cv_bytes modulus;

	if (marks->modulus_count == 0 || !cv_public_key_modulus(key, &modulus))
		return false;
	mark_modulus(modulus, &mark);
	return bsearch(&mark, marks->moduli, marks->modulus_count, sizeof(mark), compare_moduli) !=
	       NULL;
}

bool
cv_key_block_list_has(struct cv_key_block_list *list, const struct cv_public_key *key)
{
	bool has;

	if (list == NULL)
		return false;
	pthread_rwlock_rdlock(&list->lock);
	has = has_digest(&list->marks, cv_public_key_id(key)) || has_modulus(&list->marks, key);
	pthread_rwlock_unlock(&list->lock);
	return has;
}
