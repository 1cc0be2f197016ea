/* mupen64plus input plugin. It answers each read of a controller with the movie's next word. After the movie's end, or
 * without a movie, it answers with the word that Python has set for this controller. It records every word that the game has
 * read. Movie and record have the words of all controllers in the order of the reads, as an .m64 file has.
 *
 * It handles raw joybus commands, because only they distinguish a controller read (0x01) from a status request. */
#include "lockstep.h"
#include "version.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_common.h>
#include <m64p_plugin.h>

enum joybus { JOYBUS_STATUS = 0x00, JOYBUS_READ = 0x01, JOYBUS_PAK_READ = 0x02, JOYBUS_PAK_WRITE = 0x03, JOYBUS_RESET = 0xFF };

#define PAK_BLOCK 32 /* bytes */

static struct lockstep_control *control;
static uint32_t *movie, *history;
static uint8_t *paks;

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
    paks = shared + LOCKSTEP_PAKS_OFFSET;
    return NULL;
}

/* Returns the word for one read of a controller, and records it. An .m64 movie calls this word a sample. */
static uint32_t next_sample(int port)
{
    uint32_t word = control->buttons[port];

    if (control->movie_position < control->movie_length)
        word = movie[control->movie_position++];
    if (control->controller_reads < LOCKSTEP_SAMPLES)
        history[control->controller_reads] = word;
    control->controller_reads++;
    control->reads[port]++;
    return word;
}

EXPORT void CALL InitiateControllers(CONTROL_INFO info)
{
    for (int port = 0; port < LOCKSTEP_CONTROLLERS; port++) {
        info.Controls[port].Present = control && (control->present >> port & 1);
        info.Controls[port].RawData = 1;
        info.Controls[port].Plugin = PLUGIN_RAW;
    }
}

/* The checksum of a block of a pak: a CRC with the polynomial x^8 + x^7 + x^2 + 1. */
static uint8_t pak_checksum(const uint8_t *block)
{
    uint8_t sum = 0;
    for (int bit = 0; bit < (PAK_BLOCK + 1) * 8; bit++) {
        uint8_t carry = sum & 0x80 ? 0x85 : 0;
        uint8_t next = bit < PAK_BLOCK * 8 ? block[bit / 8] >> (7 - bit % 8) & 1 : 0;
        sum = (uint8_t)(sum << 1 | next) ^ carry;
    }
    return sum;
}

/* Reads or writes a block of a controller pak. The address is bytes 3 and 4, without its low 5 bits. Addresses from 0x8000 on
 * are not memory: they tell the kind of a pak, and this kind answers 0. */
static void use_pak(uint8_t *pak, unsigned char *command, unsigned char *answer)
{
    uint32_t address = command[3] << 8 | (command[4] & 0xE0);
    uint8_t *block = pak + address;

    if (command[2] == JOYBUS_PAK_READ) {
        if (address < LOCKSTEP_PAK_BYTES)
            memcpy(answer, block, PAK_BLOCK);
        else
            memset(answer, 0, PAK_BLOCK);
        answer[PAK_BLOCK] = pak_checksum(answer);
    } else {
        if (address < LOCKSTEP_PAK_BYTES)
            memcpy(block, command + 5, PAK_BLOCK);
        answer[0] = pak_checksum(command + 5);
    }
}

/* command: [0] bytes sent, [1] bytes expected, [2] the command's code, then its data, then the answer. */
EXPORT void CALL ReadController(int port, unsigned char *command)
{
    if (port < 0 || port >= LOCKSTEP_CONTROLLERS || !command || !control)
        return;
    if (!(control->present >> port & 1)) {
        command[1] |= 0x80; /* no answer: there is no controller */
        return;
    }
    unsigned char *answer = command + 2 + (command[0] & 0x3F);
    switch (command[2]) {
    case JOYBUS_STATUS:
    case JOYBUS_RESET:
        /* a standard controller, and whether its slot has a pak */
        memcpy(answer, (unsigned char[]){0x05, 0x00, control->with_pak >> port & 1}, 3);
        break;
    case JOYBUS_READ: { /* a little-endian BUTTONS has the byte order of the joybus */
        uint32_t word = next_sample(port);
        memcpy(answer, &word, 4);
        break;
    }
    case JOYBUS_PAK_READ:
    case JOYBUS_PAK_WRITE:
        if (control->with_pak >> port & 1)
            use_pak(paks + port * LOCKSTEP_PAK_BYTES, command, answer);
        else
            command[1] |= 0x80; /* no answer: there is no pak */
        break;
    }
}

EXPORT void CALL GetKeys(int port, BUTTONS *keys)
{
    keys->Value = control && port >= 0 && port < LOCKSTEP_CONTROLLERS ? control->buttons[port] : 0;
}

EXPORT m64p_error CALL PluginGetVersion(m64p_plugin_type *type, int *version, int *api, const char **name, int *capabilities)
{
    struct plugin plugin = {M64PLUGIN_INPUT, 0x020101, "a3c64 lockstep input"};
    return describe(plugin, type, version, api, name, capabilities);
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
