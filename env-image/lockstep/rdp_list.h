/* Parses a list of RDP commands without drawing it. */
#ifndef RDP_LIST_H
#define RDP_LIST_H

#include <stdbool.h>

#define M64P_PLUGIN_PROTOTYPES 1
#include <m64p_plugin.h>

/* Returns whether the list in the DPC registers has a FullSync, which raises the DP interrupt. A list may end within a command;
 * the next list has the rest of it. */
bool rdp_list_syncs(const GFX_INFO *gfx);

/* Forgets an unfinished command after a savestate was loaded. */
void rdp_list_forget(void);

#endif
