/* Decides which of the GPU's pictures the real video plugin draws, and which one is on the screen. */
#ifndef GPU_H
#define GPU_H

#include "picture.h"

#include <stdbool.h>
#include <stdint.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_plugin.h>

/* Times in VIs. `now` is the present and `end` is the end of the step, both since the emulator's start. `vis` is the
 * length of the step. */
struct moment {
    uint32_t now, end, vis;
};

/* Handles a display list that the ROM has given to the GPU. Returns whether the list was drawn. */
bool gpu_list(GFX_INFO *gfx, struct moment moment);

/* The real plugin has shown a picture without a display list, from pixels that the CPU has drawn. Such a picture is read from
 * RDRAM, because the plugin writes its messages into its own copy. */
void gpu_cpu_picture(void);

/* Returns the picture on the screen. Its pixels are NULL if the real plugin did not draw it: it is in RDRAM. */
struct picture gpu_picture(void);

/* Discards all pictures after a savestate was loaded: they belong to the abandoned run. */
void gpu_forget(void);

/* Returns whether the real plugin is drawing a display list. */
bool gpu_is_drawing(void);

#endif
