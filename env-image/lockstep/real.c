/* Loads the real video plugin and finds its functions. */
#include "real.h"

#include <dlfcn.h>
#include <stdio.h>

struct real_plugin real;

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
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(message, sizeof message, "%s", dlerror());
        return message;
    }
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
