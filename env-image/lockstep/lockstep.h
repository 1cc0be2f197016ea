/* The memory that the Python side and the emulator process share, and the protocol that they use in it.
 *
 * One memory file per emulator:  [ control block, 4096 bytes | picture | observation | movie | history | saves | paks | RDRAM ]
 *
 * The emulator stops in the video plugin's UpdateScreen, once per vertical interrupt (VI), and at the moment of a
 * savestate, and waits there for `go`. Python writes a request, increments `request`, posts `go` and waits for `done`.
 * The plugin carries the request out, sets `answered` to `request` and posts `done`. Exactly one side runs at any time,
 * so the memory needs no lock.
 *
 * A signal handler may raise between any two instructions of the Python side. The two counts make that safe: a request is
 * open while they differ, and a `go` without an open request is ignored. So Python can post `go` again for an open
 * request, then wait until the counts are equal. An extra `done` is harmless, because Python compares the counts after
 * each wait.
 *
 * arm64 may show stores of one side to the other in another order. A posted semaphore makes all earlier stores visible to
 * the side that takes it, which is enough as long as each request has one `go` and one `done`. After an interrupt there may
 * be more. A side can then take an old semaphore and see the new count. So the plugin reads and writes the counts with
 * acquire and release, and Python puts a memory barrier beside them from the first interrupt on (shared.py, `fence`).
 *
 * n64gym/machine/shared.py declares the same layout; lockstep_attach refuses a block of another version or size. */
#ifndef LOCKSTEP_H
#define LOCKSTEP_H

#include <semaphore.h>
#include <stdint.h>

#define LOCKSTEP_MAGIC 0x4C4F434BU /* "LOCK" */
#define LOCKSTEP_VERSION 8U

#define LOCKSTEP_CONTROL_BYTES 4096
#define LOCKSTEP_PICTURE_BYTES (1024 * 768 * 3)     /* the largest picture that a ROM or a real video plugin can show */
#define LOCKSTEP_OBSERVATION_BYTES (1024 * 768 * 3)
#define LOCKSTEP_CONTROLLERS 4
#define LOCKSTEP_SAMPLES (1 << 22) /* controller words in the movie, and in the history: 19 hours at 60 per second */
#define LOCKSTEP_RDRAM_BYTES (8 << 20)

/* The memories that keep their contents without power, in the `saves` that belong to a savestate. `paks` has the present
 * contents of the controller paks. */
#define LOCKSTEP_EEPROM 0
#define LOCKSTEP_EEPROM_BYTES 0x800
#define LOCKSTEP_SRAM 0x1000
#define LOCKSTEP_SRAM_BYTES 0x8000
#define LOCKSTEP_FLASHRAM 0x9000
#define LOCKSTEP_FLASHRAM_BYTES 0x20000
#define LOCKSTEP_PAKS 0x29000
#define LOCKSTEP_PAK_BYTES 0x8000
#define LOCKSTEP_PAKS_BYTES (4 * LOCKSTEP_PAK_BYTES)
#define LOCKSTEP_RSP (LOCKSTEP_PAKS + LOCKSTEP_PAKS_BYTES) /* the registers of an interpreted RSP, see rsp.c */
#define LOCKSTEP_RSP_BYTES 0x1000
#define LOCKSTEP_SAVES_BYTES (LOCKSTEP_RSP + LOCKSTEP_RSP_BYTES)

#define LOCKSTEP_PICTURE_OFFSET LOCKSTEP_CONTROL_BYTES
#define LOCKSTEP_OBSERVATION_OFFSET (LOCKSTEP_PICTURE_OFFSET + LOCKSTEP_PICTURE_BYTES)
#define LOCKSTEP_MOVIE_OFFSET (LOCKSTEP_OBSERVATION_OFFSET + LOCKSTEP_OBSERVATION_BYTES)
#define LOCKSTEP_HISTORY_OFFSET (LOCKSTEP_MOVIE_OFFSET + 4 * LOCKSTEP_SAMPLES)
#define LOCKSTEP_SAVES_OFFSET (LOCKSTEP_HISTORY_OFFSET + 4 * LOCKSTEP_SAMPLES)
#define LOCKSTEP_PAKS_OFFSET (LOCKSTEP_SAVES_OFFSET + LOCKSTEP_SAVES_BYTES)
#define LOCKSTEP_RDRAM_OFFSET (LOCKSTEP_PAKS_OFFSET + LOCKSTEP_PAKS_BYTES) /* a multiple of 4096 */
/* RDRAM is not page-aligned in the core's memory, so the shared part is one page larger than RDRAM. */
#define LOCKSTEP_FILE_BYTES (LOCKSTEP_RDRAM_OFFSET + LOCKSTEP_RDRAM_BYTES + 4096)

enum lockstep_command {
    LOCKSTEP_START,     /* run to the first VI; sent before this process begins */
    LOCKSTEP_STEP,      /* run `vis` VIs with `buttons` held, then make the observation */
    LOCKSTEP_PICTURE,   /* convert the whole picture to RGB; no time passes */
    LOCKSTEP_SAVE,      /* take a savestate and stop at that moment; the core writes `path` a little later */
    LOCKSTEP_LOAD,      /* load a savestate from `path` and stop at its moment */
    LOCKSTEP_STOP,      /* end the emulation */
};

enum lockstep_format { LOCKSTEP_NONE = 0, LOCKSTEP_GRAY = 1, LOCKSTEP_RGB = 3 }; /* bytes per pixel */

struct lockstep_control {
    uint32_t magic, version, bytes; /* bytes = sizeof(struct lockstep_control) */
    uint32_t rdram_offset;          /* where RDRAM begins in the file; set by the plugin */
    sem_t go, done;

    /* The request, written by Python. */
    uint32_t request; /* counts them; the first is the start of the emulation */
    uint32_t command;
    uint32_t vis;
    uint32_t buttons[LOCKSTEP_CONTROLLERS]; /* each controller's word, a mupen64plus BUTTONS */
    uint32_t present;      /* bit n: a controller is plugged into port n; read once, when the ROM is opened */
    uint32_t with_pak;     /* bit n: the controller in port n has a controller pak */
    uint32_t clock;        /* of the cartridge's clock chip at power-on, in seconds since 1970 */
    uint32_t vis_per_second;
    uint32_t draws_rdp_lists; /* 1 if the real plugin draws lists of RDP commands into RDRAM, else 0; set before the start */
    uint32_t movie_length; /* while movie_position is less than this, the movie's words replace `buttons` */
    uint32_t observation_format, observation_height, observation_width;
    uint32_t observation_crop[4]; /* top, left, height, width in the picture's own pixels, see picture_crop; 0s = all */
    char path[512];

    /* The reply, written by the plugins. */
    uint32_t answered;         /* the `request` that was carried out last */
    uint32_t vi_count;         /* VIs since power-on; after LOCKSTEP_LOAD, since the power-on of the loaded run */
    uint32_t controller_reads; /* reads of all controllers (joybus command 0x01), counted from the same power-on */
    uint32_t reads[LOCKSTEP_CONTROLLERS]; /* reads of each controller */
    uint32_t movie_position;   /* words of the movie used so far */
    uint32_t display_lists;    /* display lists that the ROM gave to the GPU since this process began */
    uint32_t drawn_lists;      /* display lists that were drawn; 0 without a real plugin */
    uint32_t rdp_lists;        /* lists of RDP commands that the ROM gave to the GPU directly */
    uint32_t unknown_tasks;    /* RSP programs that nobody ran, because the RSP plugin does not know them */
    uint32_t interpreted_tasks; /* RSP programs that rsp.c ran, because the RSP plugin does not know them */
    uint32_t picture_height, picture_width;
    uint32_t state_failed; /* 1 if the core reports that the last LOCKSTEP_SAVE or LOCKSTEP_LOAD failed, else 0 */

    /* These counts when the savestate was taken: LOCKSTEP_SAVE returns them, LOCKSTEP_LOAD needs them. */
    uint32_t state_vi_count, state_controller_reads, state_reads[LOCKSTEP_CONTROLLERS];
};

_Static_assert(sizeof(struct lockstep_control) <= LOCKSTEP_CONTROL_BYTES, "the control block is one page");
_Static_assert(LOCKSTEP_RDRAM_OFFSET % 4096 == 0, "RDRAM is mapped in whole pages");

#endif
