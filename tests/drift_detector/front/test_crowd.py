"""The bounds of all connections together."""

from drift_detector.front.crowd import Crowd


class Client:
    """A connection that only knows its address and whether it was ended."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_ended = False

    def abort(self) -> None:
        self.is_ended = True


def joined(crowd: Crowd, *addresses: str) -> list[Client]:
    clients = [Client(address) for address in addresses]
    assert all(crowd.join(client) for client in clients)
    return clients


def ended(clients: list[Client]) -> list[bool]:
    return [client.is_ended for client in clients]


def test_crowd__that_is_full__ends_the_longest_waiting_of_the_busiest_address() -> None:
    crowd = Crowd(max_connections=4, max_held_bytes=100)
    clients = joined(crowd, "quiet", "busy", "busy", "busy")
    assert crowd.join(Client("new"))
    assert ended(clients) == [False, True, False, False]


def test_crowd__that_is_at_work__takes_no_further_one() -> None:
    crowd = Crowd(max_connections=2, max_held_bytes=100)
    clients = joined(crowd, "a", "a")
    for client in clients:
        crowd.work(client)
    assert not crowd.join(Client("new"))
    assert ended(clients) == [False, False]


def test_crowd__that_holds_too_much__ends_who_holds_and_waits() -> None:
    crowd = Crowd(max_connections=9, max_held_bytes=100)
    at_work, empty, slow, fast = clients = joined(crowd, "a", "b", "c", "d")
    assert crowd.hold(at_work, 40)
    crowd.work(at_work)
    assert crowd.hold(slow, 40)
    assert crowd.hold(fast, 50)
    assert ended(clients) == [False, False, True, False]
    assert (crowd.held_bytes, empty.is_ended) == (90, False)


def test_crowd__without_room_for_one__says_so_and_counts_nothing() -> None:
    crowd = Crowd(max_connections=9, max_held_bytes=100)
    at_work, late = joined(crowd, "a", "b")
    assert crowd.hold(at_work, 90)
    crowd.work(at_work)
    assert not crowd.hold(late, 50)
    crowd.leave(at_work)
    crowd.leave(late)
    assert crowd.held_bytes == 0
