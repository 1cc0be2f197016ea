"""A callback that ends a run after an evaluation and a checkpoint."""

import a3c64


class Notes(a3c64.Callback):
    """Raises StopTraining at the first checkpoint after an evaluation with the mean 7."""

    judged = False

    def on_evaluation(self, evaluation, moment):
        self.judged = evaluation.mean_reward == 7.0

    def on_checkpoint(self, path, moment):
        if self.judged and (path / "state.json").exists():
            raise a3c64.StopTraining("enough")
