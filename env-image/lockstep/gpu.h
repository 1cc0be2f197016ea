/* The GPU's pictures: which of them the real video plugin draws, and which one is on the screen. */
#ifndef GPU_H
#define GPU_H

#include "picture.h"

#include <stdbool.h>
#include <stdint.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_plugin.h>

/* When it is, in VIs since the emulator was started, and where the present step ends and how long it is. */
struct moment {
    uint32_t now, end, vis;
};

/* The ROM has given a display list to the GPU. Returns whether it was drawn. */
bool gpu_list(GFX_INFO *gfx, struct moment moment);

/* The real plugin has finished a picture by itself, from what the CPU has drawn. */
void gpu_cpu_picture(void);

/* The picture on the screen; its rgb is NULL as long as the real plugin has drawn none. */
struct picture gpu_picture(void);

/* A state was loaded: what was drawn before belongs to another run. */
void gpu_forget(void);

/* Whether the plugin is at work on a display list. */
bool gpu_is_drawing(void);

#endif
