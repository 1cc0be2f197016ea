/* The progress of every player in Mario Kart 64's terms: path points, which return to 0 a little before the line, and
 * laps, which count at the line. */
#include "double.h"

void progress_update(int player, fix progress) {
    int32_t count = gPathCountByPathIndex[0], lap = progress >> 16;
    int32_t nearest = (((progress & 0xFFFF) * count + 0x8000) >> 16) % count;
    gLapCountByPlayerId[player] = lap;
    gNearestPathPointByPlayerId[player] = (uint16_t)nearest;
    gNumPathPointsTraversed[player] = lap * count + nearest;
    gLapCompletionPercentByPlayerId[player] = (float)nearest / (float)count;
    gCourseCompletionPercentByPlayerId[player] = (float)nearest / (float)count + (float)lap;
}

/* A player that has finished keeps its place. */
static int is_before(int a, int b) {
    int done_a = gPlayers[a].type & PLAYER_CINEMATIC, done_b = gPlayers[b].type & PLAYER_CINEMATIC;
    if (done_a && done_b) return gPlayers[a].currentRank < gPlayers[b].currentRank;
    if (done_a || done_b) return done_a != 0;
    if (gNumPathPointsTraversed[a] != gNumPathPointsTraversed[b])
        return gNumPathPointsTraversed[a] > gNumPathPointsTraversed[b];
    return a < b;
}

void ranks_update(void) {
    for (int a = 0; a < PLAYER_COUNT; a++) {
        int rank = 0;
        if (!(gPlayers[a].type & PLAYER_EXISTS)) continue;
        for (int b = 0; b < PLAYER_COUNT; b++)
            if (b != a && gPlayers[b].type & PLAYER_EXISTS && is_before(b, a)) rank++;
        gGPCurrentRaceRankByPlayerId[a] = rank;
        gGPCurrentRacePlayerIdByRank[rank] = (int16_t)a;
        gPlayers[a].currentRank = (int16_t)rank;
    }
}
