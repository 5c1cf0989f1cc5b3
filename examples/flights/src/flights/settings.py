"""The project's settings. These two lines are all that steel_toes needs."""

from steel_toes import SteelToes

HOOKS = (SteelToes(),)
