"""The tree keeps the promises of RFC 6962, whichever way it is grown or read."""

import functools
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


# The eight entries with which Certificate Transparency logs have always been checked, and what comes of them.
REFERENCE = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
INCLUSION = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a3091",
        "5f083f0a1a33ca076a95279832580db3",
        "6b47aaf29ee3c2af9af889bc1fb9254d",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f7",
        "ca854ea128ed050b41b35ffc1b87b8eb",
        "d37ee418976dd95753c1c73862b9398f",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9d",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c",
        "5f083f0a1a33ca076a95279832580db3",
        "bc1a0643b12e4d2d7c77918f44e0f4f7",
    ),
}
"""(index, size) → the way up, the first half of each hash."""
CONSISTENCY = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a3091",
        "5f083f0a1a33ca076a95279832580db3",
        "6b47aaf29ee3c2af9af889bc1fb9254d",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e",
        "ca854ea128ed050b41b35ffc1b87b8eb",
        "d37ee418976dd95753c1c73862b9398f",
    ),
    (2, 5): ("5f083f0a1a33ca076a95279832580db3", "bc1a0643b12e4d2d7c77918f44e0f4f7"),
}


def test_the_published_roots_and_proofs_of_the_eight_reference_entries_come_out():
    leaves = [tree.leaf_hash(entry) for entry in REFERENCE]
    tiles = tree.extend(tree.Edge(), leaves)[1]
    for size, root in enumerate(ROOTS, 1):
        assert tree.extend(tree.Edge(), leaves[:size])[0].root.hex() == root
    for (index, size), published in INCLUSION.items():
        path = tree.hashes_of(tree.inclusion_ranges(index, size), tiles.__getitem__)
        assert [each.hex()[:32] for each in path] == list(published)
        assert tree.verify_inclusion(leaves[index], index, size, path, bytes.fromhex(ROOTS[size - 1]))
    for (old, new), published in CONSISTENCY.items():
        path = tree.hashes_of(tree.consistency_ranges(old, new), tiles.__getitem__)
        assert [each.hex()[:32] for each in path] == list(published)
        roots = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
        assert tree.verify_consistency(old, new, *roots, path)


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


CASES = 100_000


def test_a_hundred_thousand_proofs_lead_to_the_roots_of_another_implementation(thousand):
    """Any size, any entry, any earlier size; roots by pymerkle, and of each fiftieth case its way up too."""
    chance, most = random.Random(6962), 600
    other = InmemoryTree(algorithm="sha256")
    for number in range(most):
        other.append_entry(b"entry %d" % number)
    roots = [other.get_root(size) for size in range(most + 1)]
    leaves = leaves_of(most)
    hash_of = functools.cache(lambda each: tree.hashes_of([each], thousand.__getitem__)[0])
    for case in range(CASES):
        size = chance.randint(1, most)
        index, old = chance.randrange(size), chance.randint(1, size)
        path = [hash_of(each) for each in tree.inclusion_ranges(index, size)]
        growth = [hash_of(each) for each in tree.consistency_ranges(old, size)]
        assert tree.verify_inclusion(leaves[index], index, size, path, roots[size])
        assert tree.verify_consistency(old, size, roots[old], roots[size], growth)
        if case % 50 == 0:
            theirs = {bytes.fromhex(one) for one in other.prove_inclusion(index + 1, size).serialize()["path"]}
            assert theirs == {*path, leaves[index]}


def test_impossible_questions_are_refused():
    with pytest.raises(ValueError, match="no such entry"):
        tree.inclusion_ranges(3, 3)
    with pytest.raises(ValueError, match="no consistency proof"):
        tree.consistency_ranges(4, 3)
    assert not tree.verify_consistency(0, 3, tree.EMPTY_ROOT, tree.EMPTY_ROOT, [])
    with pytest.raises(KeyError):
        tree.hashes_of([(0, 2)], lambda _: b"short")
