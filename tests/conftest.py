"""What every test shares."""

from hypothesis import settings

# A machine that is busy is slow, and that is no failure of what is tested.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")
