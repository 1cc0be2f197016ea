/* Replaces functions of the C library in the emulator process (LD_PRELOAD), so that the core's world is only the run:
 *
 *  - time() is the console's clock: its time at power-on plus the VIs that have passed.
 *  - The files of EEPROM, SRAM and FlashRAM are not on the disk. Their first contents come from the shared memory, and the place
 *    where the core keeps them is found when it reads them, so that savestates can include them.
 *  - The moment at which the core has taken a savestate is known, in mupen64plus 2.5.9 and 2.6.0: see SDL_UnlockMutex. */
#define _GNU_SOURCE
#include "lockstep.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* One kind of memory that keeps its contents without power. */
struct memory {
    const char *ending; /* of its file's name, with the dot */
    uint32_t offset, bytes;
    FILE *reading; /* the file that stands for it, while the core reads it */
    uint8_t *core; /* where the core keeps the contents */
    size_t core_bytes;
};

static struct memory memories[] = {
    {".eep", LOCKSTEP_EEPROM, LOCKSTEP_EEPROM_BYTES, NULL, NULL, 0},
    {".sra", LOCKSTEP_SRAM, LOCKSTEP_SRAM_BYTES, NULL, NULL, 0},
    {".fla", LOCKSTEP_FLASHRAM, LOCKSTEP_FLASHRAM_BYTES, NULL, NULL, 0},
    {"no file", LOCKSTEP_RSP, LOCKSTEP_RSP_BYTES, NULL, NULL, 0}, /* see lockstep_keep_rsp */
};
enum { MEMORIES = sizeof memories / sizeof *memories, RSP = MEMORIES - 1 };

static const struct lockstep_control *control;
static uint8_t *saves, *paks;

/* Maps the memory file (lockstep_attach of the video plugin checks its version). Returns NULL or an error message. */
EXPORT const char *lockstep_attach_system(int fd)
{
    uint8_t *shared = mmap(NULL, LOCKSTEP_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        return "the shared memory cannot be mapped";
    control = (const struct lockstep_control *)shared;
    saves = shared + LOCKSTEP_SAVES_OFFSET;
    paks = shared + LOCKSTEP_PAKS_OFFSET;
    return NULL;
}

/* Copies the contents of all memories between the machine and the shared memory. */
EXPORT void lockstep_saves(bool to_machine)
{
    for (int i = 0; i < MEMORIES; i++) {
        struct memory *one = &memories[i];
        if (one->core && to_machine)
            memcpy(one->core, saves + one->offset, one->core_bytes);
        else if (one->core)
            memcpy(saves + one->offset, one->core, one->core_bytes);
    }
    if (to_machine)
        memcpy(paks, saves + LOCKSTEP_PAKS, LOCKSTEP_PAKS_BYTES);
    else
        memcpy(saves + LOCKSTEP_PAKS, paks, LOCKSTEP_PAKS_BYTES);
}

/* Savestates include the registers of the RSP from now on. */
EXPORT void lockstep_keep_rsp(void *registers, size_t bytes)
{
    memories[RSP].core = registers;
    memories[RSP].core_bytes = bytes;
}

static void (*state_taken)(void);
static void *queue_lock; /* of the core's queue of work for its other threads */

/* Calls `callback` on the emulation thread whenever the core has taken a savestate, before the core writes its file. */
EXPORT void lockstep_when_taken(void (*callback)(void))
{
    state_taken = callback;
}

static void *of_sdl(const char *name)
{
    return dlsym(dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_NOLOAD), name);
}

static bool is_emulation_thread(void)
{
    return gettid() == getpid();
}

/* The core's other threads wait for work here. */
EXPORT int SDL_CondWait(void *condition, void *lock)
{
    static int (*original)(void *, void *);

    if (!original)
        *(void **)&original = of_sdl("SDL_CondWait");
    if (!is_emulation_thread())
        __atomic_store_n(&queue_lock, lock, __ATOMIC_RELEASE);
    return original(condition, lock);
}

/* The only work that the emulation thread puts into the queue is to write a savestate that has just been taken. The core's
 * own callback cannot be used: mupen64plus 2.6.0 calls it later, on another thread. */
EXPORT int SDL_UnlockMutex(void *lock)
{
    static int (*original)(void *);

    if (!original)
        *(void **)&original = of_sdl("SDL_UnlockMutex");
    int result = original(lock);
    if (state_taken && is_emulation_thread() && lock == __atomic_load_n(&queue_lock, __ATOMIC_ACQUIRE))
        state_taken();
    return result;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (control)
        now.tv_sec = (time_t)control->clock + control->vi_count / control->vis_per_second;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static FILE *open_file(const char *path, const char *mode)
{
    static FILE *(*original)(const char *, const char *);
    const char *ending = strrchr(path, '.');

    if (!original)
        *(void **)&original = dlsym(RTLD_NEXT, "fopen");
    for (int i = 0; i < MEMORIES && control && ending; i++) {
        struct memory *one = &memories[i];
        if (strcmp(ending, one->ending) != 0)
            continue;
        if (mode[0] != 'r' || strchr(mode, '+'))
            return original("/dev/null", mode);
        return one->reading = fmemopen(saves + one->offset, one->bytes, "r");
    }
    return original(path, mode);
}

EXPORT FILE *fopen(const char *path, const char *mode) { return open_file(path, mode); }
EXPORT FILE *fopen64(const char *path, const char *mode) { return open_file(path, mode); }

EXPORT size_t fread(void *to, size_t size, size_t count, FILE *file)
{
    static size_t (*original)(void *, size_t, size_t, FILE *);

    if (!original)
        *(void **)&original = dlsym(RTLD_NEXT, "fread");
    for (int i = 0; i < MEMORIES; i++) {
        struct memory *one = &memories[i];
        if (file == one->reading && file && size * count <= one->bytes) {
            one->reading = NULL;
            one->core = to;
            one->core_bytes = size * count;
        }
    }
    return original(to, size, count, file);
}
