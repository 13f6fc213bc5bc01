/* SPDX-License-Identifier: MIT
 *
 * Memory of QEMU's lx106 'sim' machine, used the way ESP8266's is: code in what stands for flash, at the chip's
 * address, and read-only data in RAM. Code and literals are read as aligned words, which flash32.c checks.
 *
 * With FLASH_RODATA the read-only data of C is in flash, as on the chip, where Espressif's compiler reads bytes by
 * words (-mforce-l32). Debian's cannot: only the engine's accesses can be checked in such a firmware.
 */
ENTRY(_reset)

MEMORY {
    reset (rx)   : ORIGIN = 0x50000000, LENGTH = 0x100
    vectors (rx) : ORIGIN = 0x40000000, LENGTH = 0x400
    irom (rx)    : ORIGIN = 0x40200000, LENGTH = 1M
    dram (rw)    : ORIGIN = 0x3ff80000, LENGTH = 512K
}

SECTIONS {
    .reset : { KEEP(*(.reset)) } > reset
    .vectors : { KEEP(*(.vectors)) } > vectors
    .text : ALIGN(4) {
        *(.text.start)
        /* nlr_push jumps to nlr_push_tail, at most 128 KB away. */
        *py/nlr*.o(.literal .literal.* .text .text.*)
        _microcoapy_start = .;
        *microcoapy.o(.irom0.literal .irom0.text)
        _microcoapy_end = .;
        *(.irom0.literal .irom0.text)
        *(.literal .literal.* .text .text.*)
        . = ALIGN(4);
#ifdef FLASH_RODATA
        *(.rodata .rodata.*)
        . = ALIGN(4);
#endif
    } > irom
    .rodata : ALIGN(16) { *(.rodata .rodata.* .srodata .srodata.*) } > dram
    .data : ALIGN(16) { *(.data .data.* .sdata .sdata.*) } > dram
    .bss (NOLOAD) : ALIGN(16) {
        _bss_start = .;
        *(.bss .bss.* .sbss .sbss.* COMMON)
        . = ALIGN(16);
        _bss_end = .;
    } > dram
    _exception_stack = ORIGIN(dram) + LENGTH(dram) - 16;
    _stack_top = ORIGIN(dram) + LENGTH(dram) - 4K;
    ASSERT(_bss_end + 32K < _stack_top, "no room for the stack")
    /DISCARD/ : { *(.comment) *(.eh_frame*) *(.note*) }
}
