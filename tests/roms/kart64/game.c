/* From power-on to the menus, and between menus and races. */
#include "double.h"

#define BOOT_FRAMES 12
#define STICK_PRESS 50

static int32_t boot_frames;

static const int16_t cup_course_order[5][4] = {
    {8, 9, 6, 11}, {10, 5, 1, 0}, {14, 12, 7, 2}, {18, 4, 3, 13}, {19, 15, 17, 16},
};

void game_start(void) {
    fixed_start();
    gControllerOne = gControllers;
    gGamestate = GAME_BOOT;
    gGamestateNext = GAME_LOGO;
    gCurrentlyLoadedCourseId = COURSE_NONE;
    gPlayerCount = 1;
    for (int cup = 0; cup < 5; cup++)
        for (int i = 0; i < 4; i++) gCupCourseOrder[cup][i] = cup_course_order[cup][i];
    for (int i = 0; i < 4; i++) gCharacterSelections[i] = (int8_t)i;
}

static uint16_t read_controller(Pad pad) {
    Controller *c = gControllerOne;
    uint16_t stick = (uint16_t)((pad.x > STICK_PRESS ? PAD_RIGHT : 0) | (pad.x < -STICK_PRESS ? PAD_LEFT : 0) |
                                (pad.y > STICK_PRESS ? PAD_UP : 0) | (pad.y < -STICK_PRESS ? PAD_DOWN : 0));
    c->buttonPressed = (uint16_t)(pad.buttons & ~c->button);
    c->buttonDepressed = (uint16_t)(c->button & ~pad.buttons);
    c->stickPressed = (uint16_t)(stick & ~c->stickDirection);
    c->stickDepressed = (uint16_t)(c->stickDirection & ~stick);
    c->button = pad.buttons;
    c->stickDirection = stick;
    c->rawStickX = pad.x;
    c->rawStickY = pad.y;
    return (uint16_t)(c->buttonPressed | c->stickPressed);
}

void game_frame(Pad pad) {
    uint16_t pressed = read_controller(pad);
    gGlobalTimer++;
    if (gGamestate == GAME_BOOT && boot_frames++ < BOOT_FRAMES) return;
    if (gGamestateNext != gGamestate) {
        gGamestate = gGamestateNext;
        if (gGamestate == GAME_LOGO) gGamestate = gGamestateNext = GAME_MENUS, menus_enter(MENU_LOGO);
        if (gGamestate == GAME_RACING) race_enter();
    }
    if (gGamestate == GAME_MENUS) menus_frame(pressed);
    if (gGamestate == GAME_RACING) race_frame(pad, pressed);
    draw_frame();
}
