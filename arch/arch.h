/* SPDX-License-Identifier: MIT */
/*
 * arch.h - what an architecture must provide
 *
 * The engine knows addresses, bytes and lists; everything that knows an
 * instruction stands behind the functions below.  They are pure: they compute
 * bytes and change registers that are handed to them, and the engine does all
 * writing of text through the host.
 *
 * A probed instruction has up to two copies:
 *
 *     slot     behind a breakpoint: the one instruction, then a jump back.
 *              The trap handler has already called the pre handlers, but
 *              where TL_EMIT_PRE asks the slot to.
 *     detour   behind a jump: test the gate, count or call the pre handlers,
 *              the instructions that the jump covers, then a jump back.
 *
 * After the first instruction of either, the post handlers are called where
 * TL_EMIT_POST asks for it: by a jump from the copy, never by a second trap.
 *
 * isa.h, in the folder of each architecture, defines
 *
 *     struct tl_plan         what was found out about the code at an address;
 *                            has at least the members
 *                              uint8_t orig[], orig_len  the bytes that the
 *                                            jump covers, or the instruction
 *                              uint8_t insn_len          of the first one
 *                              uint8_t window_len        what a jump covers, 0:
 *                                                        no jump is possible
 *                              enum tl_why why           why not, if so; with
 *                                                        an island, why not
 *                                                        without
 *                              bool island               the jump leads to an
 *                                                        island, and that to
 *                                                        the detour
 *     TL_SLOT_BYTES, TL_DETOUR_BYTES    the most that emit can need
 *     TL_BREAKPOINT_BYTES    length of a breakpoint
 *     TL_ISLAND_BYTES        length of an island
 *     TL_JUMP_REACH          how far, in bytes, a detour may lie from its probe
 */
#ifndef TL_ARCH_H
#define TL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <isa.h>
#include <trapline/host.h>
#include <trapline/kprobes.h>

struct pt_regs;

/* ---- what the engine gives the architecture -------------------------------- */

/*
 * Read program text as if no probe of ours were in it.  0 or -TL_EFAULT.
 * Context: task.
 */
int tl_text_read(void *dst, uintptr_t src, size_t len);

/*
 * Changes at least as often as what tl_text_read() reads may have changed: with
 * each hold of the registration lock.  Context: task.
 */
unsigned long tl_text_time(void);

/*
 * Called by detours and slots, with the registers of the interrupted code as a
 * pre handler sees them.  Context: trap, in the stack of the interrupted code.
 *
 * tl_detour_pre: 0: go on with the copy.  Else a handler has changed the course:
 * go on where tl_trap_resume() says for the instruction pointer in @regs; nothing
 * of the copy is executed.
 * tl_detour_post: go on at the instruction pointer in @regs, which the caller
 * set to the instruction after the probed one.
 * tl_return_hit: a followed function returned to the trampoline; the answer is
 * the address where it would have returned.
 * @cx of all: what tlh_context() says.  (The caller asks, because it has nothing to
 * keep meanwhile.)
 */
int tl_detour_pre(struct tl_context *cx, struct pt_regs *regs,
		  struct tl_point *point);
void tl_detour_post(struct tl_context *cx, struct pt_regs *regs,
		    struct tl_point *point);
unsigned long tl_return_hit(struct tl_context *cx, struct pt_regs *regs);

/* ---- deciding --------------------------------------------------------------- */

/*
 * Find out how the instruction at @addr can be probed.  [@start, @end) is the
 * function around it, both 0 if nobody knows.  0, or Linux's code for an
 * instruction that cannot be:
 * -TL_EILSEQ not a boundary, or a trap of the program's own; -TL_EINVAL,
 * -TL_EOPNOTSUPP: instructions that cannot be moved; -TL_ENOENT: no memory there.
 * Sets all of @plan; if it is refused plan->why alone, TL_WHY_NONE if the code
 * says it all.  @least: a jump is to displace so many bytes, if these are more than
 * it needs: the `lead` of an exit, or 0.  Context: task.
 */
int tl_arch_plan(struct tl_plan *plan, uintptr_t addr, uintptr_t start,
		 uintptr_t end, unsigned int least);

/*
 * The place nearest to @addr, of those that are not refused with
 * TL_WHY_EXCLUSIVE, or 0.  The bounds as above.  Context: task.
 */
uintptr_t tl_arch_near(uintptr_t addr, uintptr_t start, uintptr_t end);

/* An instruction at which a function returns. */
struct tl_exit {
	uintptr_t ret;
	/* Code that runs straight to it begins so many bytes before it. */
	unsigned int lead;
	unsigned int pops; /* bytes of the stack, beside the return address */
	/* The code around it: another function's, which is called at the end? */
	uintptr_t start;
	uintptr_t end;
	bool tail;
};

#define TL_EXITS_MAX 24

/*
 * Give back the memory in which tl_arch_plan() keeps what it found out about a
 * function.  Context: task.
 */
void tl_arch_forget(void);

/*
 * At which instructions does the function [@start, @end) return, whose calls begin
 * at @entry?  Where that is behind @start, the function may begin anew before it.
 * Their number, at most @max, or -TL_EOPNOTSUPP: it is not certain that there are
 * no others.
 * With a detour at ret - lead, and TL_EMIT_LATE, the exit's handlers can be
 * called where no jump fits at the exit itself.  @tails: return addresses must not be
 * replaced, so the exits of functions that it goes on to (tail calls) may be among its
 * own.  Without, an architecture that replaces them for less may refuse.
 * Context: task.
 */
int tl_arch_exits(uintptr_t start, uintptr_t end, uintptr_t entry,
		  struct tl_exit *exits, int max, bool tails);

/*
 * Does the function at @start keep the address that it returns to, or go there
 * by another way than a return, so that it must not be replaced (setjmp, vfork,
 * getcontext)?  Context: task.
 */
bool tl_arch_takes_return(uintptr_t start);

/* ---- emitting --------------------------------------------------------------- */

#define TL_EMIT_PRE	 1 /* call tl_detour_pre before the first instruction */
#define TL_EMIT_POST	 2 /* call tl_detour_post after the first instruction */
#define TL_EMIT_LATE	 4 /* and that not before @lead bytes are executed */
#define TL_EMIT_ONE	 8 /* slots: nothing but the instruction */
#define TL_EMIT_BREAK	 16 /* slots: it, and a breakpoint */
#define TL_EMIT_COUNTERS 4

struct tl_emit {
	uintptr_t at;		/* where the code will run */
	uintptr_t addr;		/* the probed address */
	struct tl_point *point; /* argument of tl_detour_*() */
	uint16_t what;		/* TL_EMIT_* */
	uint16_t lead;		/* TL_EMIT_LATE: an instruction begins here */
	/* Detours only: first cells of counters to be counted in place. */
	unsigned int n_counters;
	uint64_t *counter[TL_EMIT_COUNTERS];
};

/* Where in the code the originals are: orig + from[i] runs at at + to[i]. */
struct tl_code {
	uint32_t len;
	uint32_t n;
	uint8_t from[TL_MAP_MAX];
	uint16_t to[TL_MAP_MAX];
};

/*
 * Write the slot or the detour of @plan to @out (TL_SLOT_BYTES or
 * TL_DETOUR_BYTES of room), to be run at @emit->at.  0 and @code, or -TL_ERANGE
 * (@at is too far away), -TL_EOPNOTSUPP (with POST: the instruction is a branch:
 * simulate it).  The gate and the red zone are those of tl_host_ops.
 * The map has the start of every instruction that was copied, and the place
 * where a thread sleeps in a system call made by the copy.
 * Context: task.
 */
int tl_arch_emit_slot(const struct tl_plan *plan, const struct tl_emit *emit,
		      uint8_t *out, struct tl_code *code);
int tl_arch_emit_detour(const struct tl_plan *plan, const struct tl_emit *emit,
			uint8_t *out, struct tl_code *code);

/*
 * Can a slot with TL_EMIT_ONE or TL_EMIT_BREAK, and nothing else, stand for the
 * instruction?  It goes on behind itself, and is as long there as here.
 */
bool tl_arch_steps(const struct tl_plan *plan);

/*
 * Islands.  Where a whole jump does not fit, a short one leads to a whole one in
 * padding that nothing executes.
 *
 * The address of the @i-th place, TL_ISLAND_BYTES long, where the jump of @plan
 * may have its island; 0: there are no more.  Places may overlap what is asked of
 * other plans, and windows.  tl_arch_is_padding: is there, and around it, padding
 * still?  Context: task.
 */
uintptr_t tl_arch_island(const struct tl_plan *plan, uintptr_t addr,
			 unsigned int i);
bool tl_arch_is_padding(const struct tl_plan *plan, uintptr_t addr,
			uintptr_t at);

/*
 * Edits of the text at @addr.  breakpoint: over the first unit.  jump: all of
 * it, to @target, which is the island if the plan has one; -TL_ERANGE.
 * island: all of it.
 */
void tl_arch_edit_breakpoint(const struct tl_plan *plan, uintptr_t addr,
			     struct tl_edit *edit);
int tl_arch_edit_jump(const struct tl_plan *plan, uintptr_t addr,
		      uintptr_t target, struct tl_edit *edit);
int tl_arch_edit_island(uintptr_t at, uintptr_t target, struct tl_edit *edit);

/*
 * May the jump @edit be written straight over the text while others run, with
 * no breakpoint before it, where the architecture promises that for both?
 */
bool tl_arch_exchangeable(const struct tl_plan *plan);

/*
 * Where the jump leads that is at @at, whose bytes are @code (TL_ISLAND_BYTES);
 * 0: it is none.  Context: any.
 */
uintptr_t tl_arch_jump_target(uintptr_t at, const uint8_t *code);

/* Is there a breakpoint instruction at @code (TL_BREAKPOINT_BYTES of it)? */
bool tl_arch_is_breakpoint(const uint8_t *code);

/* ---- in a trap -------------------------------------------------------------- */

/*
 * Context of all: any.  A load or a store each, asked for at every hit, these are
 * inline functions in isa.h:
 *
 *   uintptr_t tl_arch_breakpoint_addr(const struct pt_regs *regs)
 *	The address of the breakpoint that led to @regs.
 *   void tl_arch_set_handler_ip(struct pt_regs *regs, uintptr_t addr)
 *	Set the instruction pointer to what a pre handler at @addr sees.
 *   void tl_arch_set_ip(struct pt_regs *regs, uintptr_t ip)
 *   uintptr_t tl_arch_ip(const struct pt_regs *regs)
 *   void tl_arch_set_sp(struct pt_regs *regs, uintptr_t sp)
 *   uintptr_t tl_arch_sp(const struct pt_regs *regs)
 *	The instruction pointer, the stack pointer.
 *   unsigned long *tl_arch_return_slot(struct pt_regs *regs)
 *	Where the return address is of the function that was just entered.
 */

/*
 * @regs are somewhere in the code at @at, a slot or a @detour, that was emitted as
 * @code for the plan at @addr.  If the original has this moment, too (before or
 * after one of the instructions, not in the middle of what one was made into),
 * make them the original's: instruction and stack pointer, and what an
 * instruction leaves of its address.  *@resume: where the copy goes on from
 * such registers.  false: nothing was changed.
 */
bool tl_arch_show(const struct tl_plan *plan, uintptr_t addr,
		  const struct tl_code *code, uintptr_t at, bool detour,
		  struct pt_regs *regs, uintptr_t *resume);

/*
 * Go back to @addr, where a breakpoint was met that is gone by now.  A hardware
 * breakpoint at @addr has been reported already, and is not to be again.
 */
void tl_arch_retry(struct pt_regs *regs, uintptr_t addr);

/*
 * Must the instruction be simulated in the trap (there is no slot for it)?
 * With @post: is it to be simulated because post handlers want to see it done?
 */
bool tl_arch_simulates(const struct tl_plan *plan, bool post);

/* Could it be, whatever it is that it is to be copied for? */
bool tl_arch_can_simulate(const struct tl_plan *plan);

/*
 * Do to @regs (and the interrupted code's memory) what the instruction at @addr would.  The
 * instruction pointer is @addr when it is called and that of the next
 * instruction when it returns true; false: it would fault: nothing was done.
 */
bool tl_arch_simulate(const struct tl_plan *plan, uintptr_t addr,
		      struct pt_regs *regs);

/* ---- jprobes ------------------------------------------------------------------ */

/* Can the calls below be made?  If not, they never are. */
bool tl_arch_has_jprobes(void);

/* Where the stack arguments begin of the function that was just entered. */
uintptr_t tl_arch_stack_args(const struct pt_regs *regs);

/*
 * Where the address of a large structure would be that is the @i-th argument (below
 * TL_JPROBE_REFERENCES) of the function that was just entered: in a register, or in
 * @stack, its stack arguments; NULL: that is not how they are handed over here.
 */
unsigned long *tl_arch_reference(struct pt_regs *regs, unsigned long *stack,
				 unsigned int i);

/*
 * Call the function at @entry as the one that was just entered would have been
 * called: with the registers of @regs, the vector registers of the interrupted
 * code, and @bytes of its stack arguments, copied to a stack pointer of the same
 * alignment to 64.  Comes back when it returns or tl_arch_jprobe_leave() is
 * called with what was stored at @frame before; results are dropped, and the
 * floating-point environment is as it was.
 * @regs: those that a detour or slot gave to tl_detour_pre().  Context: trap.
 */
void tl_arch_jprobe_call(void *entry, const struct pt_regs *regs, size_t bytes,
			 uintptr_t *frame);
_Noreturn void tl_arch_jprobe_leave(uintptr_t frame);

/* Where returns that are followed go; calls tl_return_hit(). */
extern const char tl_arch_return_trampoline[];

/* ---- debug registers ---------------------------------------------------------- */

/*
 * Registers that hold addresses are of one kind, which serves code and data alike, or
 * of two: kind 0 to execute, kind 1 for data.  Control registers enable them: one
 * for all, or one for each.  isa.h says how many there can be, of both kinds
 * together: TL_BP_MAX and TL_BP_CONTROLS.
 */
#define TL_BP_KINDS 2

/*
 * And a status says which were hit.  All functions are pure.  @i is a register's number
 * within its kind, where @control is the one control register that it has or
 * shares.  Context: any.
 */
#define TL_BP_STOPS 3

struct tl_arch_bp {
	/* The most that there can be; [1] is 0 where kind 0 serves data, too. */
	unsigned int registers[TL_BP_KINDS];
	bool own_control;    /* one for each */
	unsigned int status; /* the number of the status, for debuggers */
	unsigned long step;  /* in the status: a single step */

	/*
	 * By what numbers a home and a debugger know register @i of @kind, and its
	 * control register.
	 */
	unsigned int (*address)(unsigned int kind, unsigned int i);
	unsigned int (*control)(unsigned int kind, unsigned int i);

	/*
	 * Can @len bytes at @addr be watched for @type (HW_BREAKPOINT_*)?  0,
	 * -TL_EINVAL or -TL_EOPNOTSUPP.  *@span: the bytes that the CPU looks at.
	 */
	int (*check)(uintptr_t addr, unsigned int len, unsigned int type,
		     size_t *span);

	/*
	 * The bits of the control register that enable register @i for @len bytes
	 * at @addr; a thread's may differ from the @kernel's.  All that are its own.
	 */
	unsigned long (*bits)(unsigned int i, uintptr_t addr, unsigned int len,
			      unsigned int type, bool kernel);
	unsigned long (*field)(unsigned int i);

	/* Does @control enable register @i?  To execute? */
	bool (*enabled)(unsigned long control, unsigned int i);
	bool (*executes)(unsigned long control, unsigned int i);

	/*
	 * What @control, as a debugger writes it, asks of register @i of @kind,
	 * which it enables, and in which it has written *@addr.  0 and where the
	 * bytes begin, or -TL_EINVAL.
	 */
	int (*asked)(unsigned long control, unsigned int kind, unsigned int i,
		     uintptr_t *addr, unsigned int *len, unsigned int *type);

	/*
	 * Which of the @n registers, counted through both kinds, does @status say
	 * were hit, of those with @addr that their @control (as many as there are)
	 * enables, in the code at @regs?  Their bits in it.  The bit of a debugger's.
	 */
	unsigned int (*hit)(unsigned long status, const unsigned long *control,
			    const uintptr_t *addr, unsigned int n,
			    const struct pt_regs *regs);
	unsigned long (*hit_bits)(unsigned int registers);
	unsigned long (*name_bit)(unsigned int n);

	/* The status as a debugger reads it; what it may write of it. */
	unsigned long (*show_status)(unsigned long value);
	unsigned long (*keep_status)(unsigned long value);

	/* Return to @regs without another hit of an execute breakpoint. */
	void (*go_on)(struct pt_regs *regs);

	/*
	 * Or, where the exception comes before the instruction, by a single step,
	 * for which the home has turned on what is needed besides:
	 * begin: let @regs execute one instruction, with interrupts off.  Returns
	 * what end wants.  end: as before; the instruction at @at was executed
	 * (@done), or is to be once more.  true: @saved is that of a step, too.
	 * stepped: are @regs about to be stepped?  NULL: never (go_on).
	 */
	unsigned long (*step_begin)(struct pt_regs *regs);
	bool (*step_end)(struct pt_regs *regs, unsigned long saved,
			 uintptr_t at, bool done);
	bool (*stepped)(const struct pt_regs *regs);
	/* Would the exception that has come keep the instruction from ever succeeding? */
	bool (*spoiled)(const struct pt_regs *regs);
	/*
	 * Then: where execute breakpoints would meet whoever has come past all that
	 * must not be interrupted, and nobody else before.  How many; 0: it is not
	 * known.
	 */
	unsigned int (*behind)(const struct pt_regs *regs,
			       uintptr_t at[TL_BP_STOPS]);
};

/* NULL: it has none, or none like that. */
extern const struct tl_arch_bp *const tl_arch_bp;

#endif
