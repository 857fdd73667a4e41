"""How much the place of a window in its clip tells about the label."""

import numpy as np


def position_auc(starts, labels):
    """AUC of the best score that knows the start alone: its likelihood ratio, learned on the even rows and
    ranked on the odd ones.
    """
    counts = [
        np.bincount(starts[::2][labels[::2] == label], minlength=starts.max() + 1) + 1e-3 for label in (0, 1)
    ]
    score = (counts[1] / counts[0])[starts[1::2]]
    positive, negative = score[labels[1::2] == 1][:, None], score[labels[1::2] == 0]
    return float(((positive > negative).mean() + (positive >= negative).mean()) / 2)
