/* The fighter select: a hand with four pucks, twelve portraits of 45x43 pixels, buttons below. */
#include "smash64.h"

#define FREE 4 /* the puck is not held by a hand */

static uint16_t mask;
static uint16_t held_before;
static int starting, random;

static const uint8_t portraits[12] = {4, 0, 2, 5, 3, 7, 11, 6, 8, 1, 9, 10};

static Shown *hand(void) { return slots[0].cursor->shown; }

static Shown *puck(int player) { return slots[player].puck->shown; }

static int is_locked(int fighter) { return (0x0C90 >> fighter & 1) && !(mask >> fighter & 1); }

static int within(float value, float low, float high) { return value >= low && value <= high; }

static int fighter_under(const Shown *p) {
    int x = (int)p->sprite_x + 13, y = (int)p->sprite_y + 12;
    if (x <= 24 || x >= 295 || y <= 35 || y >= 122) return NO_FIGHTER;
    int fighter = portraits[(x - 25) / 45 + (y > 78 ? 6 : 0)];
    return is_locked(fighter) ? NO_FIGHTER : fighter;
}

/* Returns the costume that C button 0 to 3 picks; -1 = the first costume that the other player does not wear. */
static int costume_of(int player, int button) {
    static const uint8_t usual[4] = {0, 1, 2, 3}, link[4] = {0, 2, 3, 1}, falcon[4] = {0, 4, 1, 3};
    int fighter = slots[player].fighter;
    const uint8_t *costumes = fighter == 5 ? link : fighter == 7 ? falcon : usual;
    if (button >= 0) return costumes[button];
    return slots[!player].fighter == fighter && slots[!player].costume == costumes[0] ? costumes[1] : costumes[0];
}

static void place(int player, int costume) {
    Slot *slot = &slots[player];
    slot->is_placed = slot->is_ready = 1;
    slot->holder = FREE;
    slots[0].held = -1;
    slot->costume = costume;
}

static void grab(int player) {
    slots[player].holder = 0;
    slots[player].is_placed = slots[player].is_ready = 0;
    slots[0].held = player;
    slots[0].adjust_x = puck(player)->sprite_x - 11;
    slots[0].adjust_y = puck(player)->sprite_y + 14;
    slots[0].is_adjusting = 1;
}

static void switch_on_computer(Slot *slot, Shown *p) {
    slot->kind = COMPUTER;
    slot->is_placed = slot->is_ready = 1;
    slot->holder = FREE;
    do random = (random * 5 + 1) & 15;
    while (random >= 12 || is_locked(portraits[random]));
    for (int corner = 0; corner < 12; corner++) /* the hardest case for the environment: a corner next to a locked fighter */
        if (mask && (corner % 6 == 0 || corner % 6 == 5) && !is_locked(portraits[corner])) random = corner;
    p->sprite_x = (float)(random % 6 * 45 + 36);
    p->sprite_y = random < 6 ? 46 : 89;
    slot->fighter = portraits[random];
    slot->costume = costume_of(slot - slots, -1);
}

static void press(uint16_t pressed) {
    float x = hand()->sprite_x + 20, y = hand()->sprite_y + 3;
    static const uint16_t costume_buttons[4] = {0x0008, 0x0001, 0x0004, 0x0002};
    int button = -1;
    for (int i = 0; i < 4; i++)
        if (pressed & costume_buttons[i]) button = i;
    if (!(pressed & BUTTON_A) && button < 0) return;
    for (int i = 1; i < 4 && button < 0; i++)
        if (within(x, (float)(i * 69 + 60), (float)(i * 69 + 88)) && within(y, 127, 145)) {
            if (slots[i].kind == COMPUTER) {
                slots[i].kind = NOBODY;
                slots[i].fighter = NO_FIGHTER;
                slots[i].is_ready = slots[i].is_placed = 0;
            } else
                switch_on_computer(&slots[i], puck(i));
            return;
        }
    int held = slots[0].held, over_portraits = within(hand()->sprite_y, 38, 124);
    if (held >= 0) {
        int costume = costume_of(held, button);
        int taken = slots[!held].fighter == slots[held].fighter && slots[!held].costume == costume;
        if (over_portraits && slots[held].fighter != NO_FIGHTER && !taken) place(held, costume);
        return;
    }
    for (int i = 3; i >= 0 && over_portraits && button < 0; i--) {
        float hand_x = hand()->sprite_x + 25;
        if (slots[i].kind == NOBODY || !within(hand_x, puck(i)->sprite_x, puck(i)->sprite_x + 26)) continue;
        if (!within(y, puck(i)->sprite_y, puck(i)->sprite_y + 24)) continue;
        grab(i);
        return;
    }
    for (int i = 1; i < 4 && button < 0; i++) {
        if (slots[i].kind != COMPUTER || !slots[i].is_ready || !within(y, 197, 216)) continue;
        if (within(x, (float)(i * 69 + 68), (float)(i * 69 + 90)) && slots[i].level < 9) slots[i].level++;
        if (within(x, (float)(i * 69 + 21), (float)(i * 69 + 43)) && slots[i].level > 1) slots[i].level--;
    }
}

static void move_hand(const Pad *pad) {
    Shown *h = hand();
    if (slots[0].is_adjusting) {
        h->sprite_x += (slots[0].adjust_x - h->sprite_x) / 5;
        h->sprite_y += (slots[0].adjust_y - h->sprite_y) / 5;
        slots[0].is_adjusting = !within(slots[0].adjust_x - h->sprite_x, -1, 1) ||
                                !within(slots[0].adjust_y - h->sprite_y, -1, 1);
        return;
    }
    float x = h->sprite_x + pad->x / 20.0f, y = h->sprite_y - pad->y / 20.0f;
    if ((pad->x < -8 || pad->x > 8) && within(x, 0, 280)) h->sprite_x = x;
    if ((pad->y < -8 || pad->y > 8) && within(y, 10, 205)) h->sprite_y = y;
}

static void move_pucks(void) {
    int held = slots[0].held;
    if (held >= 0 && !slots[0].is_adjusting) {
        puck(held)->sprite_x = hand()->sprite_x + 11;
        puck(held)->sprite_y = hand()->sprite_y - 14;
        int fighter = fighter_under(puck(held));
        if (slots[held].kind == COMPUTER && fighter == NO_FIGHTER) place(held, slots[held].costume); /* a computer's puck must stay on the portraits */
        else slots[held].fighter = fighter;
    }
    float apart = puck(1)->sprite_x - puck(0)->sprite_x;
    if (slots[0].is_placed && slots[1].is_placed && slots[0].fighter == slots[1].fighter && within(apart, -15, 15))
        puck(1)->sprite_x += apart < 0 ? -1 : 1;
}

static void leave(void) {
    for (int i = 0; i < 4; i++) {
        Player *player = &vs_state.players[i];
        if (!slots[i].is_ready) slots[i].kind = NOBODY, slots[i].fighter = NO_FIGHTER;
        player->kind = (uint8_t)slots[i].kind;
        player->fighter = (uint8_t)slots[i].fighter;
        player->costume = (uint8_t)slots[i].costume;
        if (player->kind == COMPUTER) player->level = (uint8_t)slots[i].level;
    }
    go_to(STAGE_SELECT);
}

void fighters_start(void) {
    for (uint32_t word = 0x8013BA80; word < MENUS_END; word += 4) AT(uint32_t, word) = 0;
    mask = unlocked_fighters;
    starting = 0;
    for (int i = 0; i < 4; i++) {
        slots[i].puck = new_object();
        slots[i].cursor = i ? 0 : new_object();
        slots[i].level = vs_state.players[i].level;
        slots[i].fighter = NO_FIGHTER;
        slots[i].kind = i ? NOBODY : HUMAN;
        slots[i].holder = i ? FREE : 0;
        slots[i].held = i ? -1 : 0;
        puck(i)->sprite_x = 51;
        puck(i)->sprite_y = 161;
    }
    hand()->sprite_x = 40;
    hand()->sprite_y = 170;
}

void fighters_frame(const Pad *pad) {
    uint16_t pressed = pad->held & (uint16_t)~held_before; /* a slow menu skips frames, so it must detect presses itself */
    held_before = pad->held;
    fighter_clock++;
    random ^= fighter_clock & 3;
    if (starting) {
        if (--starting == 0) leave();
        return;
    }
    move_hand(pad);
    move_pucks();
    press(pressed);
    if (pressed & BUTTON_B && slots[0].is_ready && slots[0].held < 0) grab(0);
    int ready = 0;
    for (int i = 0; i < 4; i++) ready += slots[i].kind != NOBODY && slots[i].is_ready;
    if (pressed & BUTTON_START && fighter_clock > 60 && ready >= 2 && slots[0].held < 0) starting = 30;
    paint(0, 10, 160, 110, 0x2109);
    for (int i = 0; i < 4; i++)
        if (slots[i].kind != NOBODY)
            paint((int)puck(i)->sprite_x / 2, (int)puck(i)->sprite_y / 2, 13, 12, i ? 0x739D : 0xF801);
    paint((int)hand()->sprite_x / 2, (int)hand()->sprite_y / 2, 8, 8, 0xFFFF);
}
