// SPDX-License-Identifier: MIT
//
// setjmp and longjmp for the windowed ABI (crt.S). Only for functions that call setjmp with call8, as clang always does.
#ifndef MICROCOAPY_QEMU_ESP32_SETJMP_H
#define MICROCOAPY_QEMU_ESP32_SETJMP_H

typedef unsigned int jmp_buf[9]; // the caller's a0 to a7, and the return address into it

int setjmp(jmp_buf env) __attribute__((returns_twice));
void longjmp(jmp_buf env, int value) __attribute__((noreturn));

#endif
