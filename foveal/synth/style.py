# NOTE (17:18): the drawing stage (stage 1) had overwritten this file with its own module of the same name, which is now
# foveal/synth/setting.py (imports in draw.py and batches.py changed). This file belongs to stage 2 (render, augment,
# Strips): its author restores it here from what he wrote, commits at once, and goes on.
