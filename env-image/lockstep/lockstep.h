/* The memory that the Python side and the emulator process share, and the conversation held in it.
 *
 * One memory file per emulator:  [ control block, 4096 bytes | picture | observation | RDRAM ]
 *
 * The emulator stops in the video plugin's UpdateScreen, once per vertical interrupt (VI), and waits there for `go`.
 * Python writes a request, posts `go` and waits for `done`; the plugin carries the request out and posts `done`.
 * Exactly one side runs at any time, so nothing in here needs a lock.
 *
 * n64gym/shared.py declares the same layout; lockstep_attach refuses a block of another version or size. */
#ifndef LOCKSTEP_H
#define LOCKSTEP_H

#include <semaphore.h>
#include <stdint.h>

#define LOCKSTEP_MAGIC 0x4C4F434BU /* "LOCK" */
#define LOCKSTEP_VERSION 1U

#define LOCKSTEP_CONTROL_BYTES 4096
#define LOCKSTEP_PICTURE_BYTES (1024 * 768 * 3)     /* the largest picture that a ROM or a real video plugin may show */
#define LOCKSTEP_OBSERVATION_BYTES (1024 * 768 * 3)
#define LOCKSTEP_RDRAM_BYTES (8 << 20)

#define LOCKSTEP_PICTURE_OFFSET LOCKSTEP_CONTROL_BYTES
#define LOCKSTEP_OBSERVATION_OFFSET (LOCKSTEP_PICTURE_OFFSET + LOCKSTEP_PICTURE_BYTES)
#define LOCKSTEP_RDRAM_OFFSET (LOCKSTEP_OBSERVATION_OFFSET + LOCKSTEP_OBSERVATION_BYTES) /* a multiple of 4096 */
/* RDRAM does not begin on a page in the core's memory, so one page more than RDRAM is shared. */
#define LOCKSTEP_FILE_BYTES (LOCKSTEP_RDRAM_OFFSET + LOCKSTEP_RDRAM_BYTES + 4096)

enum lockstep_command {
    LOCKSTEP_STEP = 1,  /* run `vis` VIs with `buttons` held, then make the observation */
    LOCKSTEP_PICTURE,   /* convert the whole picture to RGB; no time passes */
    LOCKSTEP_SAVE,      /* queue a savestate to `path`; takes one VI, the file is written a little later */
    LOCKSTEP_LOAD,      /* load a savestate from `path`, and run to the first VI after it */
    LOCKSTEP_STOP,      /* end the emulation */
};

enum lockstep_format { LOCKSTEP_NONE = 0, LOCKSTEP_GRAY = 1, LOCKSTEP_RGB = 3 }; /* bytes per pixel */

struct lockstep_control {
    uint32_t magic, version, bytes; /* bytes = sizeof(struct lockstep_control) */
    uint32_t rdram_offset;          /* where RDRAM begins in the file; set by the plugin */
    sem_t go, done;

    /* The request, written by Python. */
    uint32_t command;
    uint32_t vis;
    uint32_t buttons[4]; /* mupen64plus BUTTONS words, one a port */
    uint32_t present;    /* bit n: a controller is plugged into port n; read once, when the ROM is opened */
    uint32_t observation_format, observation_height, observation_width;
    char path[512];

    /* The reply, written by the plugins. */
    uint32_t vi_count;         /* VIs since power-on */
    uint32_t controller_reads; /* joybus commands 0x01 answered since power-on: the samples of a .m64 movie */
    uint32_t display_lists;    /* pictures that the ROM gave to the GPU: not drawn unless a real plugin is behind us */
    uint32_t picture_height, picture_width;
    uint32_t load_failed; /* the core's verdict on the last LOCKSTEP_LOAD */
};

_Static_assert(sizeof(struct lockstep_control) <= LOCKSTEP_CONTROL_BYTES, "the control block is one page");
_Static_assert(LOCKSTEP_RDRAM_OFFSET % 4096 == 0, "RDRAM is mapped in whole pages");

#endif
