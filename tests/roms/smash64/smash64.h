/* A double of Super Smash Bros. (US). It has the variables that n64gym reads, at the same addresses and with the same
 * types, and the same scenes and menus. So the environment can be tested without the cartridge.
 *
 * env-image/n64gym/games/smash_memory.py says what each variable is in the real game, and gives the sources.
 */
#ifndef SMASH64_H
#define SMASH64_H

#include <stdint.h>

enum { BUTTON_A = 0x8000, BUTTON_B = 0x4000, BUTTON_Z = 0x2000, BUTTON_START = 0x1000 };
enum { UP = 0x0808, DOWN = 0x0404, LEFT = 0x0202, RIGHT = 0x0101 }; /* the D-pad or the C buttons */

typedef struct Pad {
    uint16_t held, pressed;
    int8_t x, y;
} Pad;

enum { TITLE = 1, MODE_SELECT = 7, ONE_PLAYER = 8, VS_MENU = 9, FIGHTER_SELECT = 16, STAGE_SELECT = 21, VS_BATTLE = 22,
       VS_RESULTS = 24, N64_LOGO = 27, OPENING = 28, LAST_OPENING = 46 };
enum { WAIT, GO, END = 5 };
enum { HUMAN, COMPUTER, NOBODY, NO_FIGHTER = 28, NO_LIMIT = 100, TIME_RULE = 1, STOCK_RULE = 2 };
enum { MUSHROOM_KINGDOM = 8 };

typedef struct Shown { /* a sprite has its position at 0x58, a model at 0x1C; this struct has both */
    uint8_t to_model[0x1C];
    float model_x, model_y, model_z;
    uint8_t to_sprite[0x58 - 0x28];
    float sprite_x, sprite_y;
} Shown;

typedef struct Object {
    uint8_t to_shown[0x74];
    Shown *shown;
} Object;

typedef struct Player {
    uint8_t level, handicap, kind, fighter, team, port, costume, shade, color, one_icon, tag;
    int8_t stocks_left;
    uint8_t unused[4];
    int32_t falls, score, kills[4], unknown[2], self_destructs, damage_dealt, total_damage, damage_by[4], damage, combo[2];
    Object *object;
    uint8_t stale[0x18];
} Player;

typedef struct Battle {
    uint8_t type, stage, is_team, rules, humans, computers, minutes, stocks, handicap, team_attack, stage_select, ratio;
    uint32_t items;
    uint8_t fresh, status, unknown[2];
    uint32_t frames_left, frames;
    uint8_t item_rate, flags[3];
    Player players[4];
} Battle;

typedef struct Slot {
    Object *cursor, *puck;
    uint32_t to_level[12];
    int32_t level, handicap, team, unknown;
    int32_t fighter, costume, shade, cursor_status, is_placed, is_recalling, recall[7];
    int32_t holder, held, kind, is_ready, was_ready;
    float puck_speed[2], adjust_x, adjust_y;
    int32_t is_adjusting, rest[6];
} Slot;

_Static_assert(__builtin_offsetof(Player, damage) == 0x4C && sizeof(Player) == 0x74, "SCPlayerData");
_Static_assert(__builtin_offsetof(Battle, players) == 0x20 && sizeof(Battle) == 0x1F0, "SCBattleState");
_Static_assert(__builtin_offsetof(Slot, kind) == 0x84 && sizeof(Slot) == 0xBC, "MNPlayersSlotVS");
_Static_assert(__builtin_offsetof(Shown, sprite_x) == 0x58, "SObj");

#define AT(type, address) (*(type *)(address))
#define unlocked AT(uint8_t, 0x800A4937)
#define unlocked_fighters AT(uint16_t, 0x800A4938)
#define scene AT(uint8_t, 0x800A4AD0)
#define scene_before AT(uint8_t, 0x800A4AD1)
#define scene_stage AT(uint8_t, 0x800A4ADF)
#define vs_state AT(Battle, 0x800A4D08)
#define sudden_death_state AT(Battle, 0x800A4EF8)
#define battle AT(Battle *, 0x800A50E8)

#define MENUS_BEGIN 0x80131B00 /* code and data of the current menu; each menu is loaded over the one before */
#define MENUS_END 0x8013C4C0
#define mode_cursor AT(int32_t, 0x80132C88)
#define mode_clock AT(int32_t, 0x80132CA0)
#define vs_cursor AT(int32_t, 0x80134948)
#define vs_rule AT(int32_t, 0x8013494C)
#define vs_minutes AT(int32_t, 0x80134950)
#define vs_stocks AT(int32_t, 0x80134954)
#define vs_clock AT(int32_t, 0x80134980)
#define stage_cursor AT(int32_t, 0x80134BD8)
#define stage_clock AT(int32_t, 0x80134C24)
#define slots ((Slot *)0x8013BA88)
#define fighter_clock AT(int32_t, 0x8013BDCC)

#define OBJECTS 0x80200000 /* an arbitrary address: the real game allocates its objects */

void hw_start(void);                  /* hardware.c */
void hw_interrupt(void);              /* */
void paint(int x, int y, int w, int h, int colour); /* in pixels of 160x120, colour RGBA5551; clipped */
void scenes_start(void);              /* scenes.c: run the current scene for one frame */
void scenes_frame(const Pad *pad);    /* */
void go_to(int next);                 /* */
int menu_step(const Pad *pad, int up, int down); /* -1, 0 or 1: a held button repeats every 12 frames */
Object *new_object(void);             /* */
void fighters_start(void);            /* fighters.c: the fighter select */
void fighters_frame(const Pad *pad);  /* */
void battle_start(void);              /* battle.c: the match */
void battle_frame(const Pad *pad);    /* */

#endif
