"""chatlab's own settings, and the app that makes an accident happen."""

from chatlab.settings import *  # noqa: F403
from chatlab.settings import INSTALLED_APPS, env

INSTALLED_APPS = [*INSTALLED_APPS, "tests.accidents"]
CHATLAB_ACCIDENT = env.str("CHATLAB_ACCIDENT")
