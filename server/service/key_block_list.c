#include "cv/service/key_block_list.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cv/util/file.h"

#define FILE_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define HEX_LEN (2 * CV_DIGEST_LEN)

struct digest_array {
	struct cv_digest *items; /* sorted */
	size_t count;
};

struct cv_key_block_list {
	char *path; /* owned; "": none */
	pthread_rwlock_t lock;
	struct digest_array digests; /* under the lock */
	struct timespec changed_at;  /* of the file that was read; one refresher only */
};

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cv_digest));
}

/* The digest of one line; is_empty: it has none. */
static bool
read_line(const char *line, size_t len, bool *ret_is_empty, struct cv_digest *ret_digest)
{
	char text[CV_DIGEST_HEX_SIZE];

	*ret_is_empty = strspn(line, " \t\r") >= len || line[0] == '#';
	if (*ret_is_empty)
		return true;
	if (len < HEX_LEN || (len > HEX_LEN && strchr(" \t\r", line[HEX_LEN]) == NULL))
		return false;
	memcpy(text, line, HEX_LEN);
	text[HEX_LEN] = '\0';
	return cv_digest_parse(text, ret_digest);
}

static bool
read_digests(const char *text, struct digest_array *ret_digests, struct cv_error *err)
{
	size_t line = 1;

	ret_digests->items = calloc(strlen(text) / HEX_LEN + 1, sizeof(*ret_digests->items));
	if (ret_digests->items == NULL)
		return cv_fail(err, CV_E_MEMORY, "no memory for the blocked keys");
	for (const char *at = text; *at != '\0'; line++) {
		size_t len = strcspn(at, "\n");
		bool is_empty;

		if (!read_line(at, len, &is_empty, &ret_digests->items[ret_digests->count]))
			return cv_fail(err, CV_E_CONFIG, "line %zu is not 64 hex digits", line);
		ret_digests->count += !is_empty;
		at += len + (at[len] == '\n');
	}
	qsort(ret_digests->items, ret_digests->count, sizeof(*ret_digests->items), compare);
	return true;
}

static bool
read_file(struct cv_key_block_list *list, struct cv_error *err)
{
	CV_AUTO_BUFFER struct cv_buffer content = {.max_bytes = FILE_MAX_BYTES};
	struct digest_array digests = {NULL, 0};
	struct digest_array old;

	if (!cv_file_read(list->path, FILE_MAX_BYTES, &content, err))
		return false;
	if (!read_digests(cv_buffer_text(&content), &digests, err)) {
		free(digests.items);
		return cv_error_context(err, "%s", list->path);
	}
	pthread_rwlock_wrlock(&list->lock);
	old = list->digests;
	list->digests = digests;
	pthread_rwlock_unlock(&list->lock);
	free(old.items);
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
	free(list->digests.items);
	free(list->path);
	free(list);
}

bool
cv_key_block_list_has(struct cv_key_block_list *list, const struct cv_digest *key)
{
	bool has;

	if (list == NULL)
		return false;
	pthread_rwlock_rdlock(&list->lock);
	has = list->digests.count > 0 &&
	      bsearch(key, list->digests.items, list->digests.count, sizeof(*key), compare) != NULL;
	pthread_rwlock_unlock(&list->lock);
	return has;
}
