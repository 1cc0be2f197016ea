/* A race: camera flight, countdown, three laps, results. */
#include "double.h"

#define ZOOM_TICKS 36
#define STAGING_TICKS 190
#define TIME_TRIAL_RESULT_TICKS 360
#define GRAND_PRIX_RESULT_TICKS 690
#define DEMO_TICKS 1200
#define LOADING_FRAMES 9
#define TICK_SECONDS (1.0f / 60)
#define POLE FIX(-5.5)      /* metres from the line: the player's place in a time trial */
#define LAST_PLACE FIX(-30) /* metres from the line: the player's place in a grand prix's first race, behind the rivals */
#define WRONG_ERROR 24758   /* 136 degrees */
#define RIGHT_ERROR 16384
#define WRONG_COUNT 5
#define HIT_TICKS 20

#ifndef HUMAN_TYPE /* a variant of this ROM defines a wrong type, which the environment's self-check must refuse */
#define HUMAN_TYPE (PLAYER_EXISTS | PLAYER_HUMAN)
#endif

Course course;

static Kart kart;
static TrackPathPoint path[1024];
static int16_t path_rotation[1024];
static int32_t ticks, loading, hit_ticks, hits_seen, score_before;
static fix progress_before;

void world_point(const Sample *sample, fix along, float *pos) {
    pos[0] = (float)(sample->x + mul_shift(sample->tx, along, 14)) * (18.0f / 65536);
    pos[1] = 0;
    pos[2] = (float)(sample->z + mul_shift(sample->tz, along, 14)) * (-18.0f / 65536);
}

static void load_course(void) {
    if (gModeSelection == MODE_GRAND_PRIX && !gDemoMode)
        gCurrentCourseId = gCupCourseOrder[gCupSelection][gCupCourseSelection];
    course_build(&course, course_list[gCurrentCourseId % COURSE_GENERATED]);
    int32_t count = 300 + 17 * gCurrentCourseId;
    fix length = course.spacing * course.count;
    for (int32_t i = 0; i < count; i++) {
        float pos[3];
        fix along = length / count * i;
        const Sample *s = &course.samples[along / course.spacing];
        world_point(s, along % course.spacing, pos);
        path[i] = (TrackPathPoint){(int16_t)pos[0], (int16_t)pos[1], (int16_t)pos[2], 0};
        path_rotation[i] = (int16_t)-angle_of(s->tx, s->tz);
    }
    gTrackPaths[0] = gCurrentTrackPath = path;
    gPathExpectedRotation[0] = path_rotation;
    gPathCountByPathIndex[0] = gSelectedPathCount = (uint16_t)count;
    gCurrentlyLoadedCourseId = gCurrentCourseId;
}

static void clear(void *from, size_t size) {
    for (uint8_t *p = from, *end = p + size; p < end; p++) *p = 0;
}

void race_enter(void) {
    gRaceState = RACE_INIT;
    gIsGamePaused = 0;
    gCourseTimer = 0;
    ticks = hit_ticks = hits_seen = 0;
    loading = LOADING_FRAMES;
    clear(gPlayers, sizeof(Player[PLAYER_COUNT]));
    clear(playerHUD, sizeof(PlayerHud[4]));
    clear(gWrongDirectionCounter, sizeof(uint16_t[PLAYER_COUNT]));
    clear(gIsPlayerWrongDirection, sizeof(uint16_t[PLAYER_COUNT]));
    clear(gTimePlayerLastTouchedFinishLine, sizeof(float[PLAYER_COUNT]));
    load_course();
    kart_place(&kart, &course, gModeSelection == MODE_GRAND_PRIX ? LAST_PLACE : POLE, FIX(-1.6));
    if (gModeSelection == MODE_GRAND_PRIX) rivals_place(!gDemoMode);
    if (!gDemoMode) gPlayers[0].type = HUMAN_TYPE | PLAYER_START_SEQUENCE;
    gPlayers[0].characterId = (uint16_t)gCharacterSelections[0];
    progress_before = kart_progress(&kart, &course);
}

/* A tyre is on the grass if it is beyond the kerb. The four tyres are half a metre from the kart's middle. */
static uint8_t surface_under(int tyre) {
    fix lateral = kart.place.lateral + (tyre & 1 ? FIX(0.5) : -FIX(0.5));
    if (kart.y > 0) return SURFACE_AIRBORNE;
    return iabs(lateral) > kart.place.half + (fix)course.samples[kart.place.sample].kerb * 256 ? SURFACE_GRASS
                                                                                             : SURFACE_ASPHALT;
}

static void show_human(Pad pad) {
    Player *p = &gPlayers[0];
    for (int axis = 0; axis < 3; axis++) p->oldPos[axis] = p->pos[axis];
    p->pos[0] = (float)kart.x * (18.0f / 65536);
    p->pos[1] = (float)kart.y * (18.0f / 65536);
    p->pos[2] = (float)kart.z * (-18.0f / 65536);
    p->rotation[1] = (int16_t)-(kart.heading >> 16);
    p->velocity[0] = (float)kart.vx * (18.0f / 16777216);
    p->velocity[1] = (float)kart.vy * (18.0f / 65536);
    p->velocity[2] = (float)kart.vz * (-18.0f / 16777216);
    p->speed = p->currentSpeed = __builtin_sqrtf(p->velocity[0] * p->velocity[0] + p->velocity[2] * p->velocity[2]);
    p->steering = kart.steer << 16;
    p->kartHopVelocity = p->velocity[1];
    for (int tyre = 0; tyre < 4; tyre++) p->tyres[tyre].surfaceType = surface_under(tyre);
    p->surfaceType = p->tyres[0].surfaceType;
    if (kart.wall_hits != hits_seen) hits_seen = kart.wall_hits, hit_ticks = HIT_TICKS;
    if (hit_ticks > 0) hit_ticks--;
    p->effects = (p->effects & EFFECT_REVERSE) | (kart.y > 0 ? EFFECT_MIDAIR : 0) | (kart.drift ? EFFECT_DRIFTING : 0) |
                 (kart.boost ? EFFECT_BOOST : 0) | (hit_ticks ? EFFECT_HIT : 0);
    if (gRaceState >= RACE_RACING && !(pad.buttons & PAD_A)) p->currentSpeed = 0;
}

static void watch_direction(void) {
    int32_t error = iabs(kart_heading_error(&kart)), score = gNumPathPointsTraversed[0];
    if (error >= WRONG_ERROR && score < score_before) {
        if (++gWrongDirectionCounter[0] >= WRONG_COUNT) {
            gWrongDirectionCounter[0] = WRONG_COUNT;
            gIsPlayerWrongDirection[0] = 1;
            gPlayers[0].effects |= EFFECT_REVERSE;
        }
    } else if (error < RIGHT_ERROR) {
        gIsPlayerWrongDirection[0] = gWrongDirectionCounter[0] = 0;
        gPlayers[0].effects &= ~(uint32_t)EFFECT_REVERSE;
    }
    score_before = score;
}

/* The kart crossed the line within this tick. Its distance beyond the line gives the exact time. */
static void finish_lap(int32_t lap, fix progress) {
    PlayerHud *hud = &playerHUD[0];
    float beyond = (float)(progress - lap * FIX_ONE) / (float)(progress - progress_before);
    float time = gCourseTimer - beyond * TICK_SECONDS;
    gTimePlayerLastTouchedFinishLine[0] = time;
    hud->lapCount = (int8_t)lap;
    hud->alsoLapCount = (int8_t)lap;
    if (lap < 1) return;
    int32_t before = lap > 1 ? hud->lapCompletionTime[lap - 2] : 0;
    hud->timeLastTouchedFinishLine = hud->lapCompletionTime[lap - 1] = (int32_t)(time * 100);
    hud->someTimer1 = hud->lapDuration[lap - 1] = hud->lapCompletionTime[lap - 1] - before;
    if (lap < 3) return;
    hud->raceCompleteBool = 1;
    hud->someTimer = hud->lapCompletionTime[2];
    gPlayers[0].type |= PLAYER_CINEMATIC | PLAYER_CPU;
    gRaceState = RACE_FINISHED;
}

static void drive(Pad pad) {
    static const Pad nobody = {0, 0, 0};
    int finished = playerHUD[0].raceCompleteBool;
    gCourseTimer += TICK_SECONDS;
    kart_step(&kart, &course, finished ? nobody : pad);
    fix progress = kart_progress(&kart, &course);
    progress_update(0, progress);
    watch_direction();
    if (!finished) {
        playerHUD[0].someTimer = (int32_t)(gCourseTimer * 100);
        /* crossing the line backwards and forwards again must not count as a lap */
        if (progress >> 16 > gPlayers[0].lapCount) finish_lap(progress >> 16, progress);
    }
    gPlayers[0].lapCount = (int16_t)gLapCountByPlayerId[0];
    progress_before = progress;
}

static void tick(Pad pad) {
    int human = !gDemoMode;
    ticks++;
    switch (gRaceState) {
        case RACE_INIT:
            gRaceState = RACE_ZOOM;
            ticks = 0;
            break;
        case RACE_ZOOM:
            if (ticks >= ZOOM_TICKS) gRaceState = RACE_STAGING, ticks = 0;
            break;
        case RACE_STAGING:
            if (ticks < STAGING_TICKS) break;
            gRaceState = RACE_RACING;
            for (int i = 0; i < PLAYER_COUNT; i++) gPlayers[i].type &= (uint16_t)~PLAYER_START_SEQUENCE;
            break;
        case RACE_FINISHED:
            gRaceState = RACE_RESULTS;
            ticks = 0;
            break;
        case RACE_RESULTS:
            if (ticks >= (gModeSelection == MODE_GRAND_PRIX ? GRAND_PRIX_RESULT_TICKS : TIME_TRIAL_RESULT_TICKS))
                gRaceState = RACE_MENU;
            break;
    }
    if (human && gRaceState >= RACE_RACING) drive(pad);
    if (human && gRaceState < RACE_RACING) {
        progress_update(0, kart_progress(&kart, &course));
        gPlayers[0].lapCount = -1;
        score_before = gNumPathPointsTraversed[0];
    }
    if (human) show_human(pad);
    if (gModeSelection == MODE_GRAND_PRIX) rivals_tick(human);
    ranks_update();
}

static void leave(int32_t state, int32_t menu) {
    gRaceState = RACE_QUIT;
    gDemoMode = 0;
    gGamestateNext = state;
    if (state == GAME_MENUS) menus_enter(menu);
}

void race_frame(Pad pad, uint16_t pressed) {
    if (loading > 0) {
        loading--;
        return;
    }
    if (gDemoMode && (pressed || ticks > DEMO_TICKS)) {
        leave(GAME_MENUS, pressed ? MENU_START : MENU_LOGO);
        return;
    }
    if (gRaceState == RACE_RACING && pressed & PAD_START && !gDemoMode) gIsGamePaused = !gIsGamePaused;
    if (gIsGamePaused) return;
    if (gRaceState == RACE_MENU && pressed & PAD_A) { /* retry, or the cup's next race */
        if (gModeSelection == MODE_GRAND_PRIX) gCupCourseSelection = (int8_t)((gCupCourseSelection + 1) & 3);
        gGamestate = GAME_RESTART;
        leave(GAME_RACING, MENU_RACING);
        return;
    }
    for (int i = 0; i < TICKS_PER_FRAME; i++) tick(pad);
}
