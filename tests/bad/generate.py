#!/usr/bin/env python3
"""Makes the corpus of images that winnow must refuse, each named after its
flaw, and of odd ones that it must survive: the same bytes each time.

usage: generate.py DIR [NAME...]

DIR/NAME is an OCI image layout with the tag x.  `run` imports cases().
"""
import os
import sys

sys.dont_write_bytecode = True
import images  # noqa: E402
import layers  # noqa: E402


def cases():
    """Yields (name, Image, expression that the message must match)."""
    for name, data, text in layers.layers():
        yield name, images.Image(images.sound_layer(), data), text
    yield from images.images()


def survivable():
    """Yields (name, Image) that must be stripped to /bin/app alone."""
    for name, data in layers.survivable():
        yield name, images.Image(images.sound_layer(), data)
    yield from images.survivable()


def main():
    wanted = sys.argv[2:]
    named = [(name, image) for name, image, _ in cases()]
    for name, image in (*named, *survivable()):
        if not wanted or name in wanted:
            image.write(os.path.join(sys.argv[1], name))


if __name__ == "__main__":
    main()
