"""Two of the discrete actions. To drive a whole race, use n64gym.games.openkart_driver."""

STRAIGHT, BRAKE = 1, 2  # indices in controller.DRIVING
