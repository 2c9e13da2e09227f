"""What a stack of layers merges to, and what a policy keeps of it.

Written from doc/internals and the image specification, not from the code: it
is the second opinion.  Paths are bytes without a leading slash, b"" the root.
"""
import re

from odd_tar import DIRECTORY, SYMLINK

HOPS = 40


class Node:
    """An entry; hard links are several paths with one node."""

    def __init__(self, member=None):
        self.member = member  # None: a directory without a header
        self.type = member.type if member else DIRECTORY

    @property
    def target(self):
        return self.member.target


def parent(path):
    return path.rpartition(b"/")[0]


def below(path, top):
    return top == b"" or path == top or path.startswith(top + b"/")


def join(*parts):
    return b"/".join(p for p in parts if p)


class Tree:
    """path -> Node; every path's parents are there and directories."""

    def __init__(self):
        self.nodes = {b"": Node()}
        self.touched = set()  # directories whose time umoci does not restore
        self.blocked = set()  # what was no directory in some layer
        self.overlay_free = set()  # those that an overlay gives a new time

    def is_dir(self, path):
        return path in self.nodes and self.nodes[path].type == DIRECTORY

    def remove(self, path):
        for each in [p for p in self.nodes if below(p, path)]:
            del self.nodes[each]

    def clear(self, path):
        for each in [p for p in self.nodes if below(p, path) and p != path]:
            del self.nodes[each]

    def missing_parents(self, path):
        found = []
        while (path := parent(path)) not in self.nodes:
            found.insert(0, path)
        return found

    def put(self, path, node):
        for each in self.missing_parents(path):
            self.nodes[each] = Node()
            self.touched.add(parent(each))
        if not (node.type == DIRECTORY and self.is_dir(path)):
            self.remove(path)
        self.nodes[path] = node

    def resolve(self, path, follow=True):
        """(where the path leads or None, every entry on the way)."""
        rest = [c for c in path.split(b"/") if c]
        at, way, hops = b"", [], 0
        while rest:
            name = rest.pop(0)
            if not self.is_dir(at):
                return None, way
            if name == b".":
                continue
            if name == b"..":
                at = parent(at)
                continue
            at = join(at, name)
            if at not in self.nodes:
                return None, way
            way.append(at)
            node = self.nodes[at]
            if node.type == SYMLINK and (rest or follow):
                hops += 1
                if hops > HOPS:
                    return None, way
                rest = [c for c in node.target.split(b"/") if c] + rest
                at = b"" if node.target[:1] == b"/" else parent(at)
        return at, way

    def resolve_from(self, directory, target):
        if target[:1] == b"/":
            return self.resolve(target)
        return self.resolve(join(directory, target))


def expand(pattern):
    """The alternatives of a pattern with (not nested) braces."""
    found = re.match(rb"((?:[^\\{]|\\.)*)\{([^}]*)\}(.*)$", pattern, re.S)
    if not found:
        return [pattern]
    head, branches, tail = found.groups()
    return [head + b + t for b in branches.split(b",") for t in expand(tail)]


def component(text):
    """(literal bytes or None, compiled expression) of one component."""
    literal, expression, at = b"", b"", 0
    while at < len(text):
        c = text[at:at + 1]
        if c == b"\\":
            at += 1
            c = text[at:at + 1]
            expression += re.escape(c)
        elif c == b"?" or c == b"*":
            literal = None
            expression += b"." if c == b"?" else b".*"
        elif c == b"[":
            end = text.index(b"]", at + 2)
            expression += text[at:end + 1].replace(b"[!", b"[^")
            literal, at = None, end
        else:
            expression += re.escape(c)
        if literal is not None:
            literal += c
        at += 1
    return literal, re.compile(expression, re.S)


def match_parts(parts, names):
    if not parts:
        return not names
    if parts[0] == b"**":
        if len(parts) == 1:
            return bool(names)
        return any(match_parts(parts[1:], names[i:])
                   for i in range(len(names) + 1))
    return bool(names) and component(parts[0])[1].fullmatch(names[0]) \
        is not None and match_parts(parts[1:], names[1:])


def match_alternative(tree, alternative):
    """(the paths that it names, the links that its prefix led through)."""
    parts = alternative.strip(b"/").split(b"/")
    prefix = []
    while parts and parts[0] != b"**" and component(parts[0])[0] is not None:
        prefix.append(component(parts.pop(0))[0])
    at, way = tree.resolve(join(*prefix), follow=bool(parts))
    links = [p for p in way if tree.nodes[p].type == SYMLINK]
    if at is None:
        return [], []
    if not parts:
        return [at], [p for p in links if p != at]
    if not tree.is_dir(at):
        return [], []
    start = len(at) + 1 if at else 0
    return [p for p in tree.nodes if p != at and below(p, at) and
            match_parts(parts, p[start:].split(b"/"))], links


class Conflict(Exception):
    """A drop rule names what something kept needs."""


class Nothing(Exception):
    """No keep rule matches."""


def select(tree, keep, drop):
    """The set of paths that a variant holds."""
    dropped = {path for pattern in drop for one in expand(pattern)
               for path in match_alternative(tree, one)[0]}
    kept, ways = set(), set()
    for pattern in keep:
        for one in expand(pattern):
            paths, links = match_alternative(tree, one)
            paths = [p for p in paths if p not in dropped]
            kept.update(paths)
            ways.update(links if paths else ())
    if not kept:
        raise Nothing
    kept |= follow_links(tree, kept | ways, ways)
    for path in kept:
        if path in dropped and tree.nodes[path].type != DIRECTORY:
            raise Conflict(path)
    return with_parents(kept)


def follow_links(tree, start, found):
    found, todo = set(found), list(start)
    seen = set()
    while todo:
        path = todo.pop()
        if path in seen or tree.nodes[path].type != SYMLINK:
            continue
        seen.add(path)
        way = tree.resolve_from(parent(path), tree.nodes[path].target)[1]
        found.update(way)
        todo += way
    return found


def with_parents(paths):
    found = set()
    for path in paths:
        while path and path not in found:
            found.add(path)
            path = parent(path)
    return found
