/* mupen64plus RSP plugin for the programs that the high-level plugin (rsp-hle) does not know. rsp-hle calls it for these
 * only, as its RspFallback. It forwards each call to a real plugin that interprets programs (rsp-z64), and counts the
 * programs.
 *
 * The core's savestates do not have the RSP's registers, because they are the real plugin's. A program may rely on what an
 * earlier one has left in them. So this plugin finds them in the real plugin's memory, and system.c keeps them with the
 * other contents that belong to a savestate. */
#define _GNU_SOURCE
#include "lockstep.h"
#include "version.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_common.h>
#include <m64p_plugin.h>

/* rsp-z64 keeps its registers in one struct, which ends with a copy of RSP_INFO (RSP_REGS in its rsp.h). */
#define REGISTERS_BYTES 744
#define REGISTERS_ALIGNMENT 16

static struct lockstep_control *control;
static struct {
    ptr_PluginStartup startup;
    ptr_PluginShutdown shutdown;
    ptr_DoRspCycles run;
    ptr_InitiateRSP initiate;
    ptr_RomClosed rom_closed;
} real;

/* system.c; NULL if it is not loaded */
extern void lockstep_keep_rsp(void *registers, size_t bytes) __attribute__((weak));

/* Maps the memory file (lockstep_attach of the video plugin checks its version), and loads the real plugin. Returns NULL or
 * an error message. */
EXPORT const char *CALL lockstep_attach(int fd, const char *real_path)
{
    static char message[256];
    void *library = dlopen(real_path, RTLD_NOW | RTLD_LOCAL);
    const struct { const char *name; void *slot; } functions[] = {
        {"PluginStartup", &real.startup}, {"PluginShutdown", &real.shutdown}, {"DoRspCycles", &real.run},
        {"InitiateRSP", &real.initiate},  {"RomClosed", &real.rom_closed},
    };

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!library || !(*(void **)functions[i].slot = dlsym(library, functions[i].name))) {
            snprintf(message, sizeof message, "%s", dlerror());
            return message;
        }
    control = mmap(NULL, LOCKSTEP_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return control == MAP_FAILED ? "the shared memory cannot be mapped" : NULL;
}

/* Looks for a copy of `info` in the writable memory of the real plugin. */
static int find_registers(struct dl_phdr_info *library, size_t size, void *info)
{
    (void)size;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        uint8_t *begin = (uint8_t *)library->dlpi_addr + part->p_vaddr, *end = begin + part->p_memsz;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_W))
            continue;
        if ((uint8_t *)real.run < (uint8_t *)library->dlpi_addr || (uint8_t *)real.run >= end)
            continue;
        begin += -(uintptr_t)begin % REGISTERS_ALIGNMENT;
        for (; begin + REGISTERS_BYTES + sizeof(RSP_INFO) <= end; begin += REGISTERS_ALIGNMENT)
            if (memcmp(begin + REGISTERS_BYTES, info, 3 * sizeof(void *)) == 0) { /* RDRAM, DMEM and IMEM */
                lockstep_keep_rsp(begin, REGISTERS_BYTES);
                return 1;
            }
    }
    return 0;
}

EXPORT void CALL InitiateRSP(RSP_INFO info, unsigned int *cycles)
{
    real.initiate(info, cycles);
    if (lockstep_keep_rsp)
        dl_iterate_phdr(find_registers, &info);
}

EXPORT unsigned int CALL DoRspCycles(unsigned int cycles)
{
    control->interpreted_tasks++;
    return real.run(cycles);
}

EXPORT m64p_error CALL PluginGetVersion(m64p_plugin_type *type, int *version, int *api, const char **name, int *capabilities)
{
    struct plugin plugin = {M64PLUGIN_RSP, 0x020000, "a3c64 lockstep RSP"};
    return describe(plugin, type, version, api, name, capabilities);
}

EXPORT m64p_error CALL PluginStartup(m64p_dynlib_handle core, void *context, void (*debug)(void *, int, const char *))
{
    return real.startup ? real.startup(core, context, debug) : M64ERR_NOT_INIT;
}

EXPORT m64p_error CALL PluginShutdown(void) { return real.shutdown(); }
EXPORT void CALL RomClosed(void) { real.rom_closed(); }
