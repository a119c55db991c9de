/* SPDX-License-Identifier: MIT */
/*
 * init.c - the first program of the Linux guests: does what /script says
 *
 *	insmod FILE [PARAMETER=VALUE...]   load a module
 *	rmmod NAME                         unload it
 *	write PATH TEXT                    TEXT and a newline, into a file
 *	cat PATH                           show a file
 *	run PROGRAM [ARGUMENT...]          wait for it; it must end with 0
 *	sleep MILLISECONDS
 *
 * As `/init write PATH TEXT', which a module may start, it does that alone.
 *
 * The first command that fails is named, and ends it with status 1.  `!' before a
 * command turns that round: it must fail.  The status leaves the machine, as 16 +
 * status, by QEMU's isa-debug-exit port, on arm64 by a call to what debugs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <sys/io.h>
#endif
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_PORT 0xf4
#define MAX_WORDS 32

static void leave_machine(int status)
{
#ifdef __x86_64__
	if (ioperm(EXIT_PORT, 1, 1) == 0)
		outb((unsigned char)status, EXIT_PORT);
#else
	/* SYS_EXIT of Arm's semihosting: the application has ended, with this. */
	unsigned long block[] = { 0x20026, (unsigned long)status };
	register unsigned long call __asm__("x0") = 0x18;
	register unsigned long *with __asm__("x1") = block;

	__asm__ volatile("hlt #0xf000" : "+r"(call) : "r"(with) : "memory");
#endif
}

static void leave(int status)
{
	fflush(stdout);
	sync();
	leave_machine(16 + status);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* Each of these returns 0, or -1 with errno. */

static int do_insmod(char *file, char *params)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -1;
	err = (int)syscall(SYS_finit_module, fd, params, 0);
	close(fd);
	return err;
}

static int do_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	char line[len + 1];
	ssize_t n;

	if (fd < 0)
		return -1;
	memcpy(line, text, len);
	line[len] = '\n';
	n = write(fd, line, len + 1);
	close(fd);
	return n < 0 ? -1 : 0;
}

static int do_cat(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	close(fd);
	fflush(stdout);
	return n < 0 ? -1 : 0;
}

static int do_run(char *words)
{
	char *argv[MAX_WORDS + 1];
	int n = 0, status;
	pid_t pid;

	for (char *w = strtok(words, " "); w && n < MAX_WORDS;
	     w = strtok(NULL, " "))
		argv[n++] = w;
	argv[n] = NULL;
	if (n == 0) {
		errno = EINVAL;
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	errno = ECHILD;
	return status ? -1 : 0;
}

/* @rest is what follows the command's word and one blank: "" if nothing does. */
static int command(const char *word, char *rest)
{
	char *second = rest + strcspn(rest, " ");

	if (strcmp(word, "cat") == 0)
		return do_cat(rest);
	if (strcmp(word, "run") == 0)
		return do_run(rest);
	if (strcmp(word, "rmmod") == 0)
		return (int)syscall(SYS_delete_module, rest, O_NONBLOCK);
	if (strcmp(word, "sleep") == 0)
		return usleep((useconds_t)atoi(rest) * 1000);
	if (*second)
		*second++ = '\0';
	if (strcmp(word, "insmod") == 0)
		return do_insmod(rest, second);
	if (strcmp(word, "write") == 0)
		return do_write(rest, second);
	errno = ENOSYS;
	return -1;
}

/* Do one line; is it as wanted? */
static int line_is_done(char *line)
{
	char shown[256], *rest;
	int turned, err;

	line[strcspn(line, "\n")] = '\0';
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 1;
	turned = *line == '!';
	if (turned)
		line += 1 + strspn(line + 1, " ");
	snprintf(shown, sizeof(shown), "%s", line);
	rest = line + strcspn(line, " ");
	if (*rest)
		*rest++ = '\0';
	err = command(line, rest);
	if (err)
		printf("init: %s: %s\n", shown, strerror(errno));
	if (!!err == turned)
		return 1;
	if (!err)
		printf("init: %s: did not fail\n", shown);
	return 0;
}

int main(int argc, char **argv)
{
	char line[1024];
	FILE *script;
	int ok = 1;

	if (argc == 4 && strcmp(argv[1], "write") == 0)
		return do_write(argv[2], argv[3]) ? errno : 0;
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	/* What modules print is shown; what the kernel says at boot was not. */
	do_write("/proc/sys/kernel/printk", "8");

	script = fopen("/script", "r");
	if (!script) {
		perror("init: /script");
		leave(1);
	}
	while (ok && fgets(line, sizeof(line), script))
		ok = line_is_done(line);
	leave(!ok);
}
