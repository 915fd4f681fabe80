import numba

from algorithms.kernels.compiler import jit

SOURCE = "def twice(value):\n    return 2 * value\n"


def test_jit__function_without_a_place_for_a_cache__is_compiled_all_the_same() -> None:
    names: dict[str, object] = {}
    exec(
        compile(SOURCE, "<nowhere>", "exec"), names
    )  # numba finds no file beside which it could keep it
    twice = jit(names["twice"])  # type: ignore[type-var]
    assert isinstance(twice, numba.core.dispatcher.Dispatcher)
    assert twice(21) == 42
