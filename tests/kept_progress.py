"""``Progress`` for tests: it keeps what it is told, and may do something at a step."""


class KeptProgress:
    """stages: (stage, total, unit, done before) of each; done: in the last one; said: sentences.

    act: called with ``done`` after each advance.
    """

    def __init__(self, act=lambda done: None):
        self.act = act
        self.stages, self.said, self.done = [], [], 0

    def begin(self, stage, total, unit, done=0.0):
        self.stages.append((stage, total, unit, done))
        self.done = done

    def advance(self, amount=1.0, at=""):
        self.done += amount
        self.act(self.done)

    def say(self, text):
        self.said.append(text)
