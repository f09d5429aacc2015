"""What a guest cannot have is refused when the program is spawned: one line with file, line, what, and what to do."""

import math

import pytest

from emu import guest
from emu.program.executable import ProgramError, executable

from . import runs

numbers, limit = [1, 2], 1 << 63
array = guest.words(4)


def a_list(n):
    return [n, 2][0]


def a_dictionary(n):
    return {n: 1}[n]


def a_text(n):
    name = "a"
    return name + "b"


def a_text_put_together(n):
    guest.write(f"{n}")


def to_print(n):
    print(n)


def a_try(n):
    try:
        return n
    except ValueError:
        return 0


def to_raise(n):
    raise ValueError


def a_class(n):
    class C:
        pass


def a_lambda(n):
    return (lambda x: x)(n)


def a_generator(n):
    yield n


def an_attribute(n):
    n.x = 2


def to_change_a_name(n):
    global limit
    limit = n


def a_global_list(n):
    return numbers[n]


def no_name(n):
    return missing(n)  # noqa: F821


def no_verb(n):
    return guest.sned(n)


def a_number_too_large(n):
    return n + limit


def no_function_of_a_guest(n):
    return int(math.sin(n))


def a_float_as_status(n):
    return n / 2


def a_number_as_text(n):
    guest.write(n)


def a_float_for_a_thread(n):
    return guest.spawn(no_verb, 1.5)


def a_float_in_words(n):
    array[0] = 1.5


def two(a, b):
    return a + b


def a_thread_of_two(n):
    return guest.spawn(two, n)


def two_kinds(n):
    x = (1, 2) if n else 5
    return x


def in_a_helper(n):
    return a_list(n)


REFUSED = {
    a_list: (1, "no lists: make it guest.words"),
    a_dictionary: (1, "no dictionaries"),
    a_text: (2, "no texts: guest.write"),
    a_text_put_together: (1, "no texts"),
    to_print: (1, "no print: use guest.print_int"),
    a_try: (2, "no try: ask before"),
    runs.an_assertion: (2, "no raise and assert: end the program with guest.exit"),
    to_raise: (1, ""),
    a_class: (1, "no classes"),
    a_lambda: (1, "no functions inside functions"),
    a_generator: (1, "no generators"),
    an_attribute: (1, "no attributes"),
    to_change_a_name: (2, "no global names that change: use guest.words(1)"),
    a_global_list: (1, "no list ('numbers'): make it guest.words"),
    no_name: (1, "the name 'missing' is not defined"),
    no_verb: (1, "emu.guest has no 'sned'"),
    a_number_too_large: (1, "9223372036854775808 does not fit into a word"),
    no_function_of_a_guest: (0, "uses sin, which a guest does not have"),
    a_float_as_status: (0, "returns float64: expected an integer"),
    a_number_as_text: (1, "write does not take this: write(int)"),
    a_float_for_a_thread: (1, "guest.spawn(no_verb, float): it does not take these"),
    a_float_in_words: (1, "setitem does not take this: setitem(words(4), 0, float)"),
    two_kinds: (1, "Cannot unify"),
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda each: each.__name__)
def test_what_a_guest_cannot_have_is_refused_in_one_line(function):
    offset, what = REFUSED[function]
    with pytest.raises(ProgramError) as caught:
        executable(function, 1, "program")
    said, line = str(caught.value), function.__code__.co_firstlineno + offset
    file = function.__module__.rpartition(".")[2]
    assert said.startswith(f"{file}.py, line {line}: {function.__name__}: ") and what in said, said
    assert "\n" not in said and len(said) < 300


@pytest.mark.parametrize("function, guilty, line", [(in_a_helper, a_list, 1), (a_thread_of_two, two, 0)])
def test_the_line_is_that_of_the_function_that_is_wrong(function, guilty, line):
    with pytest.raises(ProgramError) as caught:
        executable(function, 1, "program")
    assert str(caught.value).startswith(
        f"test_refusals.py, line {guilty.__code__.co_firstlineno + line}: {guilty.__name__}:"
    )


def test_what_is_no_function_or_takes_other_arguments_is_refused():
    with pytest.raises(ProgramError, match="takes 2 arguments, was given 1 integers"):
        executable(two, 1, "program")
    with pytest.raises(ProgramError, match="expected a Python function"):
        executable(len, 1, "program")
    with pytest.raises(ProgramError, match="takes 0 arguments"):
        executable(lambda *numbers: 0, 1, "program")


def test_words_are_integers_of_64_bits():
    assert len(guest.words(3)) == 3 and len(guest.words([1, -1])) == 2
    for wrong in (0, [], [1.5], [1 << 63], [-(1 << 63) - 1]):
        with pytest.raises(ValueError, match="expected a number or integers of 64 bits"):
            guest.words(wrong)
