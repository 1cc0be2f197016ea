/* A course from a seed: the outline of a random patch of squares, bent, turned and rounded.
 *
 * The patch grows square by square on a board. A square may be added if the occupied squares among its eight neighbours
 * form one unbroken run. Then the patch has no hole and does not touch itself. Its outline is one closed line, and no
 * two parts of it are nearer to each other than a square's side. The control points are the middles of the outline's
 * edges and its corners, moved a little. The whole outline is stretched and turned. Moving the points can break a
 * limit, so the course is built and measured. If it breaks a limit, the next draft of the same seed is made.
 */
#include "generator.h"

#include "courses.h"

#define BOARD_W 6
#define BOARD_H 5
#define MAX_EDGES 24
#define DRAFTS 64 /* every seed needs fewer: the tests try all seeds */

static ControlPoint points[2 * MAX_EDGES];

CourseData course_generated = {.name = "GENERATED", .points = points};

typedef struct {
    int8_t x, z; /* of the board's lattice */
} Spot;

static const Spot around[8] = {{0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}}; /* clockwise */

static uint8_t board[BOARD_W + 2][BOARD_H + 2]; /* 1: occupied; the rim stays free */
static Spot outline[MAX_EDGES];                 /* corners of the squares, clockwise */

static int32_t below(uint32_t *state, int32_t limit) { return next_random(state) % limit; }

/* Returns the number of edges that a square at (x, z) adds to the outline, or 99 if it must not be added. */
static int gain(int x, int z) {
    int runs = 0, sides = 0;
    if (board[x][z]) return 99;
    for (int i = 0; i < 8; i++) {
        int here = board[x + around[i].x][z + around[i].z];
        int next = board[x + around[(i + 1) & 7].x][z + around[(i + 1) & 7].z];
        runs += !here && next;
        sides += here && !(i & 1);
    }
    return runs == 1 && sides ? 4 - 2 * sides : 99;
}

/* Returns the number of edges of the patch's outline. */
static int grow(uint32_t *state, int wanted) {
    int edges = 4;
    for (int x = 0; x < BOARD_W + 2; x++)
        for (int z = 0; z < BOARD_H + 2; z++) board[x][z] = 0;
    board[1 + below(state, BOARD_W)][1 + below(state, BOARD_H)] = 1;
    for (int tries = 0; tries < 400 && edges < wanted; tries++) {
        int x = 1 + below(state, BOARD_W), z = 1 + below(state, BOARD_H), more = gain(x, z);
        if (edges + more > wanted) continue;
        board[x][z] = 1;
        edges += more;
    }
    return edges;
}

/* Follow the outline clockwise, the patch on the right hand. Corner (x, z) is the lower left of square (x, z). */
static void follow(int edges) {
    int x = 1, z = 1, heading = 0; /* 0 up, 2 right, 4 down, 6 left: indices of `around` */
    while (!board[x][z]) z = z == BOARD_H ? x++, 1 : z + 1;
    for (int i = 0; i < edges; i++) {
        static const Spot ahead_left[4] = {{-1, 0}, {0, 0}, {0, -1}, {-1, -1}}, /* squares by heading */
            ahead_right[4] = {{0, 0}, {0, -1}, {-1, -1}, {-1, 0}};
        outline[i] = (Spot){(int8_t)x, (int8_t)z};
        x += around[heading].x, z += around[heading].z;
        Spot left = ahead_left[heading / 2], right = ahead_right[heading / 2];
        if (board[x + left.x][z + left.z])
            heading = (heading + 6) & 7;
        else if (!board[x + right.x][z + right.z])
            heading = (heading + 2) & 7;
    }
}

/* Returns the edge in the middle of the longest straight, where the start line is. */
static int start_edge(int edges) {
    int best = 0, longest = 0;
    for (int i = 0; i < edges; i++) {
        int run = 1;
        while (run < edges) { /* from corner i to corner i + run */
            Spot a = outline[(i + run - 1) % edges], b = outline[(i + run) % edges], c = outline[(i + run + 1) % edges];
            if (c.x - b.x != b.x - a.x || c.z - b.z != b.z - a.z) break;
            run++;
        }
        if (run > longest) longest = run, best = (i + run / 2) % edges;
    }
    return best;
}

/* Converts positions on the board, in 1/32 squares, to metres. */
typedef struct {
    int32_t xx, xz, zx, zz; /* s.14 metres */
} Turn;

static Turn make_turn(uint32_t *state) {
    uint32_t angle = (uint32_t)below(state, 65536 / 2) * 2;
    int32_t side_x = 38 + below(state, 8), side_z = 38 + below(state, 8); /* metres of a square */
    return (Turn){cosine(angle) * side_x / 32, sine(angle) * side_z / 32, -sine(angle) * side_x / 32,
                  cosine(angle) * side_z / 32};
}

static void put(int i, const Turn *turn, int32_t x, int32_t z, int32_t half, int32_t wall) {
    x -= (BOARD_W + 2) * 16, z -= (BOARD_H + 2) * 16;
    points[i] =
        (ControlPoint){(int16_t)((x * turn->xx + z * turn->xz) >> 14), (int16_t)((x * turn->zx + z * turn->zz) >> 14),
                       (uint8_t)half, (uint8_t)wall, (uint8_t)wall};
}

static void draft(uint32_t *state) {
    int edges = grow(state, 14 + 2 * below(state, 4)), start, is_backwards = below(state, 2);
    int32_t half = 46 + below(state, 13), wall = half + 8 + below(state, 36); /* decimetres */
    Turn turn = make_turn(state);
    follow(edges);
    start = start_edge(edges);
    for (int i = 0; i < edges; i++) {
        int at = is_backwards ? start - i + edges : start + i, next = is_backwards ? at : at + 1;
        Spot a = outline[at % edges], b = outline[(at + 1) % edges], corner = outline[next % edges];
        Spot before = outline[(next + edges - 1) % edges], after = outline[(next + 1) % edges];
        int32_t cut = 3 + below(state, 4), away = below(state, 13) - 6; /* 1/32 squares: corner's cut, random shift */
        int32_t dx = before.x + after.x - 2 * corner.x, dz = before.z + after.z - 2 * corner.z; /* 0: no corner */
        int32_t is_straight = dx == 0 && dz == 0, is_home = i == 0 || i == edges - 1;
        int32_t across = is_straight && !is_home ? away : 0;
        put(2 * i, &turn, (a.x + b.x) * 16, (a.z + b.z) * 16, half, wall);
        put(2 * i + 1, &turn, corner.x * 32 + dx * cut + (after.z - before.z) * across / 2,
            corner.z * 32 + dz * cut + (after.x - before.x) * across / 2, half, wall);
    }
    course_generated.count = 2 * edges;
}

/* Returns whether the built course keeps all limits. */
static int is_sound(const Course *course) {
    fix length = course_length(course);
    int n = course->count;
    if (length < GENERATED_SHORTEST || length > GENERATED_LONGEST) return 0;
    int32_t sharpest = (course->spacing >> 8) * 16384 / (GENERATED_RADIUS >> 8);
    for (int i = 0; i < n; i++)
        if (iabs(course->samples[i].bend) > sharpest) return 0;
    for (int i = 0; i < n; i++) {
        const Sample *a = &course->samples[i];
        int32_t wall_a = a->left > a->right ? a->left : a->right;
        for (int j = i + 10; j < n && j < i + n - 10; j++) {
            const Sample *b = &course->samples[j];
            int32_t wall_b = b->left > b->right ? b->left : b->right;
            int32_t dx = (a->x - b->x) >> 12, dz = (a->z - b->z) >> 12; /* s.4 metres */
            int32_t room = (wall_a + wall_b + (GENERATED_GAP >> 8)) >> 4;
            if (dx * dx + dz * dz < room * room) return 0;
        }
    }
    return 1;
}

/* Hashes a seed: every bit of x affects every bit of the result, so that neighbouring seeds give unrelated courses. */
static uint32_t scatter(uint32_t x) {
    x = (x + 1) * 2654435761u;
    x = (x ^ x >> 15) * 2246822519u;
    return x ^ x >> 13;
}

int generator_build(Course *course, int32_t seed) {
    const CourseData *const looks[] = {&course_meadow, &course_desert, &course_harbour, &course_mountain};
    uint32_t state = scatter((uint32_t)seed);
    int drafts = 0;
    course_generated.theme = looks[below(&state, 4)]->theme;
    course_generated.theme.seed = state;
    do {
        draft(&state);
        course_lay(course, &course_generated);
    } while (!is_sound(course) && ++drafts < DRAFTS);
    course_decorate(course);
    return drafts + 1;
}
