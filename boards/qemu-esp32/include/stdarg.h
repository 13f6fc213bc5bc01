// SPDX-License-Identifier: MIT
//
// Variable arguments for Xtensa with LLVM 22, whose own va_start and va_arg are wrong there:
//  - va_start points __va_reg at the first variable register, while __va_ndx counts from the first argument register;
//  - va_arg adds 32 to the index at each argument on the stack, not once.
// The caller's side is right: words 0-5 in registers, the rest on the stack (__va_stk is 32 bytes below the first);
// no argument is split between the two; those aligned to 8 start at an even word.
#ifndef MICROCOAPY_QEMU_ESP32_STDARG_H
#define MICROCOAPY_QEMU_ESP32_STDARG_H

typedef __builtin_va_list va_list;
#ifndef __GNUC_VA_LIST
#define __GNUC_VA_LIST
typedef __builtin_va_list __gnuc_va_list;
#endif

static __inline__ __attribute__((unused)) void *__xtensa_va_next(va_list *ap, int size, int alignment) {
    enum { IN_REGISTERS = 24, FIRST_ON_STACK = 32 };
    int from = (ap->__va_ndx + alignment - 1) & -alignment;
    int to = from + ((size + 3) & -4);
    if (to <= IN_REGISTERS) {
        ap->__va_ndx = to;
        return (char *)ap->__va_reg + from;
    }
    if (ap->__va_ndx <= IN_REGISTERS) {
        to += FIRST_ON_STACK - from;
        from = FIRST_ON_STACK;
    }
    ap->__va_ndx = to;
    return (char *)ap->__va_stk + from;
}

#define va_start(ap, last) (__builtin_va_start(ap, last), \
    (void)((ap).__va_reg = (void *)((char *)(ap).__va_reg - (ap).__va_ndx)))
#define va_arg(ap, type) (*(type *)__xtensa_va_next(&(ap), sizeof(type), sizeof(type) > 4 && _Alignof(type) > 4 ? 8 : 4))
#define va_end(ap) ((void)0)
#define va_copy(to, from) ((void)((to) = (from)))

#endif
