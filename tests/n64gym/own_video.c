/* A video plugin as users may have one: it draws lists of RDP commands into RDRAM. It knows rectangles of one colour only. */
#include <stdint.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_common.h>
#include <m64p_plugin.h>

static GFX_INFO gfx;
static uint32_t image, width, colour;

static uint32_t word_at(uint32_t address) { return *(uint32_t *)(gfx.RDRAM + (address & 0x7FFFFC)); }

EXPORT void CALL ProcessRDPList(void)
{
    for (uint32_t at = *gfx.DPC_CURRENT_REG; at < *gfx.DPC_END_REG; at += 8) {
        uint32_t first = word_at(at), second = word_at(at + 4);
        switch (first >> 24 & 0x3F) {
        case 0x3F: image = second, width = (first & 0x3FF) + 1; break;
        case 0x37: colour = second; break;
        case 0x36: /* lower right corner, then upper left, in quarters of a pixel */
            for (uint32_t y = second >> 2 & 0x3FF; y <= (first >> 2 & 0x3FF); y++)
                for (uint32_t x = second >> 14 & 0x3FF; x <= (first >> 14 & 0x3FF); x++)
                    *(uint16_t *)(gfx.RDRAM + ((image + 2 * (y * width + x)) ^ 2)) = colour;
            break;
        case 0x29:
            *gfx.MI_INTR_REG |= 0x20;
            gfx.CheckInterrupts();
        }
    }
    *gfx.DPC_START_REG = *gfx.DPC_CURRENT_REG = *gfx.DPC_END_REG;
}

EXPORT int CALL InitiateGFX(GFX_INFO info)
{
    gfx = info;
    return 1;
}

EXPORT m64p_error CALL PluginGetVersion(m64p_plugin_type *type, int *version, int *api, const char **name, int *capabilities)
{
    *type = M64PLUGIN_GFX, *version = 1, *api = 0x020200, *name = "own", *capabilities = 0;
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
EXPORT void CALL ChangeWindow(void) {}
EXPORT void CALL MoveScreen(int x, int y) { (void)x, (void)y; }
EXPORT void CALL ShowCFB(void) {}
EXPORT void CALL UpdateScreen(void) {}
EXPORT void CALL ViStatusChanged(void) {}
EXPORT void CALL ViWidthChanged(void) {}
EXPORT void CALL ProcessDList(void) {}
EXPORT void CALL ReadScreen2(void *out, int *w, int *h, int front) { (void)out, (void)front, *w = 0, *h = 0; }
EXPORT void CALL SetRenderingCallback(void (*callback)(int)) { (void)callback; }
EXPORT void CALL ResizeVideoOutput(int w, int h) { (void)w, (void)h; }
EXPORT void CALL FBRead(unsigned int address) { (void)address; }
EXPORT void CALL FBWrite(unsigned int address, unsigned int size) { (void)address, (void)size; }
EXPORT void CALL FBGetFrameBufferInfo(void *info) { (void)info; }
