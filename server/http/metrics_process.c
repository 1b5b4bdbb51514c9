#include "metrics_internal.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cv/util/file.h"
#include "cv/util/text.h"
#include "http_internal.h"

#define STATM_MAX 256

/* Resident pages: the second number of statm (proc(5)); 0 when it cannot be read. */
static uint64_t
resident_bytes(void)
{
	CV_AUTO_BUFFER struct cv_buffer statm = CV_BUFFER_INIT;
	struct cv_error err = CV_ERROR_INIT;
	uint64_t pages;
	char number[24];

	if (!cv_file_read("/proc/self/statm", STATM_MAX, &statm, &err))
		return 0;
	const char *second = strchr(cv_buffer_text(&statm), ' ');
	if (second == NULL)
		return 0;
	second++;
	if (!cv_text_copy_bytes(number, sizeof(number), second, strcspn(second, " \n")) ||
	    !cv_text_parse_unsigned(number, UINT64_MAX, &pages))
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static unsigned
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	if (folder == NULL)
		return 0;
	for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count > 0 ? count - 1 : 0; /* not the folder itself */
}

static double
cpu_seconds(void)
{
	struct timespec used = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void
cv_metrics_append_process(struct cv_buffer *buffer, const struct cv_http *http)
{
	struct rlimit limit = {.rlim_cur = 0};

	cv_metrics_append_head(
	    buffer, "process_cpu_seconds_total", "counter", "CPU time used, user and system.");
	cv_buffer_printf(buffer, "process_cpu_seconds_total %.6f\n", cpu_seconds());
	cv_metrics_append_head(buffer, "process_resident_memory_bytes", "gauge", "Memory in use.");
	cv_buffer_printf(buffer, "process_resident_memory_bytes %" PRIu64 "\n", resident_bytes());
	cv_metrics_append_head(buffer, "process_open_fds", "gauge", "Open file descriptors.");
	cv_buffer_printf(buffer, "process_open_fds %u\n", open_descriptors());
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	cv_metrics_append_head(buffer, "process_max_fds", "gauge", "Most file descriptors.");
	cv_buffer_printf(buffer, "process_max_fds %ju\n", (uintmax_t)limit.rlim_cur);
	cv_metrics_append_head(
	    buffer, "process_start_time_seconds", "gauge", "Start of serving, seconds since 1970.");
	cv_buffer_printf(buffer, "process_start_time_seconds %" PRId64 ".%03d\n",
	    http->started_wall_ms / 1000, (int)(http->started_wall_ms % 1000));
}
