// SPDX-License-Identifier: MIT
//
// Start-up, exception vectors and the ABI's helpers for a windowed Xtensa core under QEMU's simcalls.
// Assembled by LLVM, which knows no simcall mnemonic. Literals have sections of their own, each before its text section:
// LLVM 22 resolves an l32r within a section at times one word off, ld does not.
    .section .note.GNU-stack, "", @progbits

#define PS_WOE_UM 0x40020       /* window overflow enabled, user vector mode, no EXCM, interrupt level 0 */
#define ALLOCA_CAUSE 5
#define SPILL_DEPTH 8           /* frames of call8 that cover 64 physical registers, plus one */

    .macro simcall
    .byte 0x00, 0x51, 0x00
    .endm

// Only the current frame is in registers. Clobbers a2, and the others' registers.
    .macro one_window
    movi a2, 0
    wsr a2, windowbase
    rsync
    movi a2, 1
    wsr a2, windowstart
    rsync
    .endm

    .section .resetvec.jump, "ax"
    .global _reset
_reset:
    j _init
    .section .resetvec.literal, "ax"
    .p2align 2
.Lstart: .long _start
    .section .resetvec.init, "ax"
_init:
    l32r a0, .Lstart
    jx a0

// Window vectors. A frame's a0-a3 are kept below its callee's stack pointer, a4-a11 in its own frame's upper end,
// found through its caller's stack pointer.
    .section .vectors, "ax"
    .p2align 2
    .global _vecbase
_vecbase:
_overflow4:
    s32e a0, a5, -16
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo
    .org 0x40
_underflow4:
    l32e a0, a5, -16
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu
    .org 0x80
_overflow8:
    s32e a0, a9, -16
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo
    .org 0xc0
_underflow8:
    l32e a0, a9, -16
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu
    .org 0x100
_overflow12:
    s32e a0, a13, -16
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo
    .org 0x140
_underflow12:
    l32e a0, a13, -16
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu
    .org 0x300                  // kernel
    movi a0, 1
    j _fatal
    .org 0x340                  // user
    wsr a0, excsave1
    j _user
    .org 0x3c0                  // double
    movi a0, 3
    j _fatal

    .section .literal.start, "ax"
    .p2align 2
.Lexc_stack: .long _exc_stack_top
.Lps: .long PS_WOE_UM
.Lfatal_exception: .long fatal_exception
.Lvecbase: .long _vecbase
.Lestack: .long _estack
.Lsbss: .long _sbss
.Lebss: .long _ebss
.Lmain: .long c_start
    .section .text.start, "ax"
    .p2align 2
// movsp raises this when its caller's registers are in memory: the copy below the old stack pointer would be lost.
// Fetch them back through the underflow vector, which returns to the movsp.
_user:
    rsr a0, exccause
    beqi a0, ALLOCA_CAUSE, 1f
    movi a0, 2
    j _fatal
1:  wsr a2, excsave2
    wsr a3, excsave3
    rsr a2, ps                  // PS.OWB = WINDOWBASE, for rfwu
    rsr a3, windowbase
    srli a0, a2, 8
    xor a0, a0, a3
    extui a0, a0, 0, 4
    slli a0, a0, 8
    xor a2, a2, a0
    wsr a2, ps
    rsr a2, excsave2
    rsr a3, excsave3
    rsr a0, excsave1            // its upper two bits: how the current frame was called
    rsync
    bbsi a0, 31, 2f
    rotw -1
    j _underflow4
2:  bbsi a0, 30, 3f
    rotw -2
    j _underflow8
3:  rotw -3
    j _underflow12

_fatal:                         // a0: 1 kernel, 2 user, 3 double
    wsr a0, excsave3
    one_window
    l32r a1, .Lexc_stack
    rsr a6, excsave3
    rsr a7, exccause
    rsr a8, epc1
    rsr a9, depc
    rsr a10, excvaddr
    l32r a2, .Lps
    wsr a2, ps
    rsync
    l32r a2, .Lfatal_exception
    callx4 a2

    .global _start
_start:
    one_window
    l32r a2, .Lvecbase
    wsr a2, vecbase
    movi a2, 0
    wsr a2, lcount              // QEMU and LX6 reset it; a stray loop would be hard to find
    l32r a2, .Lps
    wsr a2, ps
    rsync
    l32r a2, .Lsbss
    l32r a3, .Lebss
    movi a4, 0
1:  bgeu a2, a3, 2f
    s32i a4, a2, 0
    addi a2, a2, 4
    j 1b
2:  l32r a1, .Lestack
    movi a0, 0                  // end of the call chain
    l32r a4, .Lmain
    callx4 a4                   // call4: this frame has no caller whose stack pointer overflow8 would need
3:  j 3b

// int simcall_error(int number, int a, int b, int c, int *error): the first four are where QEMU expects them; it answers
// in a2, with the error number in a3
    .section .text.simcall_error, "ax"
    .p2align 2
    .global simcall_error
    .type simcall_error, @function
simcall_error:
    entry a1, 32
    simcall
    s32i a3, a6, 0
    retw

    .section .text.cycle_count, "ax"
    .p2align 2
    .global cycle_count
    .type cycle_count, @function
cycle_count:
    entry a1, 32
    rsr a2, ccount
    retw

// void *spill_windows(void): puts every caller's registers in memory. Returns the lowest address of that memory,
// where a stack scan must begin: the immediate caller's a0-a3 lie below this frame's stack pointer.
// Pure ABI: frames enough to reuse all physical registers.
    .section .literal.spill_windows, "ax"
    .p2align 2
.Ldeeper_literal: .long .Ldeeper
    .section .text.spill_windows, "ax"
    .p2align 2
    .global spill_windows
    .type spill_windows, @function
spill_windows:
    entry a1, 32
    movi a10, SPILL_DEPTH
    l32r a8, .Ldeeper_literal
    callx8 a8
    addi a2, a1, -16
    retw
    .p2align 2
.Ldeeper:
    entry a1, 32
    beqz a2, 1f
    addi a10, a2, -1
    l32r a8, .Ldeeper_literal
    callx8 a8
1:  retw

// int setjmp(jmp_buf): saves the caller's a0-a7 (from where they were spilled) and the return address.
    .section .literal.setjmp, "ax"
    .p2align 2
.Lspill: .long spill_windows
    .section .text.setjmp, "ax"
    .p2align 2
    .global setjmp
    .type setjmp, @function
setjmp:
    entry a1, 32
    l32r a8, .Lspill
    callx8 a8
    addi a3, a1, -16            // caller's a0-a3
    l32i a4, a3, 0
    s32i a4, a2, 0
    l32i a5, a3, 4              // a1: the caller's stack pointer
    s32i a5, a2, 4
    l32i a4, a3, 8
    s32i a4, a2, 8
    l32i a4, a3, 12
    s32i a4, a2, 12
    addi a5, a5, -12
    l32i a5, a5, 0              // stack pointer of the caller's caller
    addi a5, a5, -32            // caller's a4-a7
    l32i a4, a5, 0
    s32i a4, a2, 16
    l32i a4, a5, 4
    s32i a4, a2, 20
    l32i a4, a5, 8
    s32i a4, a2, 24
    l32i a4, a5, 12
    s32i a4, a2, 28
    s32i a0, a2, 32
    movi a2, 0
    retw

// void longjmp(jmp_buf, int): becomes the callee that setjmp was, with the caller's registers in memory; retw's
// underflow loads them.
    .section .literal.longjmp, "ax"
    .p2align 2
.Lspill2: .long spill_windows
    .section .text.longjmp, "ax"
    .p2align 2
    .global longjmp
    .type longjmp, @function
longjmp:
    entry a1, 32
    l32r a8, .Lspill2
    callx8 a8                   // no window but this one is live from here on
    l32i a5, a2, 4              // stack pointer of setjmp's caller
    addi a1, a5, -32            // setjmp's own, as its entry set it
    addi a4, a1, -16
    l32i a6, a2, 0
    s32i a6, a4, 0
    s32i a5, a4, 4
    l32i a6, a2, 8
    s32i a6, a4, 8
    l32i a6, a2, 12
    s32i a6, a4, 12
    addi a5, a5, -12
    l32i a5, a5, 0
    addi a5, a5, -32
    l32i a6, a2, 16
    s32i a6, a5, 0
    l32i a6, a2, 20
    s32i a6, a5, 4
    l32i a6, a2, 24
    s32i a6, a5, 8
    l32i a6, a2, 28
    s32i a6, a5, 12
    l32i a0, a2, 32
    movi a2, 1
    movnez a2, a3, a3
    retw
