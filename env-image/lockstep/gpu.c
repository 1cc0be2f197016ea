/* Draws the pictures that are on the screen when a step ends, and spares the real video plugin the others.
 *
 * A game hands over a display list (or several: the last one syncs), and shows that picture when it begins the next. So a
 * picture is on the screen from the beginning of the next to the beginning of the next but one; when these come is
 * foretold from the last ones. A wrong guess makes a picture older or newer than a television would have it, never half
 * drawn, and all of it depends on nothing but what the machine does and how long the steps are.
 *
 * The machine itself cannot tell whether a list was drawn: an undrawn one raises the same interrupt. What is lost are
 * effects that need the picture before, as motion blur does, and what a plugin copies back into RDRAM. */
#include "gpu.h"
#include "display_list.h"
#include "lockstep.h"
#include "real.h"

#define MI_INTR_DP 0x20
enum task { TASK_DATA = 0xFF0 }; /* in DMEM: where the display list begins */

static struct picture shown;
static bool shown_is_current; /* the picture on the screen was drawn, and is `shown` */
static bool drawn;            /* the latest picture is drawn, as far as it has come */
static bool unfinished;       /* its last list has not come yet */
static bool drawing;
static uint32_t begun_at, intervals[2], intervals_known;

/* Whether the picture that begins now will be on the screen at the end of a step. */
static bool is_wanted(struct moment moment)
{
    uint32_t soonest = intervals[0] < intervals[1] ? intervals[0] : intervals[1];
    uint32_t appears = moment.now + soonest, goes = moment.now + intervals[0] + intervals[1];

    if (intervals_known < 2)
        return true;
    if (goes < moment.end)
        return false;
    return appears < moment.end || goes >= moment.end + moment.vis; /* the next step will be as long as this one */
}

static void begin_picture(struct moment moment)
{
    if (drawn)
        shown = real_read_back_buffer();
    shown_is_current = drawn;
    intervals[0] = intervals[1];
    intervals[1] = moment.now - begun_at;
    begun_at = moment.now;
    if (intervals_known < 2)
        intervals_known++;
    drawn = real.loaded && is_wanted(moment);
}

bool gpu_list(GFX_INFO *gfx, struct moment moment)
{
    uint32_t list;
    __builtin_memcpy(&list, gfx->DMEM + TASK_DATA, 4);

    if (!unfinished)
        begin_picture(moment);
    unfinished = !display_list_syncs(gfx->RDRAM, LOCKSTEP_RDRAM_BYTES, list);
    if (drawn) {
        drawing = true;
        real.process_dlist();
        drawing = false;
    } else if (!unfinished) {
        *gfx->MI_INTR_REG |= MI_INTR_DP;
        gfx->CheckInterrupts();
    }
    return drawn;
}

void gpu_cpu_picture(void)
{
    shown = real_read_back_buffer();
    shown_is_current = true;
}

struct picture gpu_picture(void)
{
    if (!shown_is_current && drawn && !unfinished)
        shown = real_read_back_buffer(); /* better a picture that is about to appear than an old one */
    return shown;
}

void gpu_forget(void)
{
    shown = (struct picture){0};
    shown_is_current = drawn = unfinished = false;
    intervals_known = 0;
}

bool gpu_is_drawing(void)
{
    return drawing;
}
