// SPDX-License-Identifier: MIT
//
// QEMU plugin (API 1: QEMU 4.2 to 8) for a rule of ESP8266's that QEMU does not enforce: flash and instruction RAM take
// only aligned 32-bit loads and stores. Anything else is an exception on the chip.
//
//   -plugin flash32.so,report=FILE[,from=PC,to=PC]
//
// FILE gets a line for each of the first violations and, at the end, 'N bad of M accesses'. With from and to, only the
// instructions in between are watched.

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What is used of qemu-plugin.h, which Debian does not package.
typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum { QEMU_PLUGIN_MEM_RW = 3 };
typedef void (*translate_cb)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*memory_cb)(unsigned cpu, qemu_plugin_meminfo_t, uint64_t address, void *);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translate_cb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, memory_cb, int flags, int rw, void *);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

// IRAM, and the flash as it is mapped.
#define RULE_FROM 0x40100000u
#define RULE_TO 0x40300000u
#define LINES_MAX 20

static uint64_t watched_from;
static uint64_t watched_to = UINT64_MAX;
static uint64_t accesses;
static uint64_t bad;
static FILE *report;

static void access_memory(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t virtual, void *pc) {
    (void)cpu;
    uint32_t address = (uint32_t)virtual;
    unsigned size = 1u << qemu_plugin_mem_size_shift(info);
    accesses++;
    if (address < RULE_FROM || address >= RULE_TO || (size == 4 && address % 4 == 0)) {
        return;
    }
    if (bad++ < LINES_MAX) {
        fprintf(report, "%s of %u bytes at %08" PRIx32 ", pc %08" PRIxPTR "\n",
            qemu_plugin_mem_is_store(info) ? "store" : "load", size, address, (uintptr_t)pc);
    }
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
        uint64_t pc = qemu_plugin_insn_vaddr(insn);
        if (pc >= watched_from && pc < watched_to) {
            qemu_plugin_register_vcpu_mem_cb(insn, access_memory, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, (void *)(uintptr_t)pc);
        }
    }
}

// Semihosting ends QEMU by exit(3).
static void finish(void) {
    fprintf(report, "%" PRIu64 " bad of %" PRIu64 " accesses\n", bad, accesses);
    fclose(report);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "report=", 7) == 0) {
            report = fopen(argv[i] + 7, "w");
        } else if (strncmp(argv[i], "from=", 5) == 0) {
            watched_from = strtoull(argv[i] + 5, NULL, 0);
        } else if (strncmp(argv[i], "to=", 3) == 0) {
            watched_to = strtoull(argv[i] + 3, NULL, 0);
        } else {
            fprintf(stderr, "flash32: unknown argument %s\n", argv[i]);
            return -1;
        }
    }
    if (report == NULL) {
        fprintf(stderr, "flash32: report=FILE is missing or cannot be written\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    atexit(finish);
    return 0;
}
