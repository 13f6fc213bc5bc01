// SPDX-License-Identifier: MIT
//
// Reset, exception vectors, and what C cannot say, for the lx106 core of QEMU's 'sim' machine (call0).

// PS.UM: exceptions go to the user vector; interrupts are off.
#define PS_USER 0x20

    .section .vectors, "ax"
    .align 16
    .global _vectors
_vectors:
    .org 0x10               // debug
    movi a2, 1
    j exception
    .org 0x20               // NMI
    movi a2, 2
    j exception
    .org 0x30               // kernel
    movi a2, 3
    j exception
    .org 0x50               // user
    movi a2, 4
    j exception
    .org 0x70               // double
    movi a2, 5
    j exception
    .org 0x80
    .align 4
    .literal_position
    .align 4
// No exception is expected. What is known of it goes to C, on a stack of its own.
exception:
    rsr a3, exccause
    rsr a4, epc1
    rsr a5, excvaddr
    mov a6, a0
    movi a1, _exception_stack
    movi a8, PS_USER
    wsr a8, ps
    rsync
    movi a8, fatal_exception
    callx0 a8

    .section .text.start, "ax"
    .align 4
    .literal_position
    .global _start
_start:
    movi a0, 0
    movi a2, _vectors
    wsr a2, vecbase
    movi a1, _stack_top
    movi a2, PS_USER
    wsr a2, ps
    rsync
    movi a2, _bss_start
    movi a3, _bss_end
    movi a4, 0
1:  bgeu a2, a3, 2f
    s32i a4, a2, 0
    addi a2, a2, 4
    j 1b
2:  movi a8, c_start
    callx0 a8
3:  j 3b

// int simcall(int number, int a, int b, int c): the arguments are where QEMU wants them.
    .section .text.simcall, "ax"
    .align 4
    .global simcall
    .type simcall, @function
simcall:
    simcall
    ret

// uintptr_t gc_registers(uintptr_t registers[4]): what a caller may keep in registers; returns the stack pointer.
    .section .text.gc_registers, "ax"
    .align 4
    .global gc_registers
    .type gc_registers, @function
gc_registers:
    s32i a12, a2, 0
    s32i a13, a2, 4
    s32i a14, a2, 8
    s32i a15, a2, 12
    mov a2, a1
    ret

// The core starts here; there is room for a jump only.
    .section .reset, "ax"
    .begin no-transform
    .align 4
    .global _reset
_reset:
    j 1f
    .align 4
.Lstart:
    .word _start
1:  l32r a0, .Lstart
    jx a0
    .end no-transform
