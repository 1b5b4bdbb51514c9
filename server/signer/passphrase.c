#include "passphrase_internal.h"

#include <string.h>
#include <sys/mman.h>

#include "cv/util/bytes.h"

struct cv_passphrase {
	size_t size; /* of the mapping */
	char text[];
};

bool
cv_passphrase_new(const char *text, struct cv_passphrase **ret_passphrase, struct cv_error *err)
{
	const size_t len = strlen(text);
	const size_t size = sizeof(struct cv_passphrase) + len + 1;
	struct cv_passphrase *passphrase =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (passphrase == MAP_FAILED)
		return cv_fail(err, CV_E_MEMORY, "no memory for the signer passphrase");
	/* Each may be refused where locked memory is scarce; it works without, less well. */
	(void)mlock(passphrase, size);
	(void)madvise(passphrase, size, MADV_DONTDUMP);
	(void)madvise(passphrase, size, MADV_DONTFORK);
	passphrase->size = size;
	memcpy(passphrase->text, text, len + 1);
	*ret_passphrase = passphrase;
	return true;
}

const char *
cv_passphrase_text(const struct cv_passphrase *passphrase)
{
	return passphrase->text;
}

void
cv_passphrase_free(struct cv_passphrase *passphrase)
{
	if (passphrase == NULL)
		return;
	cv_wipe(passphrase->text, strlen(passphrase->text));
	(void)munmap(passphrase, passphrase->size);
}
