"""The tree keeps the promises of RFC 6962, whichever way it is grown or read."""

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from audit import tree


def leaves_of(count: int) -> list[bytes]:
    return [tree.leaf_hash(b"entry %d" % number) for number in range(count)]


def grown(count: int, *, step: int = 10_000) -> tuple[tree.Edge, dict[tree.TileId, bytes]]:
    edge, tiles, leaves = tree.Edge(), {}, leaves_of(count)
    for start in range(0, count, step):
        edge, changed = tree.extend(edge, leaves[start : start + step])
        tiles |= changed
    return edge, tiles


def root_by_the_rfc(leaves: list[bytes]) -> bytes:
    """The recursion of RFC 6962 §2.1, word for word, as a second opinion."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + root_by_the_rfc(leaves[:k]) + root_by_the_rfc(leaves[k:])).digest()


@pytest.fixture(scope="module")
def thousand() -> dict[tree.TileId, bytes]:
    return grown(1000)[1]


def test_the_published_roots_of_the_eight_reference_entries_come_out():
    entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    edge, _ = tree.extend(tree.Edge(), [tree.leaf_hash(bytes.fromhex(entry)) for entry in entries])
    assert edge.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    edge, _ = tree.extend(tree.Edge(), [tree.leaf_hash(b"")])
    assert edge.root.hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_the_empty_tree_has_the_hash_of_nothing():
    assert tree.Edge().root == sha256(b"").digest()


@given(st.integers(0, 1500), st.integers(1, 700))
def test_the_root_is_that_of_the_rfc_however_many_are_added_at_a_time(count, step):
    edge, _ = grown(count, step=step)
    assert edge.root == root_by_the_rfc(leaves_of(count))
    assert edge.size == count


@pytest.mark.parametrize("count", [255, 256, 257, 65_535, 65_536, 65_537, 66_000])
def test_the_tree_is_right_around_the_seams_of_tiles(count):
    edge, tiles = grown(count, step=65_500)
    assert edge.root == root_by_the_rfc(leaves_of(count))
    for (place, width), part in zip(tree.edge_tiles(count), edge.tiles, strict=True):
        assert tiles.get(place, b"")[: width * 32] == part
    index = count - 2
    path = tree.hashes_of(tree.inclusion_ranges(index, count), tiles.__getitem__)
    assert tree.verify_inclusion(leaves_of(count)[index], index, count, path, edge.root)


@given(st.data())
def test_every_entry_can_be_proved_and_nothing_else(thousand, data):
    size = data.draw(st.integers(1, 1000))
    index = data.draw(st.integers(0, size - 1))
    root = grown(size)[0].root
    leaf = tree.leaf_hash(b"entry %d" % index)
    path = tree.hashes_of(tree.inclusion_ranges(index, size), thousand.__getitem__)

    assert tree.verify_inclusion(leaf, index, size, path, root)
    assert not tree.verify_inclusion(tree.leaf_hash(b"other"), index, size, path, root)
    assert not tree.verify_inclusion(leaf, index, size, [*path, leaf], root)
    assert not tree.verify_inclusion(leaf, size, size, path, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index)) if size > 1 else -1
    assert not tree.verify_inclusion(leaf, other, size, path, root)
    if path:
        assert not tree.verify_inclusion(leaf, index, size, path[:-1], root)
        spot = data.draw(st.integers(0, len(path) - 1))
        path[spot] = tree.leaf_hash(path[spot])
        assert not tree.verify_inclusion(leaf, index, size, path, root)


@given(st.data())
def test_growth_can_be_proved_and_a_fork_cannot(thousand, data):
    new = data.draw(st.integers(1, 1000))
    old = data.draw(st.integers(1, new))
    old_root, new_root = grown(old)[0].root, grown(new)[0].root
    path = tree.hashes_of(tree.consistency_ranges(old, new), thousand.__getitem__)

    assert tree.verify_consistency(old, new, old_root, new_root, path)
    assert not tree.verify_consistency(old, new, tree.leaf_hash(old_root), new_root, path)
    assert not tree.verify_consistency(old, new, old_root, tree.leaf_hash(new_root), path)
    assert not tree.verify_consistency(old, new, old_root, new_root, [*path, old_root])
    if path:
        spot = data.draw(st.integers(0, len(path) - 1))
        path[spot] = tree.leaf_hash(path[spot])
        assert not tree.verify_consistency(old, new, old_root, new_root, path)


def test_roots_and_paths_are_those_of_another_implementation(thousand):
    chance = random.Random(6962)
    for _ in range(60):
        size = chance.randint(2, 300)
        index = chance.randrange(size)
        other = InmemoryTree(algorithm="sha256")
        for number in range(size):
            other.append_entry(b"entry %d" % number)
        path = tree.hashes_of(tree.inclusion_ranges(index, size), thousand.__getitem__)
        theirs = [bytes.fromhex(one) for one in other.prove_inclusion(index + 1).serialize()["path"]]

        assert other.get_root() == grown(size)[0].root
        theirs.remove(tree.leaf_hash(b"entry %d" % index))
        assert sorted(theirs) == sorted(path)


def test_impossible_questions_are_refused():
    with pytest.raises(ValueError, match="no such entry"):
        tree.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="no consistency proof"):
        tree.consistency_ranges(4, 3)
    assert not tree.verify_consistency(0, 3, tree.EMPTY_ROOT, tree.EMPTY_ROOT, [])
    with pytest.raises(KeyError):
        tree.hashes_of([(0, 2)], lambda _: b"short")
