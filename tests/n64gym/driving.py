"""What tests drive with; who needs a race driven takes n64gym.games.openkart_driver."""

STRAIGHT, BRAKE = 1, 2  # of the discrete actions
