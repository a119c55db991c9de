/* SPDX-License-Identifier: MIT */
/* limit: 240 */
/* link: guardian and-arm64-linux tool/session.c tool/rings.c tool/text.c agent-image -lm */
/*
 * attach-kill.c - the tool, the guardian, or both are killed at each point
 */
#include "attach-lib.h"

/* As of a marker; others are interested, too. */
#define SEMAPHORE 7
static uint16_t semaphore = SEMAPHORE;

static unsigned int semaphore_of(pid_t target)
{
	uint16_t value = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", target);
	fd = open(path, O_RDONLY);
	if (pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&semaphore) != 2)
		value = 0;
	close(fd);
	return value;
}

/* What a tool does: attach, arm both kinds, look, detach. */
static void be_the_tool(pid_t target)
{
	struct session_options opt = { 0 };
	struct session_probe p[2];
	struct session *s;

	if (session_attach(&s, target, &opt))
		_exit(2);
	probed_probe(&p[0], SESSION_COUNT);
	p[0].semaphore = (uint64_t)(uintptr_t)&semaphore;
	isle_probe(&p[1]);
	if (session_add(s, p, 2) != 2 || p[1].kind != ISLE_KIND) {
		session_detach(s);
		_exit(3);
	}
	nap_ms(3);
	if (semaphore_of(target) != SEMAPHORE + 1) {
		session_detach(s);
		_exit(5);
	}
	_exit(session_detach(s) ? 4 : 0);
}

static void be_the_timer(pid_t target)
{
	struct session_options opt = { 0 };
	struct session_probe p;
	struct session *s;

	if (session_attach(&s, target, &opt))
		_exit(2);
	probed_probe(&p, SESSION_TIME);
	p.semaphore = (uint64_t)(uintptr_t)&semaphore;
	if (session_add(s, &p, 1) != 1) {
		session_detach(s);
		_exit(3);
	}
	nap_ms(3);
	if (semaphore_of(target) != SEMAPHORE + 1) {
		session_detach(s);
		_exit(5);
	}
	_exit(session_detach(s) ? 4 : 0);
}

/* Joins, with events, arms at the same address, leaves: its exit status. */
static int be_the_second(pid_t target)
{
	struct session_options opt = { .events = true };
	struct session_probe p[2];
	struct session *s;

	if (session_attach(&s, target, &opt))
		return 2;
	probed_probe(&p[0], SESSION_COUNT);
	probed_probe(&p[1], SESSION_TIME);
	p[0].semaphore = p[1].semaphore = (uint64_t)(uintptr_t)&semaphore;
	if (session_add(s, p, 2) != 2) {
		session_detach(s);
		return 3;
	}
	nap_ms(3);
	return session_detach(s) ? 4 : 0;
}

/* Wait for the other tool; its wait status. */
static int wait_for_it(pid_t other)
{
	int status = -1;

	for (int i = 0; i < 8000 && waitpid(other, &status, WNOHANG) != other;
	     i++)
		nap_ms(1);
	return status;
}

/*
 * A session of ours, during which another tool joins.  5: that has failed; 6: ours
 * does not count any more.
 */
static void be_the_first(pid_t target)
{
	const char *at = getenv("TRAPLINE_KILL_TOOL");
	struct session_options opt = { 0 };
	struct session_probe p;
	struct session *s;
	uint64_t hits;
	int status;
	pid_t other;

	unsetenv("TRAPLINE_KILL_TOOL");
	if (session_attach(&s, target, &opt))
		_exit(2);
	probed_probe(&p, SESSION_COUNT);
	if (session_add(s, &p, 1) != 1) {
		session_detach(s);
		_exit(3);
	}
	other = fork();
	if (other == 0) {
		setenv("TRAPLINE_KILL_TOOL", at, 1);
		_exit(be_the_second(target));
	}
	status = wait_for_it(other);
	hits = session_hits(s, p.id);
	for (int i = 0; i < 2000 && session_hits(s, p.id) == hits; i++)
		nap_ms(1);
	if (session_state(s) == SESSION_ALIVE && session_hits(s, p.id) == hits)
		_exit(6);
	if (session_state(s) == SESSION_ALIVE && atoi(at) == 0 && status)
		_exit(5);
	_exit(session_detach(s) ? 4 : 0);
}

/* Run @tool with the two kill points; its wait status. */
static int run_tool(void (*tool)(pid_t), pid_t target, unsigned int tool_at,
		    unsigned int guardian_at)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char n[16];

		snprintf(n, sizeof(n), "%u", tool_at);
		setenv("TRAPLINE_KILL_TOOL", n, 1);
		snprintf(n, sizeof(n), "%u", guardian_at);
		setenv("TRAPLINE_KILL_POINT", n, 1);
		tool(target);
	}
	for (int i = 0; i < 10000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nap_ms(1);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

/*
 * The test adopts what the tool leaves: wait until all but @target is gone,
 * for at most @ms.
 */
static bool await_others(pid_t target, unsigned int ms)
{
	char path[64], text[256] = "";
	pid_t other;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	for (unsigned int i = 0; i < ms; i++) {
		bool alone = true;
		char *at = text, *next;

		f = fopen(path, "r");
		if (!f)
			return false;
		if (!fgets(text, sizeof(text), f))
			text[0] = 0;
		fclose(f);
		for (; (other = (pid_t)strtol(at, &next, 10)) > 0; at = next)
			if (other != target &&
			    waitpid(other, NULL, WNOHANG | __WALL) != other)
				alone = false;
		if (alone)
			return true;
		nap_ms(1);
	}
	return false;
}

static pid_t start_target(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return victim_start(victim_threads);
}

static void check_clean(pid_t target, const char *maps)
{
	CHECK(maps_same(target, maps, 0));
	CHECK(text_same(target));
	CHECK_EQ(copied_text_kb(target), 0);
	CHECK(still_right(target));
	CHECK_EQ(shared->wrong, 0);
	CHECK_EQ(semaphore_of(target), SEMAPHORE);
}

TL_TEST(nothing_is_left_two_seconds_after_the_tool_was_killed)
{
	pid_t target = start_target();
	char *maps, name[32];

	REQUIRE(target > 0);
	maps = maps_text(target);
	for (unsigned int n = 1; n <= 8; n++) {
		snprintf(name, sizeof(name), "tool at %u", n);
		ROW(name);
		CHECK(WIFSIGNALED(run_tool(be_the_tool, target, n, 0)));
		CHECK(await_others(target, 2000));
		check_clean(target, maps);
	}
	CHECK_EQ(victim_stop(target), 0);
	free(maps);
}

TL_TEST(the_tool_cleans_up_after_its_guardian)
{
	pid_t target = start_target();
	char *maps, name[32];
	int status;

	REQUIRE(target > 0);
	maps = maps_text(target);
	for (unsigned int n = 1; n <= SESSION_KILL_POINTS; n++) {
		snprintf(name, sizeof(name), "guardian at %u", n);
		ROW(name);
		status = run_tool(n & 1 ? be_the_tool : be_the_timer, target, 0,
				  n);
		CHECK(WIFEXITED(status));
		CHECK(await_others(target, 2000));
		check_clean(target, maps);
	}
	CHECK_EQ(victim_stop(target), 0);
	free(maps);
}

TL_TEST(detach_cleans_up_after_both_were_killed)
{
	pid_t target = start_target();
	char *maps, name[32];

	REQUIRE(target > 0);
	maps = maps_text(target);
	for (unsigned int n = 1; n <= SESSION_KILL_POINTS; n++) {
		snprintf(name, sizeof(name), "both at %u", n);
		ROW(name);
		run_tool(n & 1 ? be_the_timer : be_the_tool, target, 9, n);
		CHECK(await_others(target, 2000));
		/* With nobody there the target goes on, probes or not. */
		CHECK(still_right(target));
		CHECK(session_clean(target) >= 0);
		check_clean(target, maps);
		CHECK_EQ(session_clean(target), 0);
	}
	CHECK_EQ(victim_stop(target), 0);
	free(maps);
}

TL_TEST(a_session_goes_on_when_another_ones_tool_is_killed)
{
	pid_t target = start_target();
	char *maps, name[32];

	REQUIRE(target > 0);
	maps = maps_text(target);
	for (unsigned int n = 0; n <= 8; n++) {
		snprintf(name, sizeof(name), "second tool at %u", n);
		ROW(name);
		CHECK_EQ(run_tool(be_the_first, target, n, 0), 0);
		CHECK(await_others(target, 2000));
		check_clean(target, maps);
	}
	CHECK_EQ(victim_stop(target), 0);
	free(maps);
}

TL_TEST(two_tools_clean_up_after_the_guardian_of_both)
{
	pid_t target = start_target();
	char *maps, name[32];
	int status;

	REQUIRE(target > 0);
	maps = maps_text(target);
	for (unsigned int n = 23; n <= SESSION_KILL_POINTS; n++) {
		/* From where a session begins to where it has left. */
		if (n == 28)
			n = 51;
		snprintf(name, sizeof(name), "guardian at %u", n);
		ROW(name);
		status = run_tool(be_the_first, target, 0, n);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 6);
		CHECK(await_others(target, 2000));
		check_clean(target, maps);
	}
	CHECK_EQ(victim_stop(target), 0);
	free(maps);
}
