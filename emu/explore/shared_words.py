"""The shared words of a World, which are its switch points: found by schedules that look at every access, and set."""

from ..world.layout import PAGE_ENTRIES, PROFILE
from ..world.shared import forget_uses, share_word
from ..world.strategies import random_walk
from .decoded import keep_decoded
from .world import ExploreError


def look(world, number):
    """A schedule in which every access is looked at: which words are shared."""
    forget_uses(world.address)
    world.run(number, random_walk, PROFILE)
    keep_decoded(world.window)


def share_found(world):
    """What `look` has found to be shared is so from now on."""
    words = world.record["words"]
    share(world, (at - 1 for at in sorted(words["at"][words["shared"] == 1].tolist())))


def share(world, addresses):
    """The words at these addresses are shared from now on; they are added to World.shared. ExploreError: too many."""
    for at in addresses:
        if not share_word(world.address, at):
            raise ExploreError(f"{world.program}: shared words on more than {PAGE_ENTRIES // 2} pages")
        world.shared.append(at)
