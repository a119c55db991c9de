/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what the portable part of the kernel asks of a processor
 *
 * Each folder beside core/ implements every function here.
 */
#ifndef KERN_ARCH_H
#define KERN_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERN_MAX_CPUS  8
#define KERN_PAGE_SIZE 4096u

struct pt_regs;
struct thread;

/* A piece of usable physical memory. */
struct mem_range {
	uint64_t base;
	uint64_t size;
};

/* How the machine is left; the values are the exit statuses of QEMU. */
enum exit_status {
	EXIT_PASS = 33,
	EXIT_FAIL = 3,
	EXIT_PANIC = 255,
};

/*
 * Set up, in this order: exceptions and this CPU's own block; the final page
 * tables, once pages can be had; the interval timer, with interrupts on.
 * Context: boot, one CPU.
 */
void arch_early_init(void);
void arch_mmu_init(void);
void arch_timer_init(void);

/* Memory the boot loader reported, without the kernel's own.  Boot only. */
size_t arch_memory(struct mem_range *ranges, size_t max);

/* The command line, "" when there is none.  Context: any. */
const char *arch_command_line(void);

/* Leave the machine.  Context: any. */
void arch_exit(enum exit_status status) __attribute__((noreturn));

/* Send @len bytes to the serial console.  Context: any. */
void arch_console_write(const char *s, size_t len);

/* A character from it, or -1: nothing was typed.  Context: task. */
int arch_console_read(void);

/* Turn interrupts off and return the old state; restore that state. */
unsigned long arch_irq_save(void);
void arch_irq_restore(unsigned long flags);

/* Wait for an interrupt, with interrupts on while waiting.  Context: task. */
void arch_wait_for_interrupt(void);

/* The hint of a spin loop.  Context: any. */
void arch_cpu_relax(void);

/* The number of the CPU that runs this, from 0.  Context: any. */
unsigned int arch_cpu_id(void);

/* Where a physical address is seen in the kernel's direct map. */
void *arch_phys_to_virt(uint64_t phys);
uint64_t arch_virt_to_phys(const void *direct);

/* Print @regs.  Context: any. */
void arch_show_regs(const struct pt_regs *regs);

/*
 * Step from one stack frame to its caller's.  *@fp is a frame pointer (0: that
 * of the caller); returns the return address stored in that frame and moves
 * *@fp on, or 0 at the end.  Reads only memory that can be read.
 */
uintptr_t arch_next_frame(uintptr_t *fp);

/* The frame pointer and the address at which @regs was interrupted. */
uintptr_t arch_regs_fp(const struct pt_regs *regs);
uintptr_t arch_regs_ip(const struct pt_regs *regs);
void arch_regs_set_ip(struct pt_regs *regs, uintptr_t ip);

/* Was the kernel interrupted, and not a user task? */
bool arch_regs_kernel(const struct pt_regs *regs);

/* A counter of this CPU that goes on at a constant rate.  Context: any. */
uint64_t arch_counter(void);

/*
 * Store @value at @to, where there are @room bytes, as the relocation @type of an
 * object file wants it; it will be at @place.  0; -ENOEXEC: no such type is known here;
 * -ERANGE: it does not fit.  Context: task.
 */
int arch_relocate(uint32_t type, void *to, size_t room, uintptr_t place,
		  uint64_t value);

/* ---- several CPUs ------------------------------------------------------------ */

/* How many CPUs the machine has; start those but this one.  Boot only. */
unsigned int arch_nr_cpus(void);
void arch_start_cpus(void);

/* This CPU's timer, TICK_HZ interrupts a second; boot only, calibrates once. */
void arch_cpu_timer_init(void);

/* Interrupt all other CPUs to serve calls; CPU @cpu to look for threads. */
void arch_send_call(void);
void arch_send_look(unsigned int cpu);

/*
 * An interrupt that cannot be masked, to CPU @cpu.  Was the one that has come to
 * this CPU such a one?
 */
void arch_send_nmi(unsigned int cpu);
bool arch_nmi_was_sent(void);

/*
 * Make each tick of the interval timer such an interrupt for the first CPU, as
 * well as the ordinary one; or no more.  Context: task.
 */
void arch_tick_by_nmi(bool on);

/* Raise, on this CPU, the interrupt that is there for tests. */
void arch_send_test(void);

/* ---- threads ----------------------------------------------------------------- */

/*
 * The stack of slot @slot, between two guards; mapped and zeroed at the first
 * use.  false: no memory.  Context: task.
 */
bool arch_thread_stack(unsigned int slot, uintptr_t *low, uintptr_t *high);

/*
 * The registers of @t's user task, as they were when it left user mode; they lie
 * above the kernel stack of @t.  Context: any.
 */
struct pt_regs *arch_user_regs(const struct thread *t);

/* Let @t begin at thread_begin() when it is switched to. */
void arch_thread_prepare(struct thread *t);

/* Go on as @next.  Returns when somebody switches to the caller again. */
void arch_switch(struct thread *prev, struct thread *next);

/* Are interrupts on?  Turn them on.  Context: any. */
bool arch_irqs_on(void);
void arch_irqs_enable(void);

/* ---- user mode ----------------------------------------------------------------- */

struct user_regs;

/* Run in user mode as @regs say, on the calling thread's way.  Does not return. */
void arch_enter_user(struct pt_regs *regs) __attribute__((noreturn));

/*
 * The registers as a debugger sees them; and as it wants them, -EINVAL if user
 * mode cannot be entered so.  What a task may not decide stays as it is.
 */
void arch_user_get(const struct pt_regs *regs, struct user_regs *out);
int arch_user_set(struct pt_regs *regs, const struct user_regs *in);

/* The result of a system call. */
void arch_user_result(struct pt_regs *regs, long result);

/* Trap after the next instruction, or no longer; is that so? */
void arch_user_step(struct pt_regs *regs, bool on);
bool arch_user_steps(const struct pt_regs *regs);

/*
 * Put the registers and @mask on the user's stack and let @regs call
 * @handler(@sig), which returns to @restorer; and take them back.  -EFAULT: the
 * stack cannot be used; -EINVAL: as arch_user_set().  Context: task.
 */
int arch_user_call(struct pt_regs *regs, int sig, uintptr_t handler,
		   uintptr_t restorer, uint32_t mask);
int arch_user_return(struct pt_regs *regs, uint32_t *mask);

#endif
