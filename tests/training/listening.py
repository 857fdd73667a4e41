"""Progress of training for tests: something happens at a step, or sentences are kept."""


class AtStep:
    """Calls ``act(step)`` after each step."""

    def __init__(self, act):
        self.act = act

    def begin(self, stage, total, unit, done=0.0):
        self.step = int(done)

    def advance(self, amount=1.0, at=""):
        self.step += int(amount)
        self.act(self.step)

    def say(self, text):
        return


class Notes(AtStep):
    """The sentences in ``said``."""

    def __init__(self):
        super().__init__(lambda step: None)
        self.said = []

    def say(self, text):
        self.said.append(text)


class Told(AtStep):
    """The stage as it began, and how much of it is done."""

    def __init__(self):
        super().__init__(lambda step: None)

    def begin(self, stage, total, unit, done=0.0):
        super().begin(stage, total, unit, done)
        self.stage = (stage, total, unit, done)

    @property
    def done(self):
        return self.step
