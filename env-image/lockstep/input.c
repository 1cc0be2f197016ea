/* mupen64plus input plugin. It answers a read of controller 1 with the movie's next word. After the movie's end, or without
 * a movie, it answers with the word that Python has set. It records every word that the game has read. The other
 * controllers always answer with a neutral word.
 *
 * It handles raw joybus commands, because only they distinguish a controller read (0x01) from a status request. */
#include "lockstep.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_common.h>
#include <m64p_plugin.h>

enum joybus { JOYBUS_STATUS = 0x00, JOYBUS_READ = 0x01, JOYBUS_PAK_READ = 0x02, JOYBUS_PAK_WRITE = 0x03, JOYBUS_RESET = 0xFF };

static struct lockstep_control *control;
static uint32_t *movie, *history;

/* Maps the memory file (lockstep_attach of the video plugin checks its version). Returns NULL or an error message. */
EXPORT const char *CALL lockstep_attach(int fd, const char *unused)
{
    (void)unused;
    uint8_t *shared = mmap(NULL, LOCKSTEP_FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        return "the shared memory cannot be mapped";
    control = (struct lockstep_control *)shared;
    movie = (uint32_t *)(shared + LOCKSTEP_MOVIE_OFFSET);
    history = (uint32_t *)(shared + LOCKSTEP_HISTORY_OFFSET);
    return NULL;
}

/* Returns the word for one read of controller 1, and records it. An .m64 movie calls this word a sample. */
static uint32_t next_sample(void)
{
    uint32_t word = control->buttons;

    if (control->movie_position < control->movie_length)
        word = movie[control->movie_position++];
    if (control->controller_reads < LOCKSTEP_SAMPLES)
        history[control->controller_reads] = word;
    control->controller_reads++;
    return word;
}

EXPORT void CALL InitiateControllers(CONTROL_INFO info)
{
    for (int port = 0; port < 4; port++) {
        info.Controls[port].Present = control && (control->present >> port & 1);
        info.Controls[port].RawData = 1;
        info.Controls[port].Plugin = PLUGIN_RAW;
    }
}

/* command: [0] bytes sent, [1] bytes expected, [2] the command's code, then its data, then the answer. */
EXPORT void CALL ReadController(int port, unsigned char *command)
{
    if (port < 0 || port > 3 || !command || !control)
        return;
    if (!(control->present >> port & 1)) {
        command[1] |= 0x80; /* no answer: there is no controller */
        return;
    }
    unsigned char *answer = command + 2 + (command[0] & 0x3F);
    switch (command[2]) {
    case JOYBUS_STATUS:
    case JOYBUS_RESET:
        memcpy(answer, (unsigned char[]){0x05, 0x00, 0x00}, 3); /* a standard controller, nothing in its pak slot */
        break;
    case JOYBUS_READ: { /* a little-endian BUTTONS has the byte order of the joybus */
        uint32_t word = port == 0 ? next_sample() : 0;
        memcpy(answer, &word, 4);
        break;
    }
    case JOYBUS_PAK_READ:
    case JOYBUS_PAK_WRITE:
        command[1] |= 0x80; /* no answer: there is no pak */
        break;
    }
}

EXPORT void CALL GetKeys(int port, BUTTONS *keys)
{
    keys->Value = control && port == 0 ? control->buttons : 0;
}

EXPORT m64p_error CALL PluginGetVersion(m64p_plugin_type *type, int *version, int *api, const char **name, int *capabilities)
{
    if (type)
        *type = M64PLUGIN_INPUT;
    if (version)
        *version = 0x010000;
    if (api)
        *api = 0x020101;
    if (name)
        *name = "a3c64 lockstep input";
    if (capabilities)
        *capabilities = 0;
    return M64ERR_SUCCESS;
}

EXPORT m64p_error CALL PluginStartup(m64p_dynlib_handle core, void *context, void (*debug)(void *, int, const char *))
{
    (void)core, (void)context, (void)debug;
    return M64ERR_SUCCESS;
}

EXPORT m64p_error CALL PluginShutdown(void) { return M64ERR_SUCCESS; }
EXPORT int CALL RomOpen(void) { return 1; }
EXPORT void CALL RomClosed(void) {}
EXPORT void CALL ControllerCommand(int port, unsigned char *command) { (void)port, (void)command; }
EXPORT void CALL SDL_KeyDown(int modifier, int key) { (void)modifier, (void)key; }
EXPORT void CALL SDL_KeyUp(int modifier, int key) { (void)modifier, (void)key; }
