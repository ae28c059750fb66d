"""A film in the making: its frames, its shots, its folder on disk, how it was made and how it went."""

from vidream.films.film import Film, FilmPlan, Made, Progress
from vidream.films.recipe import Recipe
from vidream.films.shots import find_shots
from vidream.films.work import WorkFolder

__all__ = ["Film", "FilmPlan", "Made", "Progress", "Recipe", "WorkFolder", "find_shots"]
