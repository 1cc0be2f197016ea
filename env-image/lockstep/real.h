/* A real video plugin for ROMs that draw with the GPU. Our plugin forwards every call to it. */
#ifndef REAL_H
#define REAL_H

#include "picture.h"

#include <stdbool.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_common.h>
#include <m64p_plugin.h>

struct real_plugin {
    bool loaded;
    ptr_PluginStartup startup;
    ptr_PluginShutdown shutdown;
    ptr_ChangeWindow change_window;
    ptr_InitiateGFX initiate;
    ptr_MoveScreen move_screen;
    ptr_ProcessDList process_dlist;
    ptr_ProcessRDPList process_rdp_list;
    ptr_RomClosed rom_closed;
    ptr_RomOpen rom_open;
    ptr_ShowCFB show_cfb;
    ptr_UpdateScreen update_screen;
    ptr_ViStatusChanged vi_status_changed;
    ptr_ViWidthChanged vi_width_changed;
    ptr_ReadScreen2 read_screen;
    ptr_SetRenderingCallback set_rendering_callback;
    ptr_ResizeVideoOutput resize;
    ptr_FBRead fb_read;
    ptr_FBWrite fb_write;
    ptr_FBGetFrameBufferInfo fb_info;
};

extern struct real_plugin real;

/* Loads the plugin at `path`. Returns NULL, or an error message (valid until the next call). */
const char *real_load(const char *path);

/* Returns the picture in the plugin's back buffer. Call it only on the emulation thread and before the buffers are swapped.
 * Its pixels are NULL if there is no picture. The picture is valid until the next call. */
struct picture real_read_back_buffer(void);

#endif
