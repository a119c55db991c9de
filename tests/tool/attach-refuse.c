/* SPDX-License-Identifier: MIT */
/* link: guardian and-arm64-linux tool/session.c tool/rings.c tool/text.c agent-image -lm */
/*
 * attach-refuse.c - what is refused, with its reason and the target untouched
 */
#include "attach-lib.h"

#include <dlfcn.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <protocol.h>

static const struct session_options no_options = { 0 };

/* Attaching to @pid fails with @err, and the reason has @word in it. */
static void check_refused(pid_t pid, int err, const char *word)
{
	struct session *s = NULL;
	int got = session_attach(&s, pid, &no_options);

	CHECK_EQ(got, err);
	CHECK(strstr(session_error(), word) != NULL);
	if (!strstr(session_error(), word))
		CHECK_STR(session_error(), word);
	if (!got)
		session_detach(s);
}

static void check_accepted(pid_t pid)
{
	struct session_probe p;
	struct session *s = NULL;
	uint64_t hits = 0;

	CHECK_EQ(session_attach(&s, pid, &no_options), 0);
	if (!s) {
		CHECK_STR(session_error(), "");
		return;
	}
	probed_probe(&p, SESSION_COUNT);
	CHECK_EQ(session_add(s, &p, 1), 1);
	for (int i = 0; i < 1000 && hits < 100; i++) {
		nap_ms(1);
		hits = session_hits(s, p.id);
	}
	CHECK(hits >= 100);
	CHECK_EQ(session_detach(s), 0);
}

/* ---- processes ----------------------------------------------------------- */

TL_TEST(no_such_process)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	check_refused(pid, -ESRCH, "no process");
}

TL_TEST(a_zombie)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	nap_ms(50);
	check_refused(pid, -ESRCH, "zombie");
	waitpid(pid, NULL, 0);
}

TL_TEST(a_kernel_thread)
{
	char comm[32] = "";
	FILE *f = fopen("/proc/2/comm", "r");

	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = 0;
		fclose(f);
	}
	if (strncmp(comm, "kthreadd", 8))
		SKIP("no kernel thread is to be seen here");
	check_refused(2, -EPERM, "kernel thread");
}

static void one_thread_more(void)
{
	pthread_t t;

	pthread_create(&t, NULL, victim_thread, NULL);
	nap_ms(20);
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	pthread_join(t, NULL);
}

/* A thread of @pid's but the first; 0: there is none. */
static pid_t another_thread(pid_t pid)
{
	struct dirent *e;
	pid_t found = 0;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (atoi(e->d_name) > 0 && atoi(e->d_name) != pid)
			found = atoi(e->d_name);
	if (d)
		closedir(d);
	return found;
}

TL_TEST(a_thread_that_is_no_process)
{
	pid_t pid = victim_start(one_thread_more), tid = 0;

	REQUIRE(pid > 0);
	for (int i = 0; i < 10000 && !tid; i++, usleep(1000))
		tid = another_thread(pid);
	REQUIRE(tid > 0);
	check_refused(tid, -EINVAL, "is a thread of process");
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(one_under_a_debugger)
{
	pid_t pid = victim_start(victim_threads);

	REQUIRE(pid > 0);
	REQUIRE(ptrace(PTRACE_SEIZE, pid, 0, 0) == 0);
	check_refused(pid, -EBUSY, "under a debugger");
	CHECK_EQ(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	waitpid(pid, NULL, __WALL);
	CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
	check_accepted(pid);
	CHECK_EQ(victim_stop(pid), 0);
}

/* The smallest program of 32 bits: pause() for ever. */
static bool write_32bit_program(const char *path)
{
	static const uint8_t code[] = {
		0xb8, 29,   0, 0, 0, /* mov $__NR_pause, %eax */
		0xcd, 0x80,	     /* int $0x80 */
		0xeb, 0xf7,	     /* jmp */
	};
	struct {
		Elf32_Ehdr e;
		Elf32_Phdr p;
		uint8_t code[sizeof(code)];
	} f = {
		.e = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32,
				     ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_entry = 0x10000000 + offsetof(__typeof__(f), code),
			.e_phoff = offsetof(__typeof__(f), p),
			.e_ehsize = sizeof(f.e),
			.e_phentsize = sizeof(f.p),
			.e_phnum = 1,
		},
		.p = {
			.p_type = PT_LOAD,
			.p_vaddr = 0x10000000,
			.p_filesz = sizeof(f),
			.p_memsz = sizeof(f),
			.p_flags = PF_R | PF_X,
			.p_align = 4096,
		},
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	bool ok;

	memcpy(f.code, code, sizeof(code));
	ok = fd >= 0 && write(fd, &f, sizeof(f)) == sizeof(f);
	if (fd >= 0)
		close(fd);
	return ok;
}

TL_TEST(a_32_bit_program)
{
	char path[64];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/tmp/attach-refuse-%d", getpid());
	REQUIRE(write_32bit_program(path));
	pid = fork();
	if (pid == 0) {
		execl(path, path, NULL);
		_exit(99);
	}
	nap_ms(50);
	unlink(path);
	if (waitpid(pid, &status, WNOHANG) == pid)
		SKIP("this kernel runs no 32-bit programs");
	check_refused(pid, -ENOEXEC, "32-bit");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TL_TEST(a_process_of_somebody_else)
{
	pid_t pid, tool;
	int status = -1;

	if (geteuid())
		SKIP("needs root, to be somebody else");
	pid = victim_start(victim_threads);
	REQUIRE(pid > 0);
	tool = fork();
	if (tool == 0) {
		struct session *s;

		if (setgid(65534) || setuid(65534))
			_exit(9);
		if (session_attach(&s, pid, &no_options) != -EPERM)
			_exit(1);
		_exit(strstr(session_error(), "as root") ? 0 : 2);
	}
	waitpid(tool, &status, 0);
	CHECK_EQ(status, 0);
	CHECK(still_right(pid));
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- seccomp ------------------------------------------------------------- */

static unsigned int forbidden_call;

/* Everything is allowed but one call, which fails. */
static void filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forbidden_call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { TL_ARRAY_SIZE(code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		shared->wrong++;
	victim_threads();
}

TL_TEST(a_seccomp_filter_is_asked_for_every_call_of_ours)
{
	static const struct {
		const char *name;
		unsigned int nr;
		bool fits;
	} * c, cases[] = {
		{ "getcpu", SYS_getcpu, true },
		{ "clone", SYS_clone, false },
		{ "mmap", SYS_mmap, false },
		{ "memfd_create", SYS_memfd_create, false },
		{ "wait4", SYS_wait4, false },
	};
	pid_t pid;

	if (geteuid())
		SKIP("needs root, to read filters");
	for_each_row(c, cases) {
		ROW(c->name);
		forbidden_call = c->nr;
		/* Its threads are made by clone3; mmap is used before. */
		if (c->nr == SYS_mmap || c->nr == SYS_clone)
			continue;
		pid = victim_start(filtered);
		REQUIRE(pid > 0);
		if (c->fits)
			check_accepted(pid);
		else
			check_refused(pid, -EPERM, c->name);
		CHECK(still_right(pid));
		CHECK_EQ(victim_stop(pid), 0);
	}
}

static void strict(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		victim_round(1, 1000);
	syscall(SYS_exit, 0);
}

TL_TEST(a_filter_may_forbid_what_events_need)
{
	const struct session_options events = { .events = true };
	struct session *s;
	pid_t pid;

	if (geteuid())
		SKIP("needs root, to read filters");
	forbidden_call = SYS_process_vm_readv;
	pid = victim_start(filtered);
	REQUIRE(pid > 0);
	check_accepted(pid);
	CHECK_EQ(session_attach(&s, pid, &events), -EPERM);
	CHECK(strstr(session_error(), "process_vm_readv") != NULL);
	CHECK(still_right(pid));
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(strict_seccomp)
{
	pid_t pid = victim_start(strict);

	REQUIRE(pid > 0);
	nap_ms(20);
	check_refused(pid, -EPERM, "strict seccomp");
	CHECK(still_right(pid));
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- targets that can make no process ------------------------------------ */

static unsigned int process_limit;

static void work_alone(void)
{
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		victim_round(1, 200);
		usleep(500);
	}
}

static void with_few_processes(void)
{
	struct rlimit few = { process_limit, process_limit };

	if (setrlimit(RLIMIT_NPROC, &few) || setgid(64123) || setuid(64123))
		shared->wrong++;
	work_alone();
}

/* No child of @pid's, dead or alive. */
static bool childless(pid_t pid)
{
	char path[64], list[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "r");
	if (!f)
		return true;
	if (!fgets(list, sizeof(list), f))
		list[0] = '\0';
	fclose(f);
	return list[0] == '\0';
}

TL_TEST(no_further_process_and_no_byte_is_left)
{
	static const struct {
		const char *name;
		unsigned int limit;
	} * c, cases[] = {
		{ "none", 1 },
		{ "one, of two", 2 },
	};
	char *maps;
	pid_t pid;

	if (geteuid())
		SKIP("needs root, to be somebody with a limit");
	for_each_row(c, cases) {
		ROW(c->name);
		process_limit = c->limit;
		pid = victim_start(with_few_processes);
		REQUIRE(pid > 0);
		maps = maps_text(pid);
		for (int i = 0; i < 2; i++) {
			check_refused(pid, -ECHILD, "RLIMIT_NPROC");
			CHECK_EQ(text_differs(pid), 0);
			CHECK(copied_text_kb(pid) <= 4);
			CHECK_EQ(session_clean(pid), 0);
			CHECK_EQ(text_differs(pid), 0);
			CHECK(childless(pid));
		}
		CHECK(maps_same(pid, maps, 0));
		free(maps);
		CHECK(still_right(pid));
		CHECK_EQ(victim_stop(pid), 0);
	}
}

/*
 * At go 1, its children are to be in a namespace of their own; at 2 it makes
 * the first one, which stays until the end.
 */
static void new_namespace(void)
{
	pid_t child = 0;

	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		uint32_t go = __atomic_load_n(&shared->go, __ATOMIC_ACQUIRE);

		victim_round(1, 200);
		usleep(500);
		if (go == shared->extra[0])
			continue;
		if (go == 1 && unshare(CLONE_NEWPID))
			shared->wrong++;
		if (go == 2) {
			child = fork();
			while (!child)
				pause();
			if (child < 0)
				shared->wrong++;
		}
		__atomic_store_n(&shared->extra[0], go, __ATOMIC_RELEASE);
	}
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

static bool go_on(uint32_t step)
{
	__atomic_store_n(&shared->go, step, __ATOMIC_RELEASE);
	return await_word(&shared->extra[0], step, 3000);
}

TL_TEST(the_first_process_of_a_namespace_is_not_ours)
{
	pid_t pid;

	if (geteuid())
		SKIP("needs root, for a new namespace");
	pid = victim_start(new_namespace);
	REQUIRE(pid > 0);
	REQUIRE(go_on(1));
	check_refused(pid, -ECHILD, "CLONE_NEWPID");
	CHECK_EQ(text_differs(pid), 0);
	CHECK_EQ(copied_text_kb(pid), 0);
	CHECK(go_on(2));
	CHECK(still_right(pid));
	check_accepted(pid);
	CHECK_EQ(text_differs(pid), 0);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(a_new_namespace_while_attached)
{
	struct session_probe p;
	struct session *s;
	char *maps;
	pid_t pid;

	if (geteuid())
		SKIP("needs root, for a new namespace");
	pid = victim_start(new_namespace);
	REQUIRE(pid > 0);
	maps = maps_text(pid);
	REQUIRE(session_attach(&s, pid, &no_options) == 0);
	probed_probe(&p, SESSION_COUNT);
	CHECK_EQ(session_add(s, &p, 1), 1);
	CHECK(go_on(1));
	CHECK_EQ(session_detach(s), 0);
	CHECK_EQ(text_differs(pid), 0);
	CHECK_EQ(copied_text_kb(pid), 0);
	CHECK(maps_same(pid, maps, 0));
	CHECK(go_on(2));
	CHECK(still_right(pid));
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

/* The guardian is dead, and so is its worker: text needs neither. */
TL_TEST(text_is_put_back_where_no_worker_can_be_made)
{
	struct session_view view;
	struct session_probe p;
	struct session *s;
	char *maps;
	pid_t pid;

	if (geteuid())
		SKIP("needs root, for a new namespace");
	pid = victim_start(new_namespace);
	REQUIRE(pid > 0);
	maps = maps_text(pid);
	REQUIRE(session_attach(&s, pid, &no_options) == 0);
	probed_probe(&p, SESSION_TIME);
	CHECK_EQ(session_add(s, &p, 1), 1);
	CHECK(go_on(1));
	CHECK_EQ(session_look(pid, &view), 1);
	REQUIRE(view.guardian > 0);
	CHECK_EQ(kill(view.guardian, SIGKILL), 0);
	session_view_free(&view);
	nap_ms(50);
	CHECK(text_differs(pid) > 0);
	CHECK_EQ(session_detach(s), -ECHILD);
	CHECK(strstr(session_error(), "stay mapped") != NULL);
	CHECK_EQ(text_differs(pid), 0);
	CHECK(still_right(pid));
	CHECK_EQ(session_look(pid, &view), 1);
	CHECK_EQ(view.n, 1);
	CHECK_EQ(view.guardian, 0);
	CHECK(view.n && view.probes[0].kind == SESSION_NOT_ARMED);
	session_view_free(&view);
	CHECK_EQ(session_clean(pid), -ECHILD);
	CHECK_EQ(text_differs(pid), 0);
	/* Its child has our memory, too, and goes with it. */
	CHECK(go_on(2));
	CHECK_EQ(session_clean(pid), 1);
	CHECK_EQ(text_differs(pid), 0);
	CHECK_EQ(copied_text_kb(pid), 0);
	CHECK(maps_same(pid, maps, 0));
	CHECK(still_right(pid));
	free(maps);
	CHECK_EQ(victim_stop(pid), 0);
}

/* ---- probes -------------------------------------------------------------- */

/* What becomes of one probe: its err; the reason is in session_error(). */
static int try_probe(pid_t pid, void *addr, enum session_action action,
		     const char *name)
{
	struct session_probe p = {
		.addr = (uint64_t)(uintptr_t)addr,
		.start = (uint64_t)(uintptr_t)addr,
		.end = (uint64_t)(uintptr_t)addr + 16,
		.action = action,
	};
	struct session *s;

	snprintf(p.name, sizeof(p.name), "%s", name);
	if (session_attach(&s, pid, &no_options))
		return 1;
	CHECK_EQ(session_add(s, &p, 1), 0);
	CHECK_EQ(p.kind, SESSION_NOT_ARMED);
	CHECK(session_error()[0]);
	if (session_detach(s))
		return 2;
	return p.err;
}

TL_TEST(addresses_without_code)
{
	pid_t pid = victim_start(victim_threads);

	REQUIRE(pid > 0);
	CHECK_EQ(try_probe(pid, shared, SESSION_COUNT, "data"), -ENOENT);
	CHECK(strstr(session_error(), "no code"));
	CHECK_EQ(try_probe(pid, (void *)16, SESSION_COUNT, "nothing"), -ENOENT);
	CHECK(still_right(pid));
	CHECK_EQ(victim_stop(pid), 0);
}

/* Works in a process that has C++'s library, or not. */
static bool with_cxx;

static void maybe_cxx(void)
{
	if (with_cxx && !dlopen("libstdc++.so.6", RTLD_NOW))
		shared->wrong++;
	victim_threads();
}

TL_TEST(times_where_an_exception_may_pass)
{
	pid_t pid;

	/* libc has exception handlers, for its cancellation. */
	with_cxx = true;
	pid = victim_start(maybe_cxx);
	REQUIRE(pid > 0);
	if (shared->wrong) {
		shared->wrong = 0;
		victim_stop(pid);
		SKIP("there is no libstdc++ here");
	}
	/* It leaves for wherever it is told to: its exits are not certain.  */
	CHECK_EQ(try_probe(pid, (void *)setcontext, SESSION_TIME, "setcontext"),
		 -EOPNOTSUPP);
	CHECK_EQ(victim_stop(pid), 0);
}

TL_TEST(more_probes_than_there_is_room_for)
{
	pid_t pid = victim_start(victim_threads);
	struct session_probe *p = calloc(TL_MAX_PROBES + 1, sizeof(*p));
	struct session *s;

	REQUIRE(pid > 0 && p);
	REQUIRE(session_attach(&s, pid, &no_options) == 0);
	CHECK_EQ(session_add(s, p, TL_MAX_PROBES + 1), -ENOSPC);
	CHECK_EQ(session_detach(s), 0);
	free(p);
	CHECK_EQ(victim_stop(pid), 0);
}
