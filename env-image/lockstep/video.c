/* mupen64plus video plugin. It stops the emulator after each step until Python requests the next one.
 *
 * A ROM that draws into RDRAM with the CPU needs neither GL nor X. For a ROM that draws with the GPU, this plugin forwards
 * its calls to a real plugin, and reads that plugin's picture back. It must do so on the emulation thread. */
#define _GNU_SOURCE
#include "gpu.h"
#include "lockstep.h"
#include "picture.h"
#include "rdp_list.h"
#include "real.h"
#include "version.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <m64p_frontend.h>

#define STATE_VIS 60     /* timeout of a savestate: the core waits for a safe moment to take or load it */
#define PARENT_CHECK_S 1 /* how often a waiting emulator checks that its parent is still running */
#define PAGE_BYTES 4096  /* RDRAM can be shared only with pages of this size */

enum sp_status { SP_HALT = 0x1, SP_BROKE = 0x2, SP_INTERRUPT_ON_BREAK = 0x40 };
enum mi_interrupt { MI_INTR_SP = 0x1, MI_INTR_DP = 0x20 };
#define DPC_ADDRESS 0xFFFFF8U /* the bits that the DPC registers have */

static struct lockstep_control *control;
static uint8_t *shared;
static int shared_fd = -1;
static pid_t parent;
static uint32_t now; /* VIs since this process began */
static uint32_t vis_left;
static uint32_t state_vis_left; /* VIs until the timeout of the savestate in progress; 0 if there is none */
static uint32_t next_state;     /* the LOCKSTEP_SAVE or LOCKSTEP_LOAD that waits for the next VI; 0 if there is none */
static bool stopping;
static uint32_t request; /* the one that is being carried out; the first is the start */
static GFX_INFO gfx;
static uint32_t origins[2];          /* VI_ORIGIN at the last two VIs, the latest last */
static unsigned vi_origin, vi_width; /* the real plugin's registers: the bits that the hardware has */
static ptr_CoreDoCommand core_do_command;

/* system.c; NULL if it is not loaded */
extern void lockstep_saves(bool to_machine) __attribute__((weak));
extern void lockstep_when_taken(void (*callback)(void)) __attribute__((weak));
static void state_taken(void);

/* Maps the memory file, and loads the real plugin unless its path is NULL. Returns NULL or an error message. */
EXPORT const char *CALL lockstep_attach(int fd, const char *real_path)
{
    if (sysconf(_SC_PAGESIZE) != PAGE_BYTES)
        return "this Linux kernel has memory pages larger than 4096 bytes: n64gym needs a kernel with pages of 4096 bytes";
    shared = mmap(NULL, LOCKSTEP_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        return "the shared memory cannot be mapped";
    control = (struct lockstep_control *)shared;
    if (control->magic != LOCKSTEP_MAGIC || control->version != LOCKSTEP_VERSION || control->bytes != sizeof *control)
        return "n64gym and the lockstep plugins are of different versions: run make -C env-image";
    shared_fd = fd;
    parent = getppid();
    request = control->request;
    if (lockstep_when_taken)
        lockstep_when_taken(state_taken);
    return real_path ? real_load(real_path) : NULL;
}

/* Asks the core for a savestate. It saves at the end of this interrupt, and loads when the next interrupt begins. */
static void begin_state(uint32_t command)
{
    control->state_failed = 1;
    state_vis_left = STATE_VIS;
    vis_left = 1;
    if (command == LOCKSTEP_SAVE)
        core_do_command(M64CMD_STATE_SAVE, 1, control->path);
    else
        core_do_command(M64CMD_STATE_LOAD, 0, control->path);
}

/* Maps the memory file over the core's RDRAM, so that Python sees every byte of RDRAM without a copy. */
static bool share_rdram(void)
{
    uintptr_t begin = (uintptr_t)gfx.RDRAM & ~(uintptr_t)(PAGE_BYTES - 1);
    size_t bytes = LOCKSTEP_FILE_BYTES - LOCKSTEP_RDRAM_OFFSET;

    memcpy(shared + LOCKSTEP_RDRAM_OFFSET, (void *)begin, bytes); /* keeps the other data in the first and last page */
    control->rdram_offset = LOCKSTEP_RDRAM_OFFSET + ((uintptr_t)gfx.RDRAM - begin);
    return mmap((void *)begin, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, shared_fd,
                LOCKSTEP_RDRAM_OFFSET) != MAP_FAILED;
}

static void (*core_rendering_callback)(int);

/* The real plugin calls this before it swaps its buffers. It does so in the middle of a display list, to show the picture
 * before that list, or in its UpdateScreen, with a picture that the CPU has drawn. */
static void rendered(int redrawn)
{
    if (!gpu_is_drawing())
        gpu_cpu_picture();
    if (core_rendering_callback)
        core_rendering_callback(redrawn);
}

static struct picture current_picture(void)
{
    struct picture picture = gpu_picture();
    if (picture.pixels)
        return picture;
    return picture_from_vi(gfx.RDRAM, LOCKSTEP_RDRAM_BYTES, *gfx.VI_STATUS_REG, *gfx.VI_ORIGIN_REG, origins[0],
                           *gfx.VI_WIDTH_REG, *gfx.VI_H_START_REG, *gfx.VI_V_START_REG, *gfx.VI_X_SCALE_REG, *gfx.VI_Y_SCALE_REG);
}

static void answer(void)
{
    __atomic_store_n(&control->answered, request, __ATOMIC_RELEASE);
    sem_post(&control->done);
}

static void finish_step(void)
{
    if (control->observation_format != LOCKSTEP_NONE) {
        const uint32_t *crop = control->observation_crop;
        struct picture picture = picture_crop(current_picture(), crop[0], crop[1], crop[2], crop[3]);
        picture_observe(&picture, shared + LOCKSTEP_OBSERVATION_OFFSET, control->observation_height,
                        control->observation_width, control->observation_format);
    }
    answer();
}

/* Waits for the next request. Returns LOCKSTEP_STOP if the parent process has ended. */
static uint32_t next_command(void)
{
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += PARENT_CHECK_S;
        if (sem_clockwait(&control->go, CLOCK_MONOTONIC, &until) == 0) {
            uint32_t newest = __atomic_load_n(&control->request, __ATOMIC_ACQUIRE);
            if (newest != control->answered) {
                request = newest;
                return control->command;
            }
        } else if (errno == ETIMEDOUT && getppid() != parent) {
            return LOCKSTEP_STOP;
        }
    }
}

/* Carries out requests until one lets the emulation continue. */
static void serve(void)
{
    for (;;) {
        uint32_t command = next_command();
        switch (command) {
        case LOCKSTEP_STEP:
            vis_left = control->vis;
            return;
        case LOCKSTEP_PICTURE: {
            struct picture picture = current_picture();
            picture_to_rgb(&picture, shared + LOCKSTEP_PICTURE_OFFSET);
            control->picture_height = picture.height;
            control->picture_width = picture.width;
            answer();
            break;
        }
        case LOCKSTEP_SAVE:
        case LOCKSTEP_LOAD:
            next_state = command;
            vis_left = 1;
            return;
        default:
            stopping = true;
            core_do_command(M64CMD_STOP, 0, NULL);
            return;
        }
    }
}

static void finish_state(bool failed)
{
    control->state_failed = failed;
    state_vis_left = 0;
    finish_step();
    serve(); /* the core drops a savestate request that is made in here, so such a request waits for the next VI */
}

/* system.c calls this on the emulation thread when the core has taken a savestate. The emulation stops in here, so no time
 * passes between a savestate and the step that follows it. */
static void state_taken(void)
{
    if (stopping || !state_vis_left)
        return;
    control->state_vi_count = control->vi_count;
    control->state_controller_reads = control->controller_reads;
    memcpy(control->state_reads, control->reads, sizeof control->reads);
    lockstep_saves(false);
    finish_state(false);
}

/* The core's state callback. The core calls it on the emulation thread when it has loaded a savestate. The emulation stops
 * in here.
 *
 * A load happens at the next interrupt of any kind. Until then the abandoned run continues and may read the controller.
 * So the counts are set to the savestate's counts here, not at the request. */
EXPORT void CALL lockstep_state_changed(void *context, m64p_core_param parameter, int value)
{
    (void)context;
    if (parameter != M64CORE_STATE_LOADCOMPLETE || stopping || !state_vis_left)
        return;
    control->vi_count = control->state_vi_count;
    control->controller_reads = control->state_controller_reads;
    memcpy(control->reads, control->state_reads, sizeof control->reads);
    if (lockstep_saves)
        lockstep_saves(true);
    gpu_forget();
    rdp_list_forget();
    origins[0] = origins[1] = *gfx.VI_ORIGIN_REG; /* those of the abandoned run belong to another picture */
    finish_state(value == 0);
}

/* Gives the real plugin the bits of the registers that the hardware has. A ROM may write a whole address, and a plugin
 * crashes when it reads RDRAM there. */
static void mask_registers(void)
{
    vi_origin = *gfx.VI_ORIGIN_REG & 0xFFFFFF;
    vi_width = *gfx.VI_WIDTH_REG & 0xFFF;
    if (vi_origin >= LOCKSTEP_RDRAM_BYTES)
        vi_origin = 0;
}

EXPORT void CALL UpdateScreen(void)
{
    /* Until the first display list, the picture is what the CPU has drawn, and this plugin reads it itself. */
    if (real.loaded && control->display_lists) {
        mask_registers();
        real.update_screen();
    }
    if (stopping)
        return;
    now++;
    control->vi_count++;
    origins[0] = origins[1];
    origins[1] = *gfx.VI_ORIGIN_REG;
    if (vis_left > 1) {
        vis_left--;
        return;
    }
    if (state_vis_left && --state_vis_left)
        return;
    if (!next_state) {
        finish_step();
        serve();
    }
    if (next_state) {
        begin_state(next_state);
        next_state = 0;
    }
}

EXPORT int CALL InitiateGFX(GFX_INFO info)
{
    gfx = info;
    if (!control || !share_rdram())
        return 0;
    info.VI_ORIGIN_REG = &vi_origin;
    info.VI_WIDTH_REG = &vi_width;
    return real.loaded ? real.initiate(info) : 1;
}

EXPORT m64p_error CALL PluginStartup(m64p_dynlib_handle core, void *context, void (*debug)(void *, int, const char *))
{
    core_do_command = (ptr_CoreDoCommand)dlsym(core, "CoreDoCommand");
    if (!core_do_command)
        return M64ERR_INCOMPATIBLE;
    return real.loaded ? real.startup(core, context, debug) : M64ERR_SUCCESS;
}

EXPORT m64p_error CALL PluginShutdown(void)
{
    return real.loaded ? real.shutdown() : M64ERR_SUCCESS;
}

EXPORT m64p_error CALL PluginGetVersion(m64p_plugin_type *type, int *version, int *api, const char **name, int *capabilities)
{
    struct plugin plugin = {M64PLUGIN_GFX, 0x020200, "a3c64 lockstep video"};
    return describe(plugin, type, version, api, name, capabilities);
}

EXPORT void CALL ProcessDList(void)
{
    control->display_lists++;
    mask_registers();
    control->drawn_lists += gpu_list(&gfx, (struct moment){now, now + vis_left, control->vis});
}

/* A list of RDP commands, from the CPU or from a program of the RSP. Debian's plugins do not show what they draw from these
 * lists. A plugin of the user's draws them into RDRAM. Without one, the RDP is done at once. */
EXPORT void CALL ProcessRDPList(void)
{
    control->rdp_lists++;
    *gfx.DPC_START_REG &= DPC_ADDRESS;
    *gfx.DPC_CURRENT_REG &= DPC_ADDRESS;
    *gfx.DPC_END_REG &= DPC_ADDRESS;
    if (control->draws_rdp_lists) {
        real.process_rdp_list();
        return;
    }
    bool syncs = rdp_list_syncs(&gfx);
    *gfx.DPC_START_REG = *gfx.DPC_CURRENT_REG = *gfx.DPC_END_REG;
    if (syncs) {
        *gfx.MI_INTR_REG |= MI_INTR_DP;
        gfx.CheckInterrupts();
    }
}

/* host.py calls this when the RSP plugin reports a program that it does not know. It ends like one that has run. The plugin
 * may leave the RSP running instead, and then the core can neither take nor load savestates. */
EXPORT void CALL lockstep_unknown_task(void)
{
    control->unknown_tasks++;
    if (*gfx.SP_STATUS_REG & SP_HALT)
        return;
    *gfx.SP_STATUS_REG |= SP_HALT | SP_BROKE;
    if (*gfx.SP_STATUS_REG & SP_INTERRUPT_ON_BREAK) {
        *gfx.MI_INTR_REG |= MI_INTR_SP;
        gfx.CheckInterrupts();
    }
}

EXPORT void CALL SetRenderingCallback(void (*callback)(int))
{
    core_rendering_callback = callback;
    if (real.loaded)
        real.set_rendering_callback(rendered);
}

/* The rest of the interface only forwards calls to the real plugin. */
EXPORT int CALL RomOpen(void) { return real.loaded ? real.rom_open() : 1; }
EXPORT void CALL RomClosed(void) { if (real.loaded) real.rom_closed(); }
EXPORT void CALL ChangeWindow(void) { if (real.loaded) real.change_window(); }
EXPORT void CALL MoveScreen(int x, int y) { if (real.loaded) real.move_screen(x, y); }
EXPORT void CALL ShowCFB(void) { if (real.loaded) real.show_cfb(); }
EXPORT void CALL ViStatusChanged(void) { if (real.loaded) real.vi_status_changed(); }
EXPORT void CALL ViWidthChanged(void) { if (real.loaded) real.vi_width_changed(); }
EXPORT void CALL ResizeVideoOutput(int width, int height) { if (real.loaded) real.resize(width, height); }
EXPORT void CALL FBRead(unsigned int address) { if (real.loaded) real.fb_read(address); }
EXPORT void CALL FBWrite(unsigned int address, unsigned int size) { if (real.loaded) real.fb_write(address, size); }
EXPORT void CALL FBGetFrameBufferInfo(void *info) { if (real.loaded) real.fb_info(info); }

EXPORT void CALL ReadScreen2(void *out, int *width, int *height, int front)
{
    if (real.loaded) {
        real.read_screen(out, width, height, front);
    } else {
        *width = 0; /* the core's screenshots are not supported; LOCKSTEP_PICTURE replaces them */
        *height = 0;
    }
}
