"""Films from their first frame to the finished file: the loop over frames, work folders, shots, recipes, reports."""

from vidream.rendering.frame_loop import FrameLoop, FrameMaker
from vidream.rendering.progress import FilmPlan, Made, Progress
from vidream.rendering.recipe import Recipe
from vidream.rendering.shots import find_shots
from vidream.rendering.work_folder import WorkFolder

__all__ = ["FilmPlan", "FrameLoop", "FrameMaker", "Made", "Progress", "Recipe", "WorkFolder", "find_shots"]
