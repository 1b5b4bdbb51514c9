#include "cv/app/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cv/util/log.h"

#define EXIT_SIGNALLED 128

void
cv_process_harden(void)
{
	const struct rlimit no_core = {.rlim_cur = 0, .rlim_max = 0};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)umask(0077);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGUSR1, &ignore, NULL);
}

void
cv_process_raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
fill_set(sigset_t *ret_set)
{
	(void)sigemptyset(ret_set);
	(void)sigaddset(ret_set, SIGTERM);
	(void)sigaddset(ret_set, SIGINT);
	(void)sigaddset(ret_set, SIGHUP);
	(void)sigaddset(ret_set, SIGUSR2);
}

void
cv_signals_block(void)
{
	sigset_t set;

	fill_set(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool
cv_signals_stop_is_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

static void
end_at_once(int number)
{
	_exit(EXIT_SIGNALLED + number);
}

/* A handler, not the default action: as process 1 of a container the default action is to ignore.
 */
static void
end_at_second_signal(void)
{
	const struct sigaction end = {.sa_handler = end_at_once};
	sigset_t set;

	(void)sigaction(SIGTERM, &end, NULL);
	(void)sigaction(SIGINT, &end, NULL);
	fill_set(&set);
	(void)sigdelset(&set, SIGHUP);
	(void)sigdelset(&set, SIGUSR2);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

enum cv_signal
cv_signals_wait(int timeout_ms)
{
	const struct timespec timeout = {
	    .tv_sec = timeout_ms / 1000, .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
	sigset_t set;

	fill_set(&set);
	int number = sigtimedwait(&set, NULL, &timeout);
	if (number < 0)
		return CV_SIGNAL_NONE;
	if (number == SIGHUP)
		return CV_SIGNAL_RELOAD;
	if (number == SIGUSR2)
		return CV_SIGNAL_DUMP;
	cv_log(CV_LOG_INFO, "stopping", "finishing the requests in flight",
	    CV_LOG_TEXT("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
	end_at_second_signal();
	return CV_SIGNAL_STOP;
}
