/* Loads the real video plugin, finds its functions, and reads the pictures that it draws. */
#include "real.h"
#include "lockstep.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Mesa converts its back buffer to this format faster than to any other: in SIMD instructions. */
enum gl_constant { GL_BACK = 0x405, GL_READ_BUFFER = 0xC02, GL_RGBA = 0x1908, GL_UNSIGNED_BYTE = 0x1401 };

struct real_plugin real;

static struct {
    void (*get_integer)(unsigned, int *);
    void (*read_buffer)(unsigned);
    void (*read_pixels)(int, int, int, int, unsigned, unsigned, void *);
} gl;

const char *real_load(const char *path)
{
    static char message[256];
    const struct { const char *name; void *slot; } functions[] = {
        {"PluginStartup", &real.startup},
        {"PluginShutdown", &real.shutdown},
        {"ChangeWindow", &real.change_window},
        {"InitiateGFX", &real.initiate},
        {"MoveScreen", &real.move_screen},
        {"ProcessDList", &real.process_dlist},
        {"ProcessRDPList", &real.process_rdp_list},
        {"RomClosed", &real.rom_closed},
        {"RomOpen", &real.rom_open},
        {"ShowCFB", &real.show_cfb},
        {"UpdateScreen", &real.update_screen},
        {"ViStatusChanged", &real.vi_status_changed},
        {"ViWidthChanged", &real.vi_width_changed},
        {"ReadScreen2", &real.read_screen},
        {"SetRenderingCallback", &real.set_rendering_callback},
        {"ResizeVideoOutput", &real.resize},
        {"FBRead", &real.fb_read},
        {"FBWrite", &real.fb_write},
        {"FBGetFrameBufferInfo", &real.fb_info},
    };
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL), *opengl = NULL;
    if (library)
        opengl = dlopen("libGL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!opengl) {
        snprintf(message, sizeof message, "%s", dlerror());
        return message;
    }
    *(void **)&gl.get_integer = dlsym(opengl, "glGetIntegerv");
    *(void **)&gl.read_buffer = dlsym(opengl, "glReadBuffer");
    *(void **)&gl.read_pixels = dlsym(opengl, "glReadPixels");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *symbol = dlsym(library, functions[i].name);
        if (!symbol) {
            snprintf(message, sizeof message, "%s has no function %s: not a video plugin", path, functions[i].name);
            return message;
        }
        *(void **)functions[i].slot = symbol;
    }
    real.loaded = true;
    return NULL;
}

/* The plugins' ReadScreen2 is not usable: glide64mk2's reads the front buffer, which is black under Mesa and Xvfb. */
struct picture real_read_back_buffer(void)
{
    static uint32_t pixels[LOCKSTEP_PICTURE_BYTES / 3];
    int width = 0, height = 0, read_buffer;

    real.read_screen(NULL, &width, &height, 0);
    if (width <= 0 || height <= 0 || width > 1024 || height > 768)
        return (struct picture){0};
    gl.get_integer(GL_READ_BUFFER, &read_buffer);
    gl.read_buffer(GL_BACK);
    gl.read_pixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, pixels); /* rows of whole words need no padding */
    gl.read_buffer(read_buffer);
    return (struct picture){
        .pixels = pixels + (size_t)(height - 1) * width, .stride = width, .height = height, .width = width};
}
