/*
** count_plugin.c - a plugin of qemu's: at its end a program that qemu-user runs
*tells
** how many instructions it has executed. qemu's header is in no package of
*Debian's,
** so what it has of this is declared here.
*/
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define API __attribute__((visibility("default")))

typedef uint64_t PluginId;
typedef struct Block
    Block; /* instructions that are executed one after the other */

void qemu_plugin_register_vcpu_tb_trans_cb (PluginId id,
                                            void (*translated)(PluginId,
                                                               Block *));
void qemu_plugin_register_vcpu_tb_exec_cb (Block *block,
                                           void (*executed)(unsigned, void *),
                                           int registers, void *data);
void qemu_plugin_register_atexit_cb (PluginId id,
                                     void (*ended)(PluginId, void *),
                                     void *data);
size_t qemu_plugin_tb_n_insns (const Block *block);

API int qemu_plugin_version = 1; /* the first that qemu accepts */
API int qemu_plugin_install (PluginId id, const void *info, int argc,
                             char **argv);

static uint64_t count;

static void executed (unsigned cpu, void *instructions) {
  (void)cpu;
  count += (uintptr_t)instructions;
}

static void translated (PluginId id, Block *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_cb(block, executed, 0,
                                       (void *)qemu_plugin_tb_n_insns(block));
}

static void ended (PluginId id, void *data) {
  (void)id, (void)data;
  fprintf(stderr, "instructions: %llu\n", (unsigned long long)count);
}

int qemu_plugin_install (PluginId id, const void *info, int argc, char **argv) {
  (void)info, (void)argc, (void)argv;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
