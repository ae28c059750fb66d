"""A film in the making: its frames, its shots, its folder on disk, how it was made and how it went."""

from vidream.rendering.film import Film, FilmPlan, Made, Progress
from vidream.rendering.recipe import Recipe
from vidream.rendering.shots import find_shots
from vidream.rendering.work_folder import WorkFolder

__all__ = ["Film", "FilmPlan", "Made", "Progress", "Recipe", "WorkFolder", "find_shots"]
