/* The match: two fighters on a line, of which 2000 units are ground. A hits a fighter that is near, and the computer hits
 * back. A fighter that is pushed off the ground falls. */
#include "smash64.h"

#define EDGE 1000.0f
#define DEATH -1500.0f /* a fighter dies at this height, relative to the ground */
#define COUNTDOWN 120
#define REVIVAL 60
#define AFTER_END 90

static struct Fighter {
    float push;
    int revival, cooldown;
} fighters[2];
static int ending;

static Shown *body(int i) { return battle->players[i].object->shown; }

static float distance(void) {
    float apart = body(1)->model_x - body(0)->model_x;
    return apart < 0 ? -apart : apart;
}

static void begin(int damage) {
    battle->status = WAIT;
    battle->frames = ending = 0;
    battle->frames_left = battle->minutes == NO_LIMIT || battle->rules == STOCK_RULE ? 0 : battle->minutes * 3600u;
    for (int i = 0; i < 2; i++) {
        Player *player = &battle->players[i];
        player->object = new_object();
        player->stocks_left = (int8_t)battle->stocks;
        player->falls = player->score = player->total_damage = player->damage_dealt = player->self_destructs = 0;
        player->damage = damage;
        body(i)->model_x = i ? 400 : -400;
        body(i)->model_y = 0;
        fighters[i] = (struct Fighter){0};
    }
}

static void hit(int from, int damage) {
    Player *victim = &battle->players[!from];
    if (fighters[!from].revival || body(!from)->model_y < 0) return;
    victim->damage = victim->damage + damage > 999 ? 999 : victim->damage + damage;
    victim->total_damage += damage;
    victim->damage_by[from] += damage;
    battle->players[from].damage_dealt += damage;
    fighters[!from].push = (body(!from)->model_x < body(from)->model_x ? -1 : 1) * (4 + (float)victim->damage * 0.6f);
}

static void die(int i) {
    Player *player = &battle->players[i];
    player->falls++;
    if (player->total_damage) battle->players[!i].score++, battle->players[!i].kills[i]++;
    else player->self_destructs++;
    if (battle->rules & STOCK_RULE && --player->stocks_left < 0) battle->status = END;
    player->damage = 0;
    fighters[i] = (struct Fighter){.revival = REVIVAL};
    body(i)->model_x = 0;
    body(i)->model_y = 0;
}

static void move(int i, float walk) {
    struct Fighter *fighter = &fighters[i];
    Shown *shown = body(i);
    if (fighter->cooldown) fighter->cooldown--;
    if (fighter->revival) {
        fighter->revival--;
        return;
    }
    shown->model_x += walk + fighter->push;
    fighter->push *= 0.9f;
    if (shown->model_x > EDGE || shown->model_x < -EDGE || shown->model_y < 0) shown->model_y -= 25;
    if (shown->model_y < DEATH) die(i);
}

static void human(const Pad *pad) {
    float reach = distance();
    int shielded = (pad->held & BUTTON_Z) != 0;
    if (pad->pressed & BUTTON_A && !shielded && reach < 250 && !fighters[0].revival) hit(0, 7);
    else if (pad->pressed & BUTTON_B && !shielded && reach < 700 && !fighters[0].revival) hit(0, 3);
    move(0, shielded ? 0 : (float)(pad->x > 80 ? 80 : pad->x < -80 ? -80 : pad->x) * 0.15f);
}

static void computer(const Pad *pad) {
    int level = battle->players[1].level;
    float towards = body(0)->model_x < body(1)->model_x ? -1.0f : 1.0f;
    if (distance() < 200 && !fighters[1].cooldown && !fighters[1].revival) {
        if (!(pad->held & BUTTON_Z)) hit(1, 2 + level);
        fighters[1].cooldown = 130 - 12 * level;
    }
    move(1, distance() < 150 ? 0 : towards * (float)level);
}

/* After a tie, the match continues in the sudden-death state, with fighters at 300 %. */
static void sudden_death(void) {
    vs_state.status = END;
    sudden_death_state = vs_state;
    battle = &sudden_death_state;
    battle->rules = STOCK_RULE;
    battle->stocks = 0;
    begin(300);
}

void battle_start(void) {
    battle = &vs_state;
    battle->type = 1;
    battle->stage = scene_stage;
    begin(0);
    paint(0, 4, 160, 116, 0x0841 + (scene_stage << 9));
}

void battle_frame(const Pad *pad) {
    static int wait;
    if (battle->status == WAIT) {
        if (++wait < COUNTDOWN) return;
        wait = 0;
        battle->status = GO;
    }
    if (battle->status == END) {
        if (++ending == AFTER_END) go_to(VS_RESULTS);
        return;
    }
    battle->frames++;
    human(pad);
    if (battle->status == GO) computer(pad);
    if (battle->frames_left && --battle->frames_left == 0) {
        if (battle->players[0].falls == battle->players[1].falls) sudden_death();
        else battle->status = END;
        return;
    }
    paint(0, 40, 160, 76, 0x0841 + (battle->stage << 9));
    paint(80 - 50, 80, 100, 2, 0x5295);
    for (int i = 0; i < 2; i++) {
        int x = 80 + (int)(body(i)->model_x / 20), colour = 0x8001 + battle->players[i].fighter * 0x0A82;
        paint(x - 3, 70 - (int)(body(i)->model_y / 40), 6, 10, colour);
        paint(10 + 80 * i, 110, 60, 6, 1);
        paint(10 + 80 * i, 110, battle->players[i].damage * 60 / 300, 6, i ? 0x739D : 0xF801);
    }
}
