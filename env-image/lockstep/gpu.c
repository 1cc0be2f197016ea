/* Draws only the pictures that are on the screen when a step ends; the real video plugin skips the others.
 *
 * A game submits one display list per picture, or several; the last one syncs. The game shows that picture when it begins
 * the next picture. So a picture is on the screen from the beginning of the next picture to the beginning of the one after
 * it. These two times are predicted from the last intervals. After a wrong prediction, a picture is older or newer than on
 * a television, but it is never half drawn. The result depends only on the emulated machine and the length of the steps.
 *
 * The emulated machine cannot tell whether a list was drawn: a skipped list raises the same interrupt. Skipping loses
 * effects that need the previous picture, such as motion blur, and the data that a plugin copies back into RDRAM. */
#include "gpu.h"
#include "display_list.h"
#include "lockstep.h"
#include "real.h"

#define MI_INTR_DP 0x20
enum task { TASK_DATA = 0xFF0 }; /* address in DMEM of the pointer to the display list */

static struct picture shown;
static bool shown_is_current; /* the picture on the screen was drawn, and is `shown` */
static bool drawn;            /* all lists of the latest picture so far were drawn */
static bool unfinished;       /* the last list of the latest picture has not arrived yet */
static bool drawing;
static uint32_t begun_at, intervals[2], intervals_known;

/* Returns whether the picture that begins now is predicted to be on the screen at the end of a step. */
static bool is_wanted(struct moment moment)
{
    uint32_t soonest = intervals[0] < intervals[1] ? intervals[0] : intervals[1];
    uint32_t appears = moment.now + soonest, goes = moment.now + intervals[0] + intervals[1];

    if (intervals_known < 2)
        return true;
    if (goes < moment.end)
        return false;
    return appears < moment.end || goes >= moment.end + moment.vis; /* assumes that the next step is as long as this one */
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
    shown = (struct picture){0};
    shown_is_current = true;
}

struct picture gpu_picture(void)
{
    if (!shown_is_current && drawn && !unfinished)
        shown = real_read_back_buffer(); /* a picture that is about to appear is better than an old one */
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
