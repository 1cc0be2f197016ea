/* Runs the lockstep plugins without an emulator: a thread calls them as the core does, and main steps it as Python does.
 *
 * plugins VIDEO.so INPUT.so BYTES. BYTES is the size of the control block in shared.py.
 * Prints each step's counts and a digest of its observation. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "lockstep.h"

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_common.h>
#include <m64p_frontend.h>
#include <m64p_plugin.h>

enum { WIDTH = 320, HEIGHT = 240, ORIGIN = 0x100000, STEPS = 300, TIMEOUT_S = 30 };

static struct lockstep_control *control;
static uint8_t *shared;
static _Alignas(4096) uint8_t rdram_pages[LOCKSTEP_RDRAM_BYTES + 8192];
static void (*update_screen)(void);
static void (*read_controller)(int, unsigned char *);
static int stopped;

/* The core's function that the video plugin looks up. Only LOCKSTEP_STOP is sent here. */
EXPORT m64p_error CALL CoreDoCommand(m64p_command command, int parameter, void *data)
{
    (void)parameter, (void)data;
    stopped = command == M64CMD_STOP;
    return M64ERR_SUCCESS;
}

static void check(int right, const char *what)
{
    if (!right) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static void *find(void *library, const char *name)
{
    void *function = dlsym(library, name);
    check(function != NULL, name);
    return function;
}

/* Each VI the game reads the controller and paints a picture from what it has read. */
static void *core(void *rdram)
{
    uint64_t random = 1;
    while (!stopped) {
        uint8_t command[8] = {1, 4, 1};
        read_controller(0, command);
        random += command[3] | command[4] << 8;
        for (int i = 0; i < WIDTH * HEIGHT / 2; i++)
            ((uint32_t *)rdram)[ORIGIN / 4 + i] = draw(&random);
        update_screen();
    }
    return NULL;
}

static void wait_for_answer(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TIMEOUT_S;
    check(sem_clockwait(&control->done, CLOCK_MONOTONIC, &until) == 0, "no answer");
    check(control->answered == control->request, "the answer is to another request");
}

static void call(uint32_t command)
{
    control->command = command;
    control->request++;
    sem_post(&control->go);
    if (command != LOCKSTEP_STOP)
        wait_for_answer();
}

int main(int count, char **arguments)
{
    check(count == 4, "plugins VIDEO.so INPUT.so BYTES");
    int fd = memfd_create("lockstep", 0);
    check(ftruncate(fd, LOCKSTEP_FILE_BYTES) == 0, "no memory file");
    shared = mmap(NULL, LOCKSTEP_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = (struct lockstep_control *)shared;
    control->magic = LOCKSTEP_MAGIC, control->version = LOCKSTEP_VERSION, control->bytes = atoi(arguments[3]);
    sem_init(&control->go, 1, 0), sem_init(&control->done, 1, 0);
    control->present = 1;
    control->request = 1; /* LOCKSTEP_START */
    control->movie_length = 40;
    for (uint32_t i = 0; i < control->movie_length; i++)
        ((uint32_t *)(shared + LOCKSTEP_MOVIE_OFFSET))[i] = i * 0x01010101;

    for (int i = 1; i <= 2; i++) {
        void *library = dlopen(arguments[i], RTLD_NOW | RTLD_LOCAL);
        check(library != NULL, dlerror());
        const char *(*attach)(int, const char *) = find(library, "lockstep_attach");
        const char *problem = attach(fd, NULL);
        check(problem == NULL, problem);
        if (i == 2) {
            read_controller = find(library, "ReadController");
            continue;
        }
        update_screen = find(library, "UpdateScreen");
        ptr_PluginStartup startup = find(library, "PluginStartup");
        check(startup(dlopen(NULL, RTLD_NOW), NULL, NULL) == M64ERR_SUCCESS, "PluginStartup");
        static unsigned int status = 2, origin = ORIGIN, width = WIDTH, h_start = 0x006C02EC, v_start = 0x002501FF,
                            x_scale = 0x200, y_scale = 0x400;
        GFX_INFO info = {.RDRAM = rdram_pages + 64, .VI_STATUS_REG = &status, .VI_ORIGIN_REG = &origin,
                         .VI_WIDTH_REG = &width, .VI_H_START_REG = &h_start, .VI_V_START_REG = &v_start,
                         .VI_X_SCALE_REG = &x_scale, .VI_Y_SCALE_REG = &y_scale};
        ptr_InitiateGFX initiate = find(library, "InitiateGFX");
        check(initiate(info), "InitiateGFX");
    }
    pthread_t thread;
    check(pthread_create(&thread, NULL, core, rdram_pages + 64) == 0, "no thread");
    wait_for_answer();
    uint64_t random = 2;
    for (int step = 0; step < STEPS; step++) {
        control->vis = 1 + draw(&random) % 5;
        control->buttons[0] = draw(&random);
        control->observation_format = step % 3 ? LOCKSTEP_GRAY : LOCKSTEP_RGB;
        control->observation_height = 30 + step % 50, control->observation_width = 40 + step % 70;
        call(LOCKSTEP_STEP);
        if (step % 7 == 6)
            call(LOCKSTEP_PICTURE);
        size_t bytes = control->observation_height * control->observation_width * control->observation_format;
        uint64_t sum = digest(0, shared + LOCKSTEP_OBSERVATION_OFFSET, bytes);
        sum = digest(sum, shared + control->rdram_offset + ORIGIN, WIDTH * HEIGHT * 2);
        sum = digest(sum, shared + LOCKSTEP_PICTURE_OFFSET, (size_t)control->picture_height * control->picture_width * 3);
        printf("%u VIs, %u reads, %u of the movie, picture %ux%u, %016llx\n", control->vi_count, control->controller_reads,
               control->movie_position, control->picture_height, control->picture_width, (unsigned long long)sum);
    }
    call(LOCKSTEP_STOP);
    pthread_join(thread, NULL);
    return 0;
}
