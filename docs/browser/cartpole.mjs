// CartPole as Gymnasium's CartPole-v1 computes it, and a policy that plays it.

const GRAVITY = 9.8, CART = 1.0, POLE = 0.1, HALF_LENGTH = 0.5, FORCE = 10.0; // m/s², kg, kg, m, N
export const STEP_S = 0.02;
export const EDGE = 2.4; // m; the episode ends beyond it
const TILT = (12 * Math.PI) / 180; // the episode ends beyond it

/** Return a first state: position, speed, angle, angular speed, each from -0.05 to 0.05. */
export function first() {
  return Array.from({ length: 4 }, () => Math.random() * 0.1 - 0.05);
}

/** Return the state a step later. Action 1 pushes to the right, 0 to the left. */
export function next([x, speed, angle, turning], action) {
  const total = CART + POLE;
  const push = ((action === 1 ? FORCE : -FORCE) + POLE * HALF_LENGTH * turning ** 2 * Math.sin(angle)) / total;
  const swing = GRAVITY * Math.sin(angle) - Math.cos(angle) * push;
  const turn = swing / (HALF_LENGTH * (4 / 3 - (POLE * Math.cos(angle) ** 2) / total));
  const pull = push - (POLE * HALF_LENGTH * turn * Math.cos(angle)) / total;
  return [x + STEP_S * speed, speed + STEP_S * pull, angle + STEP_S * turning, turning + STEP_S * turn];
}

export function isOver([x, , angle]) {
  return Math.abs(x) > EDGE || Math.abs(angle) > TILT;
}

/** An episode: the state, and the policy's stack of the newest observations. */
export class Episode {
  constructor(policy, state = first()) {
    this.policy = policy;
    this.state = state;
    this.steps = 0;
    this.frames = Array(policy.shapes.vector[0] / 4).fill(state);
    policy.begin();
  }

  /** Let the policy act, and return its action. */
  async step() {
    this.frames = [...this.frames.slice(1), this.state];
    const { action } = await this.policy.act({ vector: Float32Array.from(this.frames.flat()) });
    this.state = next(this.state, Number(action.data[0]));
    this.steps += 1;
    return Number(action.data[0]);
  }
}
