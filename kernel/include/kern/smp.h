/* SPDX-License-Identifier: MIT */
/* smp.h - several CPUs: calling them, stopping them, watching them */
#ifndef KERN_SMP_H
#define KERN_SMP_H

#include <stdbool.h>
#include <stdint.h>

struct pt_regs;

/* Start the other CPUs, and the timer of each.  Boot only. */
void smp_init(void);

/* This CPU has come up.  Context: its start code. */
void smp_online(void);

/* How many CPUs run; they are numbered from 0. */
unsigned int smp_cpus(void);

/*
 * Have every other CPU call @fn(@arg) from an interrupt; returns when all have.
 * Context: any but a trap; no spinlock may be held.  Not while the others are
 * stopped.
 */
void cpu_call_others(void (*fn)(void *arg), void *arg);

/*
 * Stop the other CPUs, each in an interrupt at an instruction of its own, and let
 * them go.  In between, interrupts are off and nobody else runs; who stands
 * where is in threads[].frames.  When they go on, each has executed a
 * serializing instruction.  Does not nest: a stop within a stop is a panic.
 * Context: task; no spinlock may be held.
 */
void stop_others(void);
void start_others(void);

/* Has this CPU stopped the others?  Context: any. */
bool others_are_stopped(void);

/* stop_others(), @fn(@arg), start_others(); returns what @fn returned. */
int stop_machine(int (*fn)(void *arg), void *arg);

/* Do what another CPU has asked this one to do.  Context: trap. */
void cpu_serve_calls(void);

/*
 * Watch the other CPUs, once for each tick of this one; a CPU that makes no tick for
 * so many of ours is interrupted by an NMI, and the kernel ends saying where it
 * was.  0: nobody is watched.  Context: trap; task.
 */
void watchdog_tick(const struct pt_regs *regs);
void watchdog_set_ms(unsigned int ms);

/* An NMI: was this CPU told to say where it is?  Context: trap. */
bool watchdog_nmi(const struct pt_regs *regs);

/*
 * An NMI that nobody has sent: a tick of the interval timer.  The first CPU looks
 * whether it itself still makes ticks: it may be the only one, or the others
 * may be locked up, too.  Context: trap.
 */
void watchdog_nmi_tick(const struct pt_regs *regs);

#endif
