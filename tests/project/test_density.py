"""The counting of density itself, on a few lines."""

from support.density import Density, Function, code_lines, functions_in

SOURCE = '''"""Doc."""

# why
def f(a, b):
    """Doc."""
    if a and b or a:
        return [x for x in a if x if b]
    assert a, "text"
    return 1 if a else 2


def g():
    for x in ():
        try:
            pass
        except OSError:  # so
            pass
    match 1:
        case 1:
            pass
'''


def test_lines_are_counted_as_they_read():
    """Code is what is left without blank lines, comments and docstrings; a string of three lines is three lines."""
    source = '"""Doc.\n\nMore.\n"""\n\n# why\nx = """a\n\nb"""  # c\n\n\ndef f():\n    """Doc."""\n    return x\n'
    assert code_lines(source) == {7, 8, 9, 12, 14}


def test_what_is_counted():
    """Statements without docstrings, branches of every kind, conditional expressions and comments are counted."""
    density = Density.of(SOURCE)
    assert (density.lines, density.statements, density.comments) == (14, 12, 2)
    # f: the if, two operands more, a comprehension with two conditions, an assert, a conditional expression; g: three.
    assert (density.branches, density.conditionals) == (8 + 3, 1)
    assert Density.of("x = 1 + y\n").expressions == 4
    assert (density + density).branches == 22
    assert density.in_100_statements(density.branches) == 100 * 11 / 12


def test_functions_are_measured():
    """A function's complexity is one and its branches; its lines are those of its code."""
    assert list(functions_in(SOURCE)) == [Function("f", 4, 9, 5), Function("g", 12, 4, 9)]
