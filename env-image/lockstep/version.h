/* What a plugin says about itself when the core calls its PluginGetVersion. */
#ifndef VERSION_H
#define VERSION_H

#include <m64p_types.h>

struct plugin {
    m64p_plugin_type type;
    int api; /* the version of this type's interface */
    const char *name;
};

/* Each pointer may be NULL: the core does not ask for that value. */
static inline m64p_error describe(struct plugin plugin, m64p_plugin_type *type, int *version, int *api, const char **name,
                                  int *capabilities)
{
    if (type)
        *type = plugin.type;
    if (version)
        *version = 0x010000;
    if (api)
        *api = plugin.api;
    if (name)
        *name = plugin.name;
    if (capabilities)
        *capabilities = 0;
    return M64ERR_SUCCESS;
}

#endif
