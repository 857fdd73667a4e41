"""What the rows of one run are made from; each part is made when the first row asks for it."""

from functools import cached_property
from pathlib import Path

from speechlip.progress import Progress
from speechlip.rendering import kept
from speechlip.rendering.drive import Drive, drive_of, other_audio
from speechlip.rendering.features import Recording
from speechlip.rendering.material import Material, decompose
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.person import Person, find_person
from speechlip.rendering.pose import Motion, head_motion, repeated_share


class Inputs:
    """The person in a video, and what drives lips and head.

    faces: what the person's faces are made from.
    """

    def __init__(
        self, path: Path, folder: Path, options: RenderOptions, detector: str, progress: Progress
    ) -> None:
        """folder: where parts are kept for the next run."""
        self.path, self.folder, self.options, self.detector = path, folder, options, detector
        self.progress = progress
        self.faces = kept.faces_made_from(path, options, detector)

    @cached_property
    def person(self) -> Person:
        """The stretch that is rendered, with its faces; kept for the next run."""
        known = kept.kept_person(self.folder, self.path, self.options, self.faces)
        if known is None:
            known = find_person(self.path, self.options, self.detector, self.progress)
            kept.keep_person(self.folder, known, self.options.driven_by, self.faces)
        return known

    @cached_property
    def other(self) -> Recording | None:
        """What drives the lips instead of the person's test part."""
        return other_audio(Path(self.options.audio), self.options) if self.options.audio else None

    @cached_property
    def motion(self) -> Motion | None:
        """The head motion of another clip."""
        if not self.options.pose:
            return None
        keep = kept.motion_of(self.folder, self.options, self.detector)
        if there := keep.read():
            yaw, pitch = map(float, there["farthest"])
            return Motion(there["place"], there["turn"], (yaw, pitch))
        motion = head_motion(Path(self.options.pose), self.options, self.detector, self.progress)
        keep.write(place=motion.place, turn=motion.turn, farthest=motion.farthest)
        return motion

    @cached_property
    def drive(self) -> Drive:
        """Frames, audio and head motion of what is rendered."""
        drive = drive_of(self.material, self.other, self.motion)
        if drive.moves is not None:
            share = repeated_share(drive.moves, self.person.size)
            self.progress.say(f"{share:.1%} of the rendered pixels repeat an edge of the person's frame")
        return drive

    @cached_property
    def material(self) -> Material:
        """The person, decomposed."""
        kept_mesh = None
        if self.options.mapping == "mesh":
            kept_mesh = kept.mesh_of(self.folder, self.faces, self.options)
        return decompose(self.person, self.options, self.progress, kept_mesh)
