"""Paths inside an unpacked image, resolved as its kernel would."""
import os


def resolve(root, path, follow=True):
    """Where a path leads inside root, relative to it; None for a circle.  The
    end need not be there; a link at the end is left alone without `follow`."""
    at, rest, hops = [], [c for c in path.split("/") if c], 40
    while rest:
        name = rest.pop(0)
        if name in (".", ".."):
            at = at[:-1] if name == ".." else at
            continue
        full = os.path.join(root, *at, name)
        if not os.path.islink(full) or not (rest or follow):
            at.append(name)
            continue
        hops -= 1
        if hops == 0:
            return None
        target = os.readlink(full)
        at = [] if target[0] == "/" else at
        rest = [c for c in target.split("/") if c] + rest
    return "/".join(at)
